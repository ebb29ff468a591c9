"""transaction.csv of live runs: a line a round trip, appended once, with its evidence on disk.

A line is written when everything that led to it is durable in the journal, and is itself synced.
What is already in the file is never appended again, whatever is rebuilt. All this happens beside
the feed, on a thread of its own.
"""

from __future__ import annotations

import csv
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from micropulse.run import Rows
from micropulse.sinks import transactions
from micropulse.sinks.tables import Digits
from micropulse.strategy import strategy_name

KEY = ("symbol", "strategy", "entry_ts", "exit_ts")  # no two round trips share these


class TransactionError(Exception):
    """A file that is there and holds something else."""


class Line(NamedTuple):
    """A line on its way, and the seq that must be durable before it."""

    text: str
    key: tuple[str, ...]
    seq: int


class TransactionFile:
    """The file, and the thread that appends to it. For several runs at once."""

    def __init__(self, path: Path) -> None:
        """Raises TransactionError for a file with other columns. A torn last line is cut."""
        self.path = path
        self.appended = 0
        self._written = self._read()
        self._queue: queue.SimpleQueue[tuple[Line, Callable[[int], object]] | None]
        self._queue = queue.SimpleQueue()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="transactions", daemon=True)
        self._thread.start()

    def append(self, line: Line, make_durable: Callable[[int], object]) -> None:
        """Append the line once `make_durable(line.seq)` has returned. Raises OSError when an
        earlier one could not be written."""
        if self._error is not None:
            raise self._error
        self._queue.put((line, make_durable))

    def close(self) -> None:
        """Write what is waiting. Raises OSError when something could not be written."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _read(self) -> set[tuple[str, ...]]:
        """The keys of the lines that are there."""
        if not self.path.exists() or not self.path.stat().st_size:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._write(transactions.header())
            return set()
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole.partition("\n")[0] + "\n" != transactions.header():
            raise TransactionError(
                f"{self.path} is there and is no transaction.csv of this version: its first line "
                "has other columns. Move it away, or name another file with --transactions."
            )
        if whole != text:
            os.truncate(self.path, len(whole.encode()))
        rows = csv.DictReader(whole.splitlines())
        return {tuple(row[name] for name in KEY) for row in rows}

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            line, make_durable = item
            if line.key in self._written or self._error is not None:
                continue
            try:
                make_durable(line.seq)
                self._write(line.text)
            except OSError as error:
                self._error = error
                continue
            self._written.add(line.key)
            self.appended += 1

    def _write(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


class TransactionSink:
    """The round trips of one run, to the file that several may share."""

    def __init__(
        self,
        file: TransactionFile,
        make_durable: Callable[[int], object],
        symbol: str,
        strategy: ModuleType,
        digits: Digits,
        tick: int,
    ) -> None:
        """`make_durable(seq)` returns when the journal is on disk up to `seq`."""
        self._file, self._make_durable = file, make_durable
        self._symbol, self._strategy, self._digits, self._tick = symbol, strategy, digits, tick

    def take(self, rows: Rows) -> None:
        """Hand every round trip on."""
        for trip in rows.trips:
            self._file.append(self._line(trip), self._make_durable)

    def end_of_batch(self) -> None:
        """The file is synced line by line."""

    def _line(self, trip: Any) -> Line:
        name = strategy_name(self._strategy)
        text = transactions.line(trip, self._symbol, name, self._strategy, self._digits, self._tick)
        key = (self._symbol, name, str(int(trip["entry_ts"])), str(int(trip["exit_ts"])))
        return Line(text, key, int(trip["exit_seq"]))
