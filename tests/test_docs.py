"""Documentation that cannot rot: the pages are read against the code they speak of."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer

from docs.formulas import formulas
from docs.generate import commands, generated, with_formulas
from tests.sources import PACKAGES, ROOT, FunctionNode, Source, functions, is_kernel, sources

OURS = sources(*PACKAGES)
STRATEGIES = [source for source in OURS if re.fullmatch(r"strategies/[a-z]\w*\.py", source.path)]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def page(name: str) -> str:
    """The text of a page of the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def in_code(text: str) -> set[str]:
    """Every word between backticks."""
    return {word for span in re.findall(r"`([^`\n]+)`", text) for word in re.split(r"[\s,=]", span)}


def without_comments(text: str) -> str:
    """The same text, but no line of a code block looks like a heading."""
    return re.sub(r"^```.*?^```", lambda m: m[0].replace("\n#", "\n "), text, flags=re.S | re.M)


def section(text: str, heading: str) -> str:
    """What stands under the heading that has these words, up to the next heading of its rank."""
    text = without_comments(text)
    found = re.search(rf"^(#+) [^\n]*{re.escape(heading)}(?![\w-])[^\n]*\n", text, re.MULTILINE)
    if not found:
        return ""
    rest = text[found.end() :]
    after = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: after.start()] if after else rest


def table(text: str) -> dict[str, list[str]]:
    """The rows of a page's tables: each name in code in the first cell, and the other cells."""
    rows = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {name: [cell.strip() for cell in row[1:]] for row in rows for name in in_code(row[0])}


# ---- docstrings ----------------------------------------------------------------------------


def undocumented(source: Source) -> Iterator[str]:
    """Public functions, classes and methods, and all kernels, that say nothing of themselves."""
    public = [node for node in source.tree.body if isinstance(node, FunctionNode | ast.ClassDef)]
    for outer in [node for node in public if isinstance(node, ast.ClassDef)]:
        public += [node for node in outer.body if isinstance(node, FunctionNode)]
    asked = [node for node in public if not node.name.startswith("_")]
    asked += [function for function in functions(source) if is_kernel(source, function)]
    for node in sorted(set(asked), key=lambda node: node.lineno):
        if not ast.get_docstring(node):
            yield f"{source.path}:{node.lineno}: {node.name}"


def test_everything_public_says_what_it_is() -> None:
    assert [name for source in OURS for name in undocumented(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(): ...",
        "class A: ...",
        "class A:\n  'a'\n  def f(self): ...",
        "@kernel\ndef _f(): ...",
    ],
)
def test_a_missing_docstring_is_seen(text: str) -> None:
    assert list(undocumented(Source("replay/a.py", text)))


# ---- the command line ----------------------------------------------------------------------


def unspoken(app: typer.Typer, reference: str) -> Iterator[str]:
    """Commands without a section in the reference, and options their section does not name."""
    for name, command in commands(typer.main.get_command(app)):
        told = section(reference, f"`{name}`")
        if not told:
            yield f"{name}: no section headed `{name}`"
            continue
        for option in (option for parameter in command.params for option in parameter.opts):
            known = re.search(rf"{re.escape(option)}(?![\w-])", told)
            if option.startswith("--") and option != "--help" and not known:
                yield f"{name} {option}"


def test_every_command_and_option_is_in_the_reference() -> None:
    from micropulse.cli import app

    assert list(unspoken(app, page("docs/cli.md"))) == []


def test_the_tables_of_the_reference_are_those_of_the_commands() -> None:
    text = page("docs/cli.md")
    assert generated(text) == text, "python -m docs.generate writes docs/cli.md anew"


def test_a_row_of_the_reference_that_is_wrong_is_written_anew() -> None:
    text = page("docs/cli.md")
    wrong = text.replace("| `--port` | `8765` |", "| `--port` | `1` |")
    assert wrong != text
    assert generated(wrong) == text


def test_the_formulas_of_the_page_are_those_of_the_kernels() -> None:
    text = page("docs/features.md")
    assert with_formulas(text) == text, "python -m docs.generate writes docs/features.md anew"
    found = formulas()
    assert {name for name, ways in found.items() if len(ways) != 1} == {"book_stale"}
    assert found["mid"][0].function == "mid" and "book.mid2 / (2 * px_scale)" in text


def test_every_command_is_in_the_readme() -> None:
    from micropulse.cli import app

    readme = page("README.md")
    names = [name for name, _ in commands(typer.main.get_command(app))]
    assert [name for name in names if not re.search(rf"{name}(?![\w-])", readme)] == []


def test_the_pages_name_no_command_that_is_not_there() -> None:
    from micropulse.cli import app

    there = {name.split()[1] for name, _ in commands(typer.main.get_command(app))}
    named = {
        f"{path.name}: {word}"
        for path in PAGES
        for word in re.findall(r"(?:^|`)(?:\./mp|micropulse) ([a-z]+)", path.read_text(), re.M)
        if word not in there | {"test", "soak"}
    }
    assert named == set()


