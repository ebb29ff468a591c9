"""What a book offers an order, and which prices trigger one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from .ledger import LIMIT, STOP_MARKET, Order
from .rows import BUY, Book, Level


def opposing(order: Order, book: Book) -> Sequence[Level]:
    """The side that it would trade with, best first."""
    return book.asks if order.side == BUY else book.bids


def best(order: Order, book: Book) -> int | None:
    """The best price that it would trade at."""
    levels = opposing(order, book)
    return levels[0][0] if levels else None


def reachable(order: Order, book: Book) -> Sequence[Level]:
    """The levels it may take."""
    levels = opposing(order, book)
    if order.kind != LIMIT:
        return levels
    return [level for level in levels if order.side * level[0] <= order.side * order.px]


def trips(order: Order, px: int | Fraction | None) -> bool:
    """Whether a price triggers a stop or take-profit."""
    if px is None:
        return False
    against = order.side * (px - order.px)
    return against >= 0 if order.kind == STOP_MARKET else against <= 0
