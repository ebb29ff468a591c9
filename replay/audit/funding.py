"""What a position pays at funding stamps, from docs/execution.md: fractions until it is booked."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from .rows import Control, Event, Mark

SECOND = 1_000_000_000
EIGHT_HOURS = 8 * 3600 * SECOND
MINUTE = 60 * SECOND


class Stamps:
    """Says of each event which stamps have passed with it, and what one unit held pays at each."""

    def __init__(self, instrument: Any, execution: Any) -> None:
        self.px_unit = Fraction(1, int(instrument.px_scale))
        # Money of one price unit x one quantity unit, over the price: money of 1 quote a unit held.
        self.money = Fraction(int(instrument.notional_unit)) / self.px_unit
        given = Fraction(int(execution.funding_rate_e8), 10**8)
        self.given = given if execution.funding_given else None
        self.next: int | None = None
        self.passed = 0
        self.mark: Mark | None = None
        self.late = 0

    def see(self, event: Event, mid2: int) -> list[Fraction | None]:
        """What one unit held long pays at each stamp that has passed, in money; None: unknown."""
        if isinstance(event, Control):
            return []
        dues: list[Fraction | None] = []
        if self.next is None or event.ts_event >= self.next:
            stamps = [] if self.next is None else range(self.next, event.ts_event + 1, EIGHT_HOURS)
            for stamp in stamps:
                dues += self.due(stamp, stamp == self.next, mid2)
                self.passed = event.ts_event
            self.next = event.ts_event - event.ts_event % EIGHT_HOURS + EIGHT_HOURS
        if isinstance(event, Mark):
            self.take(event)
        return dues

    def due(self, stamp: int, is_first: bool, mid2: int) -> list[Fraction | None]:
        """What one unit held pays at a stamp; None: not known, empty: nothing falls due."""
        mark = self.mark
        if mark and mark.px > 0 and (self.next or 0) - mark.ts_event <= MINUTE:
            if mark.next_funding_ts == 0:
                return []
            if is_first and mark.next_funding_ts == stamp:
                return [Fraction(mark.px, 10**8) * Fraction(mark.rate, 10**8) * self.money]
        if self.given is None:
            return [None]
        # The mid with the eight digits of a mark price.
        mid = Fraction(floor(Fraction(mid2, 2) * self.px_unit * 10**8), 10**8)
        return [mid * self.given * self.money]

    def take(self, mark: Mark) -> None:
        """A mark price, unless it is older than the last one."""
        if self.mark and mark.ts_event < self.mark.ts_event < mark.ts_event + MINUTE:
            self.late += 1
            return
        self.mark = mark
        if mark.next_funding_ts > max(self.passed, mark.ts_event):
            self.next = mark.next_funding_ts
