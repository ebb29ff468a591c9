"""The queue before a limit order at rest: docs/execution.md, "A limit order at rest"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from .ledger import Order
from .rows import BUY, Book, Trade


@dataclass
class Queue:
    """What is known of who stands before us."""

    joined: int  # T of the book it arrived on
    ahead: int | None = None
    ended: int | None = None  # T of the book or print that left nobody before us
    shown: int | None = None  # by the last book; None: out of view
    shown_txn: int = -(2**63)  # T of the last book that had the price in view


@dataclass(eq=False)
class Open:
    """An open order and where it is."""

    order: Order
    at_market: bool  # on its way there
    waits_from: int | None = None  # T of the book it arrived on, while it waits at the exchange
    queue: Queue | None = None
    cancel: Order | None = None  # the request, dated as an order is


def shown_at(book: Book, side: int, px: int) -> int | None:
    """What a book shows at a price on a side; None where it does not show."""
    levels = book.bids if side == BUY else book.asks
    if not levels or side * px < side * levels[-1][0]:
        return None
    return dict(levels).get(px, 0)


def meet_book(queue: Queue, book: Book, side: int, px: int, prints: Sequence[Trade] | None) -> None:
    """`prints` at the price so far, of takers on the other side, for the proportional model."""
    shown = shown_at(book, side, px)
    if shown is None:
        queue.shown = None
        return
    if queue.ahead is None:
        queue.ahead = shown
    elif prints is not None and queue.shown is not None:
        between = [p.qty for p in prints if queue.shown_txn < p.ts_txn <= book.ts_txn]
        before = max(queue.ahead, queue.shown - sum(between))
        if shown < before:
            queue.ahead = ceil(Fraction(queue.ahead * shown, before))
    queue.ahead = min(queue.ahead, shown)
    queue.shown, queue.shown_txn = shown, max(book.ts_txn, queue.shown_txn)
    if queue.ahead == 0 and queue.ended is None:
        queue.ended = queue.shown_txn


def through(queue: Queue, trade: Trade, side: int, px: int) -> bool:
    """Whether a print went through the price; nobody stands before us then."""
    if trade.ts_txn <= queue.joined or not side * trade.px < side * px:
        return False
    queue.ahead = 0
    queue.ended = trade.ts_txn if queue.ended is None else min(queue.ended, trade.ts_txn)
    return True


def at_price(queue: Queue, trade: Trade, free: int) -> int:
    """A print at the price of which `free` did not go to older orders of ours: what reaches us."""
    assert queue.ahead is not None
    reaches = max(0, free - queue.ahead)
    queue.ahead = max(0, queue.ahead - free)
    if queue.ahead == 0 and queue.ended is None:
        queue.ended = trade.ts_txn
    return reaches


def is_late(queue: Queue, trade: Trade) -> bool:
    """Whether the print is no news: the last book has shown what it took."""
    if queue.ahead == 0:
        assert queue.ended is not None
        return trade.ts_txn <= queue.ended
    return trade.ts_txn <= queue.shown_txn
