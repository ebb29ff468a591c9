"""Where two run folders first differ: the table, the row, the field, and both values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from micropulse.sinks.transactions import iso

# Each table, and the columns that say when a row of it was written.
TABLES = {
    "samples": ("seq", "ts_recv"),
    "signals": ("seq", "ts"),
    "orders": ("status_seq", "status_ts"),
    "fills": ("seq", "ts"),
}


class Divergence(NamedTuple):
    """The first difference. `seq` is None where the rows say nothing of their event; `agreed` is
    the last checkpoint (events, seq, digest) that both runs share."""

    table: str
    row: int
    field: str
    one: str
    other: str
    seq: int | None
    ts: str | None
    agreed: dict[str, Any] | None
    frame: str | None = None


def first_difference(one: Path, other: Path) -> Divergence | None:
    """The earliest difference by seq, over every table; None when there is none.

    When all tables agree and the digests do not, the bytes of State differ.
    """
    agreed = last_common_checkpoint(one, other)
    found = [
        divergence._replace(agreed=agreed)
        for name in TABLES
        if (divergence := _in_table(name, one, other)) is not None
    ]
    found += [divergence._replace(agreed=agreed) for divergence in _in_trips(one, other)]
    if found:
        return min(found, key=lambda one: (one.seq is None, one.seq or 0, one.table))
    mine, yours = (str(_json(folder / "run.json")["digest"]) for folder in (one, other))
    if mine != yours:
        return Divergence("state", 0, "digest", mine, yours, None, None, agreed)
    return None


def _in_table(name: str, one: Path, other: Path) -> Divergence | None:
    """The first row of a Parquet table that differs."""
    left, right = (pq.read_table(folder / f"{name}.parquet") for folder in (one, other))
    if left.schema.names != right.schema.names:
        return Divergence(name, 0, "columns", "", "", None, None, None)
    found = first_unequal_row(left, right)
    if found is None:
        return None
    first, field = found
    if field == "rows":
        values = (f"{len(left)} rows", f"{len(right)} rows")
    else:
        values = (_text(left.column(field)[first]), _text(right.column(field)[first]))
    longer = left if len(left) > first else right
    seq_name, ts_name = TABLES[name]
    seq, ts = longer.column(seq_name)[first].as_py(), _text(longer.column(ts_name)[first])
    return Divergence(name, first, field, *values, seq, ts, None)


def first_unequal_row(left: pa.Table, right: pa.Table) -> tuple[int, str] | None:
    """The first row in which two tables of the same columns differ, and the first column in which
    it does; the column is `rows` where one of them ends. None when they are equal."""
    rows = min(len(left), len(right))
    first, field = rows, "rows"
    for column in left.schema.names:
        at = _first_unequal(left.column(column)[:rows], right.column(column)[:rows])
        if at is not None and at < first:
            first, field = at, column
    return None if first == rows and len(left) == len(right) else (first, field)


def _text(value: pa.Scalar) -> str:
    """A value for people; a time to the nanosecond, which Python's own cannot hold."""
    if value.is_valid and pa.types.is_timestamp(value.type):
        return iso(value.value)
    return str(value)


def _first_unequal(one: pa.ChunkedArray, other: pa.ChunkedArray) -> int | None:
    """The first place where two columns differ; two nulls are equal, and so are two NaN."""
    if one.type != other.type:
        return 0
    equal = pc.equal(one, other).fill_null(False)
    both_null = pc.and_(pc.is_null(one, nan_is_null=True), pc.is_null(other, nan_is_null=True))
    differs = np.flatnonzero(~np.asarray(pc.or_(equal, both_null)))
    return int(differs[0]) if len(differs) else None


def _in_trips(one: Path, other: Path) -> Iterator[Divergence]:
    """The first line of transaction.csv that differs."""
    left, right = (
        (folder / "transaction.csv").read_text(encoding="utf-8").splitlines()
        for folder in (one, other)
    )
    names = left[0].split(",") if left else []
    for row, (mine, yours) in enumerate(zip_longest(left[1:], right[1:])):
        if mine == yours:
            continue
        cells = zip_longest((mine or "").split(","), (yours or "").split(","), fillvalue="")
        field = next((name for name, (a, b) in zip(names, cells, strict=False) if a != b), "rows")
        line = dict(zip(names, (mine or yours).split(","), strict=False))
        seq = int(line["exit_seq"]) if line.get("exit_seq", "").isdecimal() else None
        at = names.index(field) if field in names else 0
        one_value, other_value = (_cell(text, at) for text in (mine, yours))
        when = line.get("exit_time")
        yield Divergence("transaction.csv", row, field, one_value, other_value, seq, when, None)
        return


def _cell(line: str | None, at: int) -> str:
    """A cell of a line of CSV that has no quotes."""
    cells = line.split(",") if line else []
    return cells[at] if at < len(cells) else "no row"


def last_common_checkpoint(one: Path, other: Path) -> dict[str, Any] | None:
    """The last checkpoint whose digest both runs have."""
    names = ["events", "seq", "digest"]
    left, right = (
        pq.read_table(folder / "checkpoints.parquet", columns=names) for folder in (one, other)
    )
    agreed: dict[str, Any] | None = None
    for mine, yours in zip(left.to_pylist(), right.to_pylist(), strict=False):
        if mine["digest"] != yours["digest"]:
            break
        agreed = mine
    return agreed


def _json(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
