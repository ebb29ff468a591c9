"""A sweep's folder: parts as they come, so that a sweep that was killed goes on; then results.

    parts/<job>.parquet   what came of one job, complete or not there
    days.parquet          a row a variant and day
    variants.parquet      a row a variant: parameters, totals, what the statistics say of it
    sweep.json            what was swept, and the verdict
    sweep.html            the heat map

The same data, grid and code give the same bytes, whoever did the jobs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from replay.sweep.days import SweepError
from replay.sweep.jobs import FIGURES, Done, Job

MARK = "micropulse-sweep"  # the key in sweep.json that says a folder is ours


class SweepFolder:
    """Where a sweep's parts and results go."""

    def __init__(self, path: Path) -> None:
        """Raises SweepError when something stands there that is no sweep."""
        self.path = path
        self._parts = path / "parts"
        if path.exists() and not (path.is_dir() and (_is_ours(path) or not any(path.iterdir()))):
            raise SweepError(
                f"{path} is there and is no sweep, so it is left alone. Give -o a new name, or the "
                "folder of an earlier sweep."
            )
        self._parts.mkdir(parents=True, exist_ok=True)
        if not _is_ours(path):
            self.write("sweep.json", json.dumps({MARK: 1, "state": "running"}) + "\n")

    def part(self, job: Job) -> Done | None:
        """What is known of a job; None when it is still to do."""
        path = self._parts / f"{job.key}.parquet"
        try:
            return _done(pq.read_table(path)) if path.exists() else None
        except (pa.ArrowInvalid, KeyError, ValueError):
            raise SweepError(f"{path} is harmed. Remove it, and its job is done again.") from None

    def keep(self, done: Done) -> None:
        """Write a job's part."""
        self.write_table(f"parts/{done.key}.parquet", _table(done))

    def write_table(self, name: str, table: pa.Table) -> None:
        """A Parquet file that appears complete."""
        path = self.path / name
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        pq.write_table(table, part, compression="zstd", store_decimal_as_integer=True)
        part.replace(path)

    def write(self, name: str, text: str) -> None:
        """A text file that appears complete."""
        path = self.path / name
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)

    def clear(self, jobs: Sequence[Job]) -> None:
        """Remove parts of other jobs (an older grid's), and what a killed sweep left."""
        wanted = {f"{job.key}.parquet" for job in jobs}
        for path in sorted(self._parts.iterdir()):
            if path.name not in wanted:
                path.unlink(missing_ok=True)
        for path in sorted(self.path.glob(".*.part")):
            path.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    try:
        return MARK in json.loads((path / "sweep.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _table(done: Done) -> pa.Table:
    """A job's result: a row a variant, what concerns all of them beside it."""
    columns: dict[str, Any] = {name: pa.array(done.figures[name], pa.int64()) for name in FIGURES}
    columns["trades_digest"] = pa.array(done.digests, pa.string())
    failures = [done.failures.get(v) for v in range(len(done.digests))]
    columns["failed"] = pa.array(failures, pa.string())
    day = {name: getattr(done, name) for name in _OF_DAY}
    return pa.table(columns).replace_schema_metadata({"job": json.dumps(day)})


_OF_DAY = ("key", "events", "first_ts", "last_ts", "market", "problems")


def _done(table: pa.Table) -> Done:
    failures = table["failed"].to_pylist()
    return Done(
        **json.loads(table.schema.metadata[b"job"]),
        figures={name: table[name].to_pylist() for name in FIGURES},
        digests=table["trades_digest"].to_pylist(),
        failures={v: said for v, said in enumerate(failures) if said is not None},
    )
