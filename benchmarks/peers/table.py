"""The figures as Markdown, and their place in a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

BEGIN = "<!-- python -m benchmarks.peers --write docs/benchmarks.md writes from here -->"
END = "<!-- to here -->"

COST = (
    "engine", "how", "input MiB", "made in CPU-s", "CPU-s", "of it start-up",
    "µs an event", "peak MiB",
)  # fmt: skip
TRUE = (
    "engine", "how", "OBI is true", "orders", "of the true ones", "fills", "gross USDT",
    "digest",
)  # fmt: skip


def page_part(found: dict[str, Any]) -> str:
    """Everything between the marks: `found` itself as a comment, then what people read of it.

    `found` has `measured` (how, in words), `events` and `rows`; a test makes the part anew of it.
    """
    rows, events = found["rows"], found["events"]
    facts = "\n".join(f"- {name}: {text}" for name, text in found["measured"].items())
    costs = table(COST, (cost_cells(row, events) for row in rows))
    truth = table(TRUE, (true_cells(row) for row in rows))
    return "\n\n".join([BEGIN, comment(found), facts, costs, truth, END])


def comment(found: dict[str, Any]) -> str:
    """The figures where nobody sees them, a line a row."""
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in found["rows"])
    head = json.dumps(found | {"rows": []}, ensure_ascii=False).removesuffix("[]}")
    return f"<!--\n{head}[\n{rows}\n]}}\n-->"


def found_in(page: str) -> dict[str, Any]:
    """What `page_part` was given for this page. Raises ValueError where there is nothing."""
    kept = re.search(rf"{re.escape(BEGIN)}\n\n<!--\n(.*?)\n-->", page, re.S)
    if kept is None:
        raise ValueError("the page has no figures yet: python -m benchmarks.peers --write PAGE")
    found: dict[str, Any] = json.loads(kept[1])
    return found


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; what follows the second column is a number."""
    names = list(head)
    lines = [names, ["---", "---", *["---:"] * (len(names) - 2)], *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cost_cells(row: dict[str, Any], events: int) -> list[str]:
    """One engine's costs; what there is to say instead, where it has none."""
    cells = [f"{row['name']} {row['version']}".strip(), row["how"]]
    if "said" in row:
        return [*cells, row["said"], *["–"] * (len(COST) - 3)]
    return [
        *cells,
        f"{row['disk_mib']:,.0f}" if row["disk_mib"] >= 10 else f"{row['disk_mib']:.1f}",
        f"{row['make_s']:,.1f}" if row["make_s"] else "–",
        f"{row['cpu_s']:,.1f}",
        f"{row['start_s']:,.1f}",
        f"{(row['cpu_s'] - row['start_s']) / events * 1e6:,.2f}",
        f"{row['peak_mib']:,.0f}",
    ]


def true_cells(row: dict[str, Any]) -> list[str]:
    """What one engine saw and did."""
    cells = [f"{row['name']} {row['version']}".strip(), row["how"]]
    if "said" in row:
        return [*cells, row["said"], *["–"] * (len(TRUE) - 3)]
    return [
        *cells,
        f"{row['equal']:,} of {row['moments']:,}",
        f"{row['orders']:,}",
        f"{row['orders_right']:,} of {row['orders_true']:,}",
        f"{row['fills']:,}",
        f"{row['gross']:,.2f}",
        f"`{row['digest'][:12]}`",
    ]


def written(page: str, part: str) -> str:
    """The page with that part in place of the one it had. Raises ValueError without marks."""
    found = re.subn(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: part, page, flags=re.S)
    if found[1] != 1:
        raise ValueError(f"the page has no place for the tables: it lies between {BEGIN} and {END}")
    return found[0]
