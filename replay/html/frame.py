"""A page of results in one HTML file: its style, its program and its data lie in it."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

LEVEL = 4  # of gzip: 6 takes twice as long for four percent
PART = re.compile(r"\{\{(\w+)\}\}")


def page(
    package: str,
    title: str,
    lead: str,
    parts: Mapping[str, str],
    data: Mapping[str, Any],
    packed: Mapping[str, bytes] | None = None,
    programs: Iterable[str] = ("page.js",),
) -> str:
    """The HTML of a page whose page.html, page.css and programs lie in `package`.

    `parts` fill the {{places}} of page.html and are HTML; `title` and `lead` are text. `data` are
    read by the program as JSON, `packed` as bytes, each under its name as id.
    """
    filled = {
        "title": escape(title),
        "lead": escape(lead),
        "style": _file("replay.html", "look.css") + _file(package, "page.css"),
        "body": fill(_file(package, "page.html"), parts),
        "data": "\n".join(
            f'<script type="application/json" id="{name}">{_json(value)}</script>'
            for name, value in data.items()
        ),
        "packed": "\n".join(
            f'<script type="application/octet-stream" id="{name}">{in_page(blob)}</script>'
            for name, blob in (packed or {}).items()
        ),
        "plotly": _plotly(),
        "program": _file("replay.html", "look.js")
        + "".join(_file(package, name) for name in programs),
    }
    return fill(_file("replay.html", "look.html"), filled)


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with its {{places}} filled. Raises KeyError where a part is missing."""
    return PART.sub(lambda found: parts[found[1]], template)


def write(path: Path, text: str) -> None:
    """The whole file or the one before: never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1, **more: str) -> str:
    """An HTML table in a box that scrolls by itself; the first `words` columns are text. Cells
    are HTML: escape what is not yours."""
    if not rows:
        return '<p class="none">Nothing to show.</p>'
    classes = [' class="word"' if k < words else "" for k in range(len(heads))]
    head = "".join(f"<th{c}>{escape(name)}</th>" for c, name in zip(classes, heads, strict=True))
    body = "\n".join(_row(classes, row) for row in rows)
    extra = "".join(f' {name}="{escape(value)}"' for name, value in more.items())
    return (
        f'<div class="scroll"><table{extra}><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(classes: Sequence[str], cells: Sequence[str]) -> str:
    tds = (f"<td{c}>{cell}</td>" for c, cell in zip(classes, cells, strict=True))
    return f"<tr>{''.join(tds)}</tr>"


def in_page(data: bytes) -> str:
    """gzip, then base64: 4.8 MB of plotly.js are 2.0 MB."""
    return base64.b64encode(gzip.compress(data, LEVEL, mtime=0)).decode()


@cache
def _plotly() -> str:
    """plotly.js as the Python package has it. Read as a file: importing plotly takes 0.3 s."""
    return in_page((files("plotly") / "package_data" / "plotly.min.js").read_bytes())


def _file(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
