"""A run folder: everything a run leaves behind, complete or not there at all.

    run.json             what was run: source, strategy, parameters, code, versions, counts, digests
    summary.json         what came of it: the figures `backtest --json` prints
    samples.parquet      features and holdings, once a second of log time
    signals.parquet      walls, spikes, entries considered, orders asked for
    orders.parquet       a row each time an order changed its status
    fills.parquet        a row a slice
    transaction.csv      a line a round trip
    checkpoints.parquet  the digest every 10,000 events
    strategy/            a copy of a strategy that is not one of ours

It is written beside its place and moved there at the end, so that a run folder that is killed
half-way never stands under the name of a good one.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from micropulse.fingerprint import module_sources
from micropulse.run import Checkpoint, Rows
from micropulse.schema import STRATEGY_FAILED, Fill, Order, Sample, Signal
from micropulse.sinks import tables, transactions
from micropulse.sinks.tables import Digits, ParquetFile
from micropulse.strategy import reason_name, strategy_name

RECORDS = {"samples": Sample, "signals": Signal, "orders": Order, "fills": Fill}
ROWS_AT_ONCE = 1_024  # a table of one row costs half a millisecond, and live brings single rows
MARK = "micropulse-run"  # the key in run.json that says a folder is ours


class RunFolderError(Exception):
    """A folder that is not ours to replace."""


class RunFolder:
    """Takes the rows of a run; `finish` makes the folder appear."""

    def __init__(
        self, path: Path, symbol: str, strategy: ModuleType, digits: Digits, tick: int
    ) -> None:
        refuse_foreign(path)
        self.path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(parents=True)
        self._symbol, self._strategy, self._digits, self._tick = symbol, strategy, digits, tick
        self._reasons = tuple(reason_words(strategy))
        self._waiting: dict[str, list[Any]] = {name: [] for name in RECORDS}
        names = (*RECORDS, "checkpoints")
        self._files = {name: ParquetFile(self._part / f"{name}.parquet") for name in names}
        self._transactions = (self._part / "transaction.csv").open("w", encoding="utf-8")
        self._transactions.write(transactions.header())

    def take(self, rows: Rows) -> None:
        """Keep the rows, and turn them into tables and lines once there are enough of them."""
        for name, waiting in self._waiting.items():
            part = getattr(rows, name)
            if len(part):
                waiting.append(part.copy())
                if sum(map(len, waiting)) >= ROWS_AT_ONCE:
                    self._add(name)
        for trip in rows.trips:
            name = strategy_name(self._strategy)
            self._transactions.write(
                transactions.line(
                    trip, self._symbol, name, self._strategy, self._digits, self._tick
                )
            )

    def end_of_batch(self) -> None:
        """Row groups are written by size, not by batch."""

    def _add(self, name: str) -> None:
        """What waits of one table, to its file."""
        rows = np.concatenate([RECORDS[name].zeros(0), *self._waiting[name]])
        self._waiting[name].clear()
        self._files[name].add(self._table(name, rows))

    def _table(self, name: str, rows: Any) -> pa.Table:
        match name:
            case "samples":
                return tables.samples_table(rows, self._digits)
            case "signals":
                return tables.signals_table(rows, self._digits, self._reasons)
            case "orders":
                return tables.orders_table(rows, self._digits, self._reasons)
            case _:
                return tables.fills_table(rows, self._digits)

    def finish(
        self, run: dict[str, Any], summary: dict[str, Any], checkpoints: list[Checkpoint]
    ) -> None:
        """Write the rest, sync, and put the folder in its place (an older one of ours goes)."""
        files = self._files
        for name in self._waiting:
            self._add(name)
        files["checkpoints"].add(checkpoints_table(checkpoints))
        for file in files.values():
            file.close()
        self._transactions.close()
        if not self._strategy.__name__.startswith("strategies."):
            self._keep_strategy()
        _write_json(self._part / "run.json", {MARK: 1, **run})
        _write_json(self._part / "summary.json", summary)
        _replace(self._part, self.path)

    def _keep_strategy(self) -> None:
        """Copy its file, and what it imports that lies beside or below it."""
        files = module_sources(self._strategy)
        for path in files:
            if path.is_relative_to(files[0].parent):
                copy = self._part / "strategy" / path.relative_to(files[0].parent)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)

    def discard(self) -> None:
        """The run failed: nothing of it stays, what stood there before does."""
        for file in self._files.values():
            file.discard()
        self._transactions.close()
        shutil.rmtree(self._part, ignore_errors=True)


def refuse_foreign(path: Path) -> None:
    """Raise RunFolderError unless `path` is free, empty, or a run folder."""
    if not path.exists():
        return
    ours = path.is_dir() and (not any(path.iterdir()) or is_run_folder(path))
    if not ours:
        raise RunFolderError(
            f"{path} is there and is no run folder, so it is left alone. Give -o a new name, or "
            "the folder of an earlier run."
        )


def is_run_folder(path: Path) -> bool:
    """Whether a folder holds the run.json of a run."""
    try:
        return MARK in json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def checkpoints_table(checkpoints: list[Checkpoint]) -> pa.Table:
    """`events`, `seq`, `ts`, `digest`: where the run stood every 10,000 events."""
    columns = list(zip(*checkpoints, strict=True)) or [(), (), (), ()]
    events, seq, ts, digest = columns
    return pa.table(
        {
            "events": pa.array(events, pa.int64()),
            "seq": pa.array(seq, pa.int64()),
            "ts": tables.times(ts),
            "digest": pa.array(digest, pa.string()),
        }
    )


def reason_words(strategy: ModuleType) -> list[str]:
    """The words for a strategy's reasons by code; numbers where it has none. Code 0 is null."""
    return ["", *(reason_name(strategy, code) for code in range(1, STRATEGY_FAILED + 1))]


def _replace(new: Path, path: Path) -> None:
    """Move `new` to `path`; what stood there is moved aside first and deleted last."""
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
