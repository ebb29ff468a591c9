"""The queue before a resting limit order: behind what was shown, moved by prints and by shrinkage.

A partial book shows how much stands at a price, not where we stand in it. What it cannot say is
settled by the rules of docs/execution.md, against us, and counted.
"""

from micropulse.events import MARKET
from micropulse.execution.fills import left_to_fill
from micropulse.jit import cold, kernel
from micropulse.schema import UNKNOWN, Order
from micropulse.state import PRINTS, Ladder, State

PRINT_MASK = PRINTS - 1
BITS = 62


@kernel
def join_queue(state: State, order: Order) -> None:
    """Come to rest behind what the book shows at the price; unknown where it does not show."""
    order.joined_txn = state.book.txn
    order.ahead = UNKNOWN
    order.in_view = False
    see_queue(state, order)
    if not order.in_view:
        state.counts.queues_unseen += 1


@cold
def see_queue(state: State, order: Order) -> None:
    """A new book: never more stands before us than it shows."""
    book = state.book
    ladder = book.bid if order.side > 0 else book.ask
    n = ladder.n
    in_view = n > 0 and order.side * order.px >= order.side * ladder.px[n - 1]
    if in_view:
        shown = _shown_at(ladder, order.px)
        ahead = order.ahead
        if ahead == UNKNOWN:
            ahead = shown
        elif state.execution.proportional and order.in_view and ahead > 0:
            before = max(ahead, order.shown - _explained(state, order))
            if shown < before:
                ahead = share_up(ahead, shown, before)
        order.shown_txn = max(order.shown_txn, book.txn)
        order.shown = shown
        order.ahead = min(ahead, shown)
        if order.ahead == 0 and order.gone_txn == UNKNOWN:
            order.gone_txn = order.shown_txn
        if state.execution.proportional:
            _pass_prints(state, order)
    order.in_view = in_view


@kernel
def _shown_at(ladder: Ladder, px: int) -> int:
    """Quantity shown at a price; 0 when the price is not among the levels."""
    for k in range(ladder.n):
        if ladder.px[k] == px:
            return ladder.qty[k]
    return 0


@kernel
def _explained(state: State, order: Order) -> int:
    """What prints took at the price between the T of the last book and of this one."""
    flow, qty = state.flow, 0
    for position in range(max(order.prints_at, flow.prints - PRINTS), flow.prints):
        entry = state.prints[position & PRINT_MASK]
        here = entry.px == order.px and entry.side == -order.side and entry.kind == MARKET
        if here and order.shown_txn < entry.txn <= state.book.txn:
            qty += entry.qty
    return qty


@kernel
def _pass_prints(state: State, order: Order) -> None:
    """The prints that a book has shown explain nothing of the next ones."""
    flow = state.flow
    order.prints_at = max(order.prints_at, flow.prints - PRINTS)
    while order.prints_at < flow.prints:
        if state.prints[order.prints_at & PRINT_MASK].txn > order.shown_txn:
            break
        order.prints_at += 1


@kernel
def share_up(qty: int, part: int, whole: int) -> int:
    """qty x part / whole, rounded up, for 0 <= qty, part <= whole < 2^62: a long multiplication,
    since the product may need more than 64 bits."""
    if qty == whole:
        return part
    quotient, rest = 0, 0
    for bit in range(BITS - 1, -1, -1):
        quotient *= 2
        rest *= 2
        if (part >> bit) & 1 != 0:
            rest += qty
        while rest >= whole:
            rest -= whole
            quotient += 1
    return quotient + (1 if rest > 0 else 0)


@cold
def print_leaves(
    state: State, order: Order, txn: int, px: int, qty: int, side: int, given: int
) -> int:
    """What a print of a taker on `side` leaves for a resting order, when `given` of it went to
    older orders of ours. Moves the queue."""
    if txn <= order.joined_txn:
        return 0
    if order.side * px < order.side * order.px:  # through: who stood before us is gone
        order.ahead = 0
        order.gone_txn = min(order.gone_txn, txn) if order.gone_txn != UNKNOWN else txn
        return min(left_to_fill(state, order), qty - given)
    if px != order.px or side == order.side:
        return 0
    if not order.in_view or order.ahead == UNKNOWN:
        state.counts.prints_unseen += 1
        return 0
    if txn <= (order.gone_txn if order.ahead == 0 else order.shown_txn):
        state.counts.prints_late += 1
        return 0
    free = qty - given - order.ahead
    order.ahead = max(0, -free)
    if order.ahead == 0 and order.gone_txn == UNKNOWN:
        order.gone_txn = txn
    return max(0, min(left_to_fill(state, order), free))
