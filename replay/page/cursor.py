"""A place in a recording that moves on: up to a time, a seq, the next event or the next print."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from micropulse.events import MARKET, RPI, Events
from replay.pace import between


class Cursor:
    """Gives every event of a source once, in order. `now_ns` is where it stands."""

    def __init__(self, batches: Iterator[Events]) -> None:
        self.now_ns = -1
        self.seq = -1
        self._batches = batches
        self._at = 0  # rows of the batch that were given
        self._events: Events | None = None

    @property
    def ended(self) -> bool:
        """Whether there is nothing more."""
        return self._events is None or (self._at >= len(self._seq) and not self._more())

    def first_ns(self) -> int | None:
        """When the first event was received; None in a source without one."""
        if self._events is None and not self._more():
            return None
        return int(self._ts[self._at])

    def until(self, ts: int) -> Iterator[Events]:
        """Everything received up to a time."""
        while self._has():
            stop = int(np.searchsorted(self._ts, ts, side="right"))
            if stop > self._at:
                yield self._give(stop)
            if self._at < len(self._seq):
                return

    def until_seq(self, seq: int) -> Iterator[Events]:
        """Everything up to an event."""
        while self._has():
            stop = int(np.searchsorted(self._seq, seq, side="right"))
            if stop > self._at:
                yield self._give(stop)
            if self._at < len(self._seq):
                return

    def one(self) -> Iterator[Events]:
        """The next event."""
        if self._has():
            yield self._give(self._at + 1)

    def one_print(self) -> Iterator[Events]:
        """Everything up to the next print."""
        while self._has():
            assert self._events is not None
            trades = self._events.trades
            prints = trades.seq[(trades.kind == MARKET) | (trades.kind == RPI)]
            row = int(np.searchsorted(prints, self._seq[self._at]))
            if row < len(prints):
                yield self._give(int(np.searchsorted(self._seq, prints[row])) + 1)
                return
            yield self._give(len(self._seq))

    def _has(self) -> bool:
        return (self._events is not None and self._at < len(self._seq)) or self._more()

    def _more(self) -> bool:
        """Read the next batch that holds something."""
        for events in self._batches:
            if events.n:
                seq = np.concatenate([table.seq for table in events])
                ts = np.concatenate([table.ts_recv for table in events])
                order = np.argsort(seq, kind="stable")
                self._seq = seq[order]
                self._ts = np.maximum.accumulate(np.maximum(ts[order], self.now_ns))
                self._events, self._at = events, 0
                return True
        return False

    def _give(self, stop: int) -> Events:
        assert self._events is not None
        part = between(self._events, int(self._seq[self._at]), int(self._seq[stop - 1]))
        self._at, self.now_ns, self.seq = stop, int(self._ts[stop - 1]), int(self._seq[stop - 1])
        return part


Moving = Callable[[Cursor], Iterator[Events]]
