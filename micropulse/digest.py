"""Digests: what a run read and what came of it, in 32 bytes each.

Every table has a running sha256 of its own, so that neither batch sizes nor the order in which
outboxes are emptied enter. No path, host, clock, display setting or padding does either.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from micropulse.events import LEVEL_COLUMNS, Events, joined
from micropulse.state import (
    SCALAR_BYTES,
)

HASHED_AT_ONCE = 1_024  # events
TABLES = ("samples", "signals", "orders", "fills", "trips")
TRADES = ("orders", "fills", "trips")


class InputDigest:
    """sha256 over the decoded events, column by column."""

    def __init__(self) -> None:
        self._columns: dict[str, Any] = {}
        self._waiting: list[Events] = []  # small batches: hashed together
        self._waiting_n = 0

    def update(self, events: Events) -> None:
        """Take in one batch. Level columns count only for rows whose stream shows them."""
        self._waiting.append(events)
        self._waiting_n += events.n
        if self._waiting_n >= HASHED_AT_ONCE:
            self._hash_waiting()

    def _hash_waiting(self) -> None:
        if self._waiting:
            for table in joined(self._waiting):
                self._take(table)
        self._waiting, self._waiting_n = [], 0

    def _take(self, table: Any) -> None:
        if not len(table.seq):
            return
        kind = type(table).__name__
        for name, column in zip(table._fields, table, strict=True):
            if name == "layout":
                continue
            if name not in LEVEL_COLUMNS:
                self._hash(f"{kind}.{name}", column)
                continue
            for k, level in enumerate(column):
                shown = table.depth > k
                self._hash(f"{kind}.{name}[{k}]", level if shown.all() else level[shown])

    def _hash(self, name: str, column: Any) -> None:
        if name not in self._columns:
            self._columns[name] = hashlib.sha256()
        self._columns[name].update(np.ascontiguousarray(column))

    def hexdigest(self) -> str:
        """64 hex digits over all columns, in the order of their names."""
        self._hash_waiting()
        lines = (f"{name} {self._columns[name].hexdigest()}\n" for name in sorted(self._columns))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


class OutputDigest:
    """sha256 over samples, signals, orders, fills, round trips and State."""

    def __init__(self) -> None:
        self._tables = {name: hashlib.sha256() for name in TABLES}
        self._states = hashlib.sha256()

    def update(self, table: str, rows: Any) -> None:
        """Take in the rows of one outbox."""
        self._tables[table].update(rows)

    def checkpoint(self, states: Any, memories: Any) -> str:
        """Chain the scalars of State and the strategy's Memory; the digest as it stands."""
        self._states.update(states.view(np.uint8)[:SCALAR_BYTES])
        self._states.update(memories.view(np.uint8))
        return self.hexdigest()

    def hexdigest(self) -> str:
        """64 hex digits over all that was taken in so far."""
        lines = [f"{name} {part.hexdigest()}\n" for name, part in self._tables.items()]
        lines.append(f"states {self._states.hexdigest()}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def trades(self) -> str:
        """64 hex digits over orders, fills and round trips: what a sweep's variant has too."""
        return trades_digest(self._tables)

    def final(self, states: Any, memories: Any) -> str:
        """The digest of a run: all of the above and every byte of State."""
        whole = hashlib.sha256(self.hexdigest().encode())
        whole.update(states.view(np.uint8))
        whole.update(memories.view(np.uint8))
        return whole.hexdigest()


def trades_digest(tables: dict[str, Any]) -> str:
    """64 hex digits over the hashes of the tables named in TRADES."""
    lines = (f"{name} {tables[name].hexdigest()}\n" for name in TRADES)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
