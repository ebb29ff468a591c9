"""What the screen remembers: a column a second, the last signals and round trips. Bounded."""

from __future__ import annotations

from collections import Counter, deque
from types import ModuleType
from typing import Any, NamedTuple

from micropulse.run import Rows
from micropulse.schema import ENTRY_ASKED, ENTRY_REFUSED, SECOND, WALL_BORN, WALL_SLID
from replay.sight.book import Level, levels

COLUMNS_KEPT = 300  # seconds
ROWS_KEPT = 60


class Column(NamedTuple):
    """How a second ended. Levels are best first, `mid` is None without a book; `events` since the
    start."""

    second: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    stale: bool
    mid: float
    cvd: float
    obi: float
    tps: float
    events: int


class History:
    """A sink, and an eye on the State: call `see` after what was fed."""

    def __init__(self, strategy: ModuleType) -> None:
        self.strategy = strategy
        self.columns: deque[Column] = deque(maxlen=COLUMNS_KEPT)
        self.signals: deque[Any] = deque(maxlen=ROWS_KEPT)
        self.trips: deque[Any] = deque(maxlen=ROWS_KEPT)
        self.counted: Counter[int] = Counter()  # signals by kind

    def take(self, rows: Rows) -> None:
        """Keep the last signals and round trips. Walls that come and slide out of view are drawn:
        told as well they would push out all else."""
        if len(rows.signals):
            kinds = rows.signals["kind"]
            self.counted.update(kinds.tolist())
            told = (kinds != WALL_BORN) & (kinds != WALL_SLID)
            self.signals.extend(rows.signals[told][-ROWS_KEPT:].copy())
        if len(rows.trips):
            self.trips.extend(rows.trips[-ROWS_KEPT:].copy())

    def end_of_batch(self) -> None:
        """Nothing is held back."""

    @property
    def taken(self) -> int:
        """Entries that were asked for."""
        return self.counted[ENTRY_ASKED]

    @property
    def considered(self) -> int:
        """Entries that were asked for, or considered and let be."""
        return self.counted[ENTRY_ASKED] + self.counted[ENTRY_REFUSED]

    def see(self, state: Any) -> None:
        """Note how the second stands that the log is in; the last look at a second stays."""
        now = int(state.clock.now)
        if now < 0:
            return
        second = now // SECOND
        if self.columns and self.columns[-1].second == second:
            self.columns.pop()
        features = state.features
        column = Column(
            second,
            levels(state.book.bid, state.bid_walls),
            levels(state.book.ask, state.ask_walls),
            bool(state.book.stale),
            float(features.mid),
            float(features.cvd),
            float(features.obi),
            float(features.tps_1s),
            int(state.counts.events),
        )
        self.columns.append(column)
