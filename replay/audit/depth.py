"""Depth we took is not there again until its level grows."""

from __future__ import annotations

from dataclasses import dataclass

from .rows import BUY, Book

TAKEN_MAX = 32


@dataclass
class Taken:
    """What we took at a price, and what the last book that had it in view showed there."""

    qty: int
    shown: int


class Depth:
    """What we took, by our side and price."""

    def __init__(self) -> None:
        self.taken: dict[tuple[int, int], Taken] = {}
        self.full = 0

    def at(self, side: int, px: int) -> int:
        """What we took there and has not come back."""
        return self.taken.get((side, px), Taken(0, 0)).qty

    def take(self, side: int, px: int, qty: int, shown: int) -> None:
        """At most 32 prices: the one remembered longest goes."""
        if (side, px) not in self.taken and len(self.taken) == TAKEN_MAX:
            del self.taken[next(iter(self.taken))]
            self.full += 1
        self.taken[side, px] = Taken(self.at(side, px) + qty, shown)

    def forget_grown(self, book: Book) -> None:
        """Depth we took is there again when a level in view shows more than before."""
        for (side, px), taken in list(self.taken.items()):
            levels = book.asks if side == BUY else book.bids
            if not levels or side * px > side * levels[-1][0]:
                continue
            shown = dict(levels).get(px, 0)
            if shown > taken.shown:
                del self.taken[side, px]
            else:
                taken.shown = shown
