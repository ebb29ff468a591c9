"""The whole recording in a strip: price, volume, gaps and trades, and where its signals are.

It is a run of its own over a source of its own, in a thread, while the page already plays.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

from micropulse.events import Events
from micropulse.run import Rows
from micropulse.schema import SECOND, SIGNALS
from replay.backtest import Session
from replay.page.gaps import Gaps
from replay.page.messages import trip_of

BUCKETS = 1_200
TRIPS_MOST = 20_000
SIGNALS_MOST = 2_000_000
STEPPED_TO = frozenset(
    SIGNALS.index(name)
    for name in ("wall_cancelled", "wall_eaten", "spike_up", "spike_down", "entry_refused",
                 "entry_asked", "exit_asked", "strategy_failed")
)  # fmt: skip


class Miniature:
    """A sink of the run that makes it. `said` is None until it is done."""

    def __init__(self, opened: Callable[[], Session], tell: Callable[[], object]) -> None:
        """`tell` is called when it is done."""
        self.said: dict[str, Any] | None = None
        self._tell, self._open = tell, opened
        self._seqs: list[int] = []
        self._trips: list[dict[str, Any]] = []
        self._seconds: dict[int, list[float]] = {}  # second -> low, high, last, volume

    def start(self) -> None:
        """Make it, in a thread."""
        threading.Thread(target=self.make, name="miniature", daemon=True).start()

    def make(self) -> None:
        """Run through the recording."""
        session = self._session = self._open()
        gaps, found = Gaps(), []
        for events in session.source:
            session.core.advance_all(events, [self])
            found += gaps.take(events)
            self._see(events)
        self.said = self._strip(found)
        self._tell()

    def take(self, rows: Rows) -> None:
        """Remember trips, and the seqs of signals."""
        told = rows.signals["kind"]
        if len(told):
            keep = np.isin(told, sorted(STEPPED_TO))
            self._seqs += np.unique(rows.signals["seq"][keep]).tolist()[:SIGNALS_MOST]
        for row in rows.trips:
            if len(self._trips) < TRIPS_MOST:
                trip = trip_of(row, 0, self._session.digits, self._session.strategy)
                self._trips.append(trip)

    def end_of_batch(self) -> None:
        """Nothing is held back."""

    def signal_after(self, seq: int) -> int | None:
        """The seq of the first signal behind an event; None where there is none, or not yet."""
        row = bisect_right(self._seqs, seq)
        return self._seqs[row] if row < len(self._seqs) else None

    def _see(self, events: Events) -> None:
        """Best bids and volume by the second."""
        depth, trades = events.depth, events.trades
        shown = depth.bid_px[0] > 0
        seconds, px = depth.ts_recv[shown] // SECOND, depth.bid_px[0][shown]
        for second in np.unique(seconds).tolist():
            part = px[seconds == second]
            row = self._seconds.setdefault(second, [np.inf, -np.inf, 0.0, 0.0])
            row[0] = min(row[0], float(part.min()))
            row[1] = max(row[1], float(part.max()))
            row[2] = float(part[-1])
        at, rows = np.unique(trades.ts_recv // SECOND, return_inverse=True)
        volumes = np.bincount(rows, trades.qty, len(at)) if len(at) else at
        for second, volume in zip(at.tolist(), volumes.tolist(), strict=True):
            self._seconds.setdefault(second, [np.inf, -np.inf, 0.0, 0.0])[3] += volume

    def _strip(self, gaps: list[tuple[int, int, str]]) -> dict[str, Any]:
        """At most BUCKETS columns."""
        if not self._seconds:
            return {"from": 0, "to": 0, "columns": [], "gaps": [], "trips": []}
        first, last = min(self._seconds), max(self._seconds)
        width = max(1, -(-(last + 1 - first) // BUCKETS))
        columns: dict[int, list[float]] = {}
        for second, (low, high, end, volume) in sorted(self._seconds.items()):
            row = columns.setdefault((second - first) // width, [np.inf, -np.inf, 0.0, 0.0])
            row[0], row[1], row[3] = min(row[0], low), max(row[1], high), row[3] + volume
            row[2] = end or row[2]
        return {
            "from": first * 1000,
            "to": (last + 1) * 1000,
            "width_ms": width * 1000,
            "columns": [
                [at, *(None if low > high else int(v) for v in (low, high, end)), int(volume)]
                for at, (low, high, end, volume) in columns.items()
            ],
            "gaps": gaps,
            "trips": self._trips,
        }
