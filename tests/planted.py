"""Faults planted in the tables of a run: what the kit's properties must find."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl


def planted(run: Path, folder: Path, table: str, row: int, field: str, change: Any) -> Path:
    """A copy of the run with one value changed."""
    shutil.copytree(run, folder)
    path = folder / f"{table}.parquet"
    frame = pl.read_parquet(path)
    values = frame[field].to_list()
    values[row] = change(values[row])
    changed = frame.with_columns(pl.Series(field, values, dtype=frame.schema[field]))
    assert not changed.equals(frame)
    changed.write_parquet(path)
    return folder


def one_more(value: Decimal) -> Decimal:
    """By the last digit of its scale."""
    return value + Decimal((0, (1,), value.as_tuple().exponent))