def test_an_unspoken_option_is_seen() -> None:
    app = typer.Typer(add_completion=False)
    inner = typer.Typer()
    app.add_typer(inner, name="tape")

    @inner.command("ls")
    def list_tapes(folder: str, seal: bool = False) -> None: ...

    @inner.command("check")
    def check_tapes(folder: str) -> None: ...

    assert [name for name, _ in commands(typer.main.get_command(app))] == [
        "micropulse tape check",
        "micropulse tape ls",
    ]
    reference = "## `micropulse tape ls` FOLDER\n\n`--sealed`\n\n## Other\n\n`--seal`\n"
    inside = "## `micropulse tape ls`\n\n```\n# the same rank\n--seal\n```\n"
    assert [missing for missing in unspoken(app, inside) if " ls " in missing] == []
    assert list(unspoken(app, reference)) == [
        "micropulse tape check: no section headed `micropulse tape check`",
        "micropulse tape ls --seal",
    ]


@pytest.mark.parametrize("command", ["demo", "test"])
def test_the_two_commands_of_the_readme_are_there(command: str) -> None:
    from micropulse.cli import app

    assert os.access(ROOT / "mp", os.X_OK)
    assert re.search(rf"^\./mp {command}$", page("README.md"), re.M)
    there = {name for name, _ in commands(typer.main.get_command(app))}
    assert command == "test" or f"micropulse {command}" in there


# ---- features and parameters ---------------------------------------------------------------


def test_every_feature_column_is_defined_and_no_other() -> None:
    from micropulse.schema import FEATURE_COLUMNS

    columns = page("docs/features.md").partition("\n## Parameters")[0]
    assert set(table(columns)) == set(FEATURE_COLUMNS)


def defaults_told(name: str) -> dict[str, str]:
    """Parameter -> default, of the table under a page's heading "Parameters"."""
    rows = table(section(page(name), "Parameters"))
    return {parameter: cells[0].strip("`") for parameter, cells in rows.items()}


def defaults_of(record: Any, source: type) -> dict[str, str]:
    """Parameter -> default as TOML writes it (for such values as JSON does)."""
    return {name: json.dumps(getattr(record, name)) for name in get_type_hints(source)}


def test_every_feature_parameter_is_defined_with_its_default() -> None:
    from micropulse.settings import FeatureSettings

    assert defaults_told("docs/features.md") == defaults_of(FeatureSettings, FeatureSettings)


def test_every_execution_parameter_is_defined_with_its_default() -> None:
    from micropulse.params import Execution

    assert defaults_told("docs/execution.md") == defaults_of(Execution(), Execution)


def parameters(strategy: Source, record: str = "Params", prefix: str = "") -> set[str]:
    """The fields of its Params, of records within it too: `exit.tp_ticks`.

    A record needs a field even where there is nothing to set; it is then called `unused`.
    """
    records = {node.name: node for node in strategy.tree.body if isinstance(node, ast.ClassDef)}
    found: set[str] = set()
    for field in records[record].body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name, kind = f"{prefix}{field.target.id}", ast.unparse(field.annotation)
            found |= parameters(strategy, kind, f"{name}.") if kind in records else {name}
    return found - {"unused"}


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.module)
def test_every_parameter_of_a_strategy_is_defined(strategy: Source) -> None:
    name = strategy.module.removeprefix("strategies.")
    told = section(page("docs/strategies.md"), f"`{name}`")
    assert told, f"docs/strategies.md has no section headed `{name}`"
    assert parameters(strategy) <= set(table(told))


def test_the_parameters_of_a_strategy_are_found() -> None:
    text = """
class Exit(Record):
    tp_ticks: i8 = 3
class Params(Record):
    "What can be set."
    side: i8 = 1
    exit: Exit
    unused: i8 = 0
class Memory(Record):
    since: i8
"""
    assert parameters(Source("strategies/a.py", text)) == {"side", "exit.tp_ticks"}


# ---- links ---------------------------------------------------------------------------------


def broken_links(path: Path, text: str) -> Iterator[str]:
    """Links to files or headings of the checkout that are not there."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve()
        if not target.exists():
            yield f"{path.name}: {link}"
            continue
        if anchor and anchor not in headings(target.read_text() if file else text):
            yield f"{path.name}: {link}"


def headings(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_comments(text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_local_link_leads_somewhere(path: Path) -> None:
    assert list(broken_links(path, path.read_text(encoding="utf-8"))) == []


def test_the_index_names_every_page() -> None:
    index = page("docs/README.md")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name}" not in index} == set()


def test_a_broken_link_is_seen() -> None:
    text = "# A b\n[1](#a-b) [2](#c) [3](gone.md) [4](https://x) [5](README.md) `[6](gone)`\n"
    assert list(broken_links(ROOT / "README.md", text)) == ["README.md: #c", "README.md: gone.md"]
