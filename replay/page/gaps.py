"""Where nothing was received: between the last connection that went and the next book, and
wherever the market said nothing for longer than SILENT_NS."""

from __future__ import annotations

import numpy as np

from micropulse.events import CONNECT, DISCONNECT, RUN_STOP, Events
from micropulse.schema import MILLISECOND

NO_CONNECTION = "no connection"
SILENT_NS = 2_000_000_000  # BTCUSDT shows ten books a second


class Gaps:
    """Finds gaps in batches, one after the other. Times are ms since the epoch."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._last_ns = -1  # of the last book, print or mark
        self.since_ms: int | None = None  # the gap that is open

    def take(self, events: Events) -> list[tuple[int, int, str]]:
        """(from, to, why) of the gaps that have ended in a batch."""
        tables = (events.depth, events.trades, events.marks)
        market = np.sort(np.concatenate([table.ts_recv for table in tables]))
        found = self._silences(market)  # a connection that is lost may have been silent before
        books = events.depth.ts_recv
        control = events.control
        for ts, kind, conn in zip(
            control.ts_recv.tolist(), control.kind.tolist(), control.conn.tolist(), strict=True
        ):
            self._end(books, ts, found)
            if kind == CONNECT:
                self._open.add(conn)
            elif kind in (DISCONNECT, RUN_STOP):
                self._open = self._open - {conn} if kind == DISCONNECT else set()
                if not self._open and self.since_ms is None:
                    self.since_ms = ts // MILLISECOND
        self._end(books, 2**62, found)
        return _united(found)

    def _silences(self, market: np.ndarray) -> list[tuple[int, int, str]]:
        if not len(market):
            return []
        before = np.append(self._last_ns if self._last_ns >= 0 else market[0], market)
        self._last_ns = int(market[-1])
        return [
            (int(before[k]) // MILLISECOND, int(before[k + 1]) // MILLISECOND, "nothing came")
            for k in np.flatnonzero(np.diff(before) > SILENT_NS)
        ]

    def _end(self, books: np.ndarray, until: int, found: list[tuple[int, int, str]]) -> None:
        """Close the open gap at the first book after it, if that came before `until`."""
        if self.since_ms is None:
            return
        after = books[(books // MILLISECOND >= self.since_ms) & (books < until)]
        if len(after):
            found.append((self.since_ms, int(after[0]) // MILLISECOND, NO_CONNECTION))
            self.since_ms = None


def _united(gaps: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Gaps that overlap as one; that there was no connection says more."""
    united: list[tuple[int, int, str]] = []
    for since, until, why in sorted(gaps):
        if united and since < united[-1][1]:
            before = united.pop()
            why = why if why == NO_CONNECTION else before[2]
            since, until = before[0], max(until, before[1])
        united.append((since, until, why))
    return united
