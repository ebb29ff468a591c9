"""The mark price as it is known at a moment, and the price band around it: docs/execution.md."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .moments import Moment
from .rows import BUY, Mark

MINUTE = 60_000_000_000


class Marks:
    """The last mark price that was news; `unknown` counts prices that no mark could judge."""

    def __init__(self, instrument: Any) -> None:
        self.scale = int(instrument.px_scale)
        shares = {BUY: instrument.band_up_e8, -BUY: instrument.band_down_e8}
        self.shares = {side: Fraction(int(share), 10**8) for side, share in shares.items()}
        self.last: Mark | None = None
        self.t = 0
        self.unknown = 0

    def see(self, moment: Moment) -> None:
        """Keep a mark frame, unless it is older by E than the last one by less than a minute."""
        mark = moment.event
        if not isinstance(mark, Mark):
            return
        if self.last and mark.ts_event < self.last.ts_event < mark.ts_event + MINUTE:
            return
        self.last, self.t = mark, moment.t

    def px(self, t: int) -> Fraction | None:
        """The mark price in the instrument's price units; None where it is not known at t."""
        if self.last is None or self.last.px <= 0 or t - self.t > MINUTE:
            return None
        return Fraction(self.last.px * self.scale, 10**8)

    def forbid(self, t: int, px: int, side: int) -> bool:
        """Whether a price is outside the band: above it for a buy, below it for a sale."""
        mark, share = self.px(t), self.shares[side]
        if mark is None or not share:
            self.unknown += 1
            return False
        return side * px > side * mark * share
