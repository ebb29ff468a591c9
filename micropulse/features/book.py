"""What the visible book says: mid, spread, microprice, imbalance.

Prices and quantities are integers; each formula divides once, so the result is the double
nearest to the true quotient. A side without levels makes everything null.
"""

from math import nan

from micropulse.jit import kernel
from micropulse.state import (
    LEVELS,
    Book,
    Ladder,
)


@kernel
def hide_below(ladder: Ladder, levels: int) -> None:
    """Zero what an earlier, deeper stream has left below the levels just written."""
    k = levels
    while k < LEVELS and ladder.px[k] != 0:
        ladder.px[k] = 0
        ladder.qty[k] = 0
        k += 1


@kernel
def mid(book: Book, px_scale: int) -> float:
    """(bid1 + ask1) / 2, in quote units; null when a side is empty."""
    return book.mid2 / (2 * px_scale) if book.mid2 != 0 else nan


@kernel
def spread(book: Book, px_scale: int) -> float:
    """ask1 - bid1, in quote units; null when a side is empty. Negative when crossed."""
    return (book.ask.px[0] - book.bid.px[0]) / px_scale if book.mid2 != 0 else nan


@kernel
def microprice(book: Book, px_scale: int) -> float:
    """Best prices weighted by the opposite quantity (Stoikov 2018, first order), in quote units.

    (ask1 bidqty1 + bid1 askqty1) / (bidqty1 + askqty1); the mid when both quantities are 0; null
    when a side is empty. Floats hold the products exactly up to 2^53.
    """
    if book.mid2 == 0:
        return nan
    bid_qty, ask_qty = float(book.bid.qty[0]), float(book.ask.qty[0])
    if bid_qty + ask_qty == 0.0:
        return mid(book, px_scale)
    weighted = book.ask.px[0] * bid_qty + book.bid.px[0] * ask_qty
    return weighted / ((bid_qty + ask_qty) * px_scale)


@kernel
def shown_total(ladder: Ladder) -> int:
    """Sum of the quantities a side shows."""
    result = 0
    for k in range(ladder.n):
        result += ladder.qty[k]
    return result


@kernel
def imbalance(book: Book) -> float:
    """OBI in [-1, 1]: (bids - asks) / (bids + asks) over the visible quantities.

    Null when a side is empty or everything shown is 0.
    """
    bids, asks = shown_total(book.bid), shown_total(book.ask)
    if book.mid2 == 0 or bids + asks == 0:
        return nan
    return (bids - asks) / (bids + asks)
