"""What the pages have from the code: `python -m docs.generate` writes it anew. The tables of
options in docs/cli.md are the commands' own, the formulas in docs/features.md the kernels'.

A section of cli.md tells in words what a command does; the table below it says what there is to
set, with defaults, as `--help` has it. A test fails while the page is not what this makes of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from docs import formulas
from micropulse.cli import app

CLI, FEATURES = Path(__file__).with_name("cli.md"), Path(__file__).with_name("features.md")
BEGIN, END = "<!-- python -m docs.generate writes from here -->", "<!-- to here -->"
SHARED_BY = 4  # commands; what so many have alike is told once, at the top of the page


def commands(command: Any, name: str = "micropulse") -> Iterator[tuple[str, Any]]:
    """(words, command) of every command of a typer app's tree, groups walked."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, inner in sorted(command.commands.items()):
        yield from commands(inner, f"{name} {word}")


def row(option: Any) -> str:
    """One option as a line of a table: its names, its default, what it is."""
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len, reverse=True))
    default = "" if option.default in (None, False) else f"`{option.default}`"
    return f"| {names} | {'needed' if option.required else default} | {option.help} |"


def block(command: Any, shared: set[str]) -> str:
    """What stands at the end of a command's section: how it is called, and what can be set."""
    words = [
        (name if one.required else f"[{name}]") + (" …" if one.nargs == -1 else "")
        for one in command.params
        if one.param_type_name == "argument" and (name := one.name.upper())
    ]
    rows = [row(one) for one in command.params if one.param_type_name == "option"]
    own = [line for line in rows if line not in shared]
    others = [line.split("`")[1] for line in rows if line in shared]
    parts = [f"Takes {', '.join(f'`{word}`' for word in words)}."] if words else []
    if own:
        parts.append(table(own))
    if others:
        parts.append(f"{'Also' if own else 'Options:'} {', '.join(f'`{one}`' for one in others)}.")
    return marked(*parts)


def table(rows: Iterable[str]) -> str:
    """Rows under their heads."""
    return "\n".join(["| option | default | |", "|---|---|---|", *rows])


def marked(*parts: str) -> str:
    """Paragraphs between the marks, which are what is written anew."""
    return "\n\n".join([BEGIN, *parts, END])


def generated(text: str) -> str:
    """The page with the tables of the commands as they are now. Sections without one get one."""
    tree = list(commands(typer.main.get_command(app)))
    rows = Counter(row(o) for _, c in tree for o in c.params if o.param_type_name == "option")
    shared = {line for line, times in rows.items() if times >= SHARED_BY}
    top, *sections = re.sub(rf"\n*{BEGIN}.*?{END}", "", text, flags=re.S).split("\n## ")
    made = [f"{top.rstrip()}\n\n{marked(table(line for line in rows if line in shared))}\n"]
    for section in sections:
        command = dict(tree).get(section.split("`")[1] if section.startswith("`") else "")
        end = f"\n\n{block(command, shared)}" if command else ""
        made.append(f"{section.rstrip()}{end}\n")
    return "\n## ".join(made)


def with_formulas(text: str) -> str:
    """The page of features with what the kernels compute, at its marks."""
    return re.sub(rf"{BEGIN}.*?{END}", lambda _: marked(formulas.table()), text, flags=re.S)


if __name__ == "__main__":
    for page, made in ((CLI, generated), (FEATURES, with_formulas)):
        page.write_text(made(page.read_text(encoding="utf-8")), encoding="utf-8")
