"""The formulas of docs/features.md, from the kernels themselves: `python -m docs.generate` puts
them there.

The page's definitions are the truth, for people; this is what the core computes, by the name of the
column, with the place where it stands.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

from micropulse.schema import FEATURE_COLUMNS

FOLDER = Path(__file__).parents[1] / "micropulse" / "features"


class Formula(NamedTuple):
    """The code of a column: its file, the function, the expression."""

    file: str
    function: str
    text: str


def formulas() -> dict[str, list[Formula]]:
    """Every way in which a column is written, in the order of the columns."""
    kernels = {
        node.name: (path.name, node)
        for path in sorted(FOLDER.glob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    found: dict[str, list[Formula]] = {name: [] for name in FEATURE_COLUMNS}
    for name, (file, kernel) in kernels.items():
        for node in ast.walk(kernel):
            if isinstance(node, ast.Assign) and (column := _column(node)):
                called = _called(node.value, kernels)
                text = ast.unparse(node.value)
                found[column].append(called or Formula(file, name, text))
    return found


def _column(node: ast.Assign) -> str | None:
    """The column that an assignment writes: `features.mid = …`. A constant is a beginning."""
    target = node.targets[0]
    if ast.unparse(node.value) in ("nan", "True", "False"):
        return None
    if not isinstance(target, ast.Attribute) or ast.unparse(target.value) != "features":
        return None
    return target.attr if target.attr in FEATURE_COLUMNS else None


def _called(value: ast.expr, kernels: dict[str, tuple[str, ast.FunctionDef]]) -> Formula | None:
    """Of a call to one of the kernels: what that one returns in the end."""
    if not isinstance(value, ast.Call) or ast.unparse(value.func) not in kernels:
        return None
    file, called = kernels[ast.unparse(value.func)]
    last = called.body[-1]
    assert isinstance(last, ast.Return) and last.value is not None
    return Formula(file, called.name, ast.unparse(last.value))


def table() -> str:
    """A row a column: its file and function, its expression."""
    rows = ["| column | function | computes |", "|---|---|---|"]
    for column, ways in formulas().items():
        for way in ways:
            rows.append(f"| `{column}` | `{way.file}` `{way.function}` | `{way.text}` |")
    return "\n".join(rows)
