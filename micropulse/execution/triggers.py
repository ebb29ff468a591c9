"""Stops and take-profits: they wait at the exchange for a price, then go to the market."""

from micropulse.execution.arrival import arrival, latency
from micropulse.jit import kernel
from micropulse.mark import UNITS, is_mark_known
from micropulse.schema import (
    ACCEPTED,
    ARMED,
    REJECTED,
    STOP_MARKET,
    TRIGGERED,
    TRIPPED,
    WOULD_TRIGGER,
    Order,
)
from micropulse.state import State


@kernel
def arm(state: State, order: Order) -> int:
    """A stop has arrived: it waits, or is rejected where it would trigger at once."""
    order.joined_txn = state.book.txn
    if book_trips(state, order):
        order.note = WOULD_TRIGGER
        return REJECTED
    order.stage = ARMED
    return ACCEPTED


@kernel
def is_reached(order: Order, px: int) -> bool:
    """Whether a price triggers: a stop when it has gone against us, a take-profit for us."""
    if order.kind == STOP_MARKET:
        return order.side * px >= order.side * order.px
    return order.side * px <= order.side * order.px


@kernel
def book_trips(state: State, order: Order) -> bool:
    """Whether the best price that the order would trade at triggers it, or the mark."""
    if order.by_mark:
        return is_mark_known(state) and _mark_trips(state, order)
    ladder = state.book.ask if order.side > 0 else state.book.bid
    return ladder.n > 0 and is_reached(order, ladder.px[0])


@kernel
def _mark_trips(state: State, order: Order) -> bool:
    """Whether the mark price, of more decimals than the order's, triggers it."""
    whole, rest = divmod(order.px, state.instrument.px_scale)
    past = state.mark.px - whole * UNITS - rest * UNITS // state.instrument.px_scale
    against = order.side * past
    return bool(against >= 0 if order.kind == STOP_MARKET else against <= 0)


@kernel
def print_trips(order: Order, txn: int, px: int, side: int) -> bool:
    """Whether a print of a taker on the order's own side, later than its arrival, triggers it."""
    ours = not order.by_mark and side == order.side and txn > order.joined_txn
    return ours and is_reached(order, px)


@kernel
def trip(state: State, order: Order) -> int:
    """It is an order at the market from here on, and pays the latency as one."""
    order.stage = TRIPPED
    order.latency_ns = latency(state)
    order.ready_ts = state.clock.now + order.latency_ns
    order.arrival = arrival(state, order.ready_ts)
    order.mid2 = state.book.known_mid2
    order.prints_at = state.flow.prints
    return TRIGGERED
