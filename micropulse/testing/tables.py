"""The tables of a run folder as whole numbers: prices, quantities, money and times, exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from replay.runs import Run

Row = dict[str, Any]


def opened(run: Run | Path | str) -> Run:
    """A complete run folder. Raises RunError."""
    return run if isinstance(run, Run) else Run(Path(run))


def rows(table: pl.DataFrame) -> list[Row]:
    """A dict a row: decimals as integers at their scale, times as ns, words and flags as they
    are."""
    return table.with_columns(
        pl.selectors.decimal().to_physical(), pl.selectors.datetime().to_physical()
    ).to_dicts()


def by(table: list[Row], column: str) -> dict[Any, list[Row]]:
    """The rows of each value of a column, in their order."""
    found: dict[Any, list[Row]] = {}
    for row in table:
        found.setdefault(row[column], []).append(row)
    return found


def must(what: str, row: Row, field: str, seen: object, expected: object) -> None:
    """Raise AssertionError when they differ, with the row's place."""
    if seen != expected:
        seq = next((row[name] for name in ("status_seq", "exit_seq", "seq") if name in row), "end")
        raise AssertionError(
            f"seq {seq}, {what}, field {field}: it is {seen!r}, and must be {expected!r}"
        )
