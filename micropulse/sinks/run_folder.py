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

import pyarrow as pa

from micropulse.run import Checkpoint, Rows
from micropulse.sinks import tables, transactions
from micropulse.sinks.tables import Digits, ParquetFile
from micropulse.strategy import strategy_name

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
        names = ("samples", "signals", "orders", "fills", "checkpoints")
        self._files = {name: ParquetFile(self._part / f"{name}.parquet") for name in names}
        self._transactions = (self._part / "transaction.csv").open("w", encoding="utf-8")
        self._transactions.write(transactions.header())

    def take(self, rows: Rows) -> None:
        """Turn the rows into tables and lines."""
        self._add(rows.samples, rows.signals, rows.orders, rows.fills)
        for trip in rows.trips:
            name = strategy_name(self._strategy)
            self._transactions.write(
                transactions.line(
                    trip, self._symbol, name, self._strategy, self._digits, self._tick
                )
            )

    def end_of_batch(self) -> None:
        """Row groups are written by size, not by batch."""

    def _add(self, samples: Any, signals: Any, orders: Any, fills: Any) -> None:
        digits = self._digits
        if len(samples):
            self._files["samples"].add(tables.samples_table(samples, digits))
        if len(signals):
            self._files["signals"].add(tables.signals_table(signals, digits, self._reasons))
        if len(orders):
            self._files["orders"].add(tables.orders_table(orders, digits, self._reasons))
        if len(fills):
            self._files["fills"].add(tables.fills_table(fills, digits))

    def finish(
        self, run: dict[str, Any], summary: dict[str, Any], checkpoints: list[Checkpoint]
    ) -> None:
        """Write the rest, sync, and put the folder in its place (an older one of ours goes)."""
        digits, files = self._digits, self._files
        files["samples"].add(tables.samples_table(tables.EMPTY_SAMPLES, digits))
        files["signals"].add(tables.signals_table(tables.EMPTY_SIGNALS, digits, self._reasons))
        files["orders"].add(tables.orders_table(tables.EMPTY_ORDERS, digits, self._reasons))
        files["fills"].add(tables.fills_table(tables.EMPTY_FILLS, digits))
        files["checkpoints"].add(checkpoints_table(checkpoints))
        for file in files.values():
            file.close()
        self._transactions.close()
        if not self._strategy.__name__.startswith("strategies."):
            (self._part / "strategy").mkdir()
            shutil.copy(str(self._strategy.__file__), self._part / "strategy")
        _write_json(self._part / "run.json", {MARK: 1, **run})
        _write_json(self._part / "summary.json", summary)
        _replace(self._part, self.path)

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
    named = {int(reason): reason.name.lower() for reason in getattr(strategy, "Reason", ())}
    return ["", *(named.get(code, str(code)) for code in range(1, max(named, default=0) + 256))]


def _replace(new: Path, path: Path) -> None:
    """Move `new` to `path`; what stood there is moved aside first and deleted last."""
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
