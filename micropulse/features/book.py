"""What the visible book says: mid, spread, microprice, imbalance.

Prices and quantities are integers; each formula divides once, so the result is the double
nearest to the true quotient. A side without levels makes everything null.
"""

from math import nan

from micropulse.events import DepthTable
from micropulse.jit import kernel
from micropulse.state import (
    LEVELS,
    Book,
    Ladder,
)


@kernel
def load_book(book: Book, depth: DepthTable, row: int) -> None:
    """Copy one row of the depth table into the book; levels that are not shown become zero."""
    bid, ask = book.bid, book.ask
    for k in range(len(depth.bid_px)):
        bid.px[k] = depth.bid_px[k][row]
        bid.qty[k] = depth.bid_qty[k][row]
        ask.px[k] = depth.ask_px[k][row]
        ask.qty[k] = depth.ask_qty[k][row]
    for k in range(len(depth.bid_px), LEVELS):
        bid.px[k] = 0
        bid.qty[k] = 0
        ask.px[k] = 0
        ask.qty[k] = 0
    bid.n = depth.bid_n[row]
    ask.n = depth.ask_n[row]
    book.txn = depth.ts_txn[row]
    book.mid2 = bid.px[0] + ask.px[0] if bid.n > 0 and ask.n > 0 else 0
    if book.mid2 != 0:
        book.known_mid2 = book.mid2


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
