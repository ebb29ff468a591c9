"""One slice of an order, and what an order becomes of it."""

from micropulse.account import book_fill, close_trip, fee_of
from micropulse.jit import cold, kernel
from micropulse.outbox import Outbox, put_order
from micropulse.schema import (
    ARMED,
    EXPIRED,
    FILLED,
    LIMIT,
    MARKET_ORDER,
    NOTHING_TO_REDUCE,
    OVER,
    PARTIAL,
    REJECTED,
    RESTING,
    SENT,
    TRIGGERED,
    TRIPPED,
    UNKNOWN,
    WITHDRAWN,
    Order,
)
from micropulse.state import State


@kernel
def left_to_fill(state: State, order: Order) -> int:
    """What an order may still fill: of a reduce-only one never more than there is to reduce."""
    left = order.qty - order.filled
    if order.closes:
        left = max(0, min(left, -order.side * state.account.qty))
    return left


@cold
def fill(
    state: State, out: Outbox, order: Order, px: int, level_px: int, qty: int, txn: int, maker: bool
) -> None:
    """Fill `qty` at one price, in two slices where it goes through flat: one-way netting."""
    left = qty
    while left > 0:
        held = state.account.qty
        part = min(left, abs(held)) if held * order.side < 0 else left
        left -= part
        _slice(state, out, order, px, level_px, part, txn, maker)
        if state.account.qty == 0:
            close_trip(state, out)
            _end_reduce_only(state, out)


@kernel
def _slice(
    state: State, out: Outbox, order: Order, px: int, level_px: int, qty: int, txn: int, maker: bool
) -> None:
    """One slice at one price, written out and booked."""
    rate_e8 = state.execution.maker_fee_e8 if maker else state.execution.taker_fee_e8
    row = out.fills[out.used.fills]
    row.order_id = order.id
    row.slice_no = order.slices
    row.seq = state.clock.seq
    row.ts = state.clock.now
    row.txn = txn
    row.side = order.side
    row.maker = maker
    row.px = px
    row.level_px = level_px
    row.qty = qty
    row.fee = fee_of(state.instrument, px, qty, rate_e8)
    out.used.fills += 1
    order.slices += 1
    order.filled += qty
    book_fill(state, order, row)


@kernel
def _end_reduce_only(state: State, out: Outbox) -> None:
    """Flat: reduce-only orders that wait at the exchange have nothing left to reduce."""
    for i in range(state.open_n):
        order = state.orders[i]
        waits = order.stage == RESTING or order.stage == ARMED
        if waits and order.closes and order.filled < order.qty:
            order.note = NOTHING_TO_REDUCE
            change(state, out, order, EXPIRED)


@cold
def change(state: State, out: Outbox, order: Order, status: int) -> None:
    """An order changes its status: write it out; one that has ended is open no more."""
    if status == REJECTED:
        state.account.rejected += 1
    done = status == TRIGGERED or (status == FILLED and order.kind == LIMIT)
    if done and order.cancel_ts != UNKNOWN:
        state.counts.cancels_too_late += 1
    if status == FILLED or status == EXPIRED or status == REJECTED or status == WITHDRAWN:
        order.stage = OVER
    state.news = True
    put_order(state, out, order, status)


@kernel
def filled_status(order: Order) -> int:
    """What an order is after a fill at rest."""
    return FILLED if order.filled == order.qty else PARTIAL


@kernel
def is_at_market(order: Order) -> bool:
    """Whether the order is under way to the market: `pending`."""
    sent = order.stage == SENT and order.kind == MARKET_ORDER
    return sent or order.stage == TRIPPED


@kernel
def is_stop(order: Order) -> bool:
    """Whether it waits for a trigger."""
    return order.kind != MARKET_ORDER and order.kind != LIMIT


@kernel
def let_go(state: State) -> None:
    """Forget the orders that have ended; the rest close up, oldest first."""
    kept = 0
    for i in range(state.open_n):
        if state.orders[i].stage != OVER:
            if kept != i:
                state.orders[kept] = state.orders[i]
            kept += 1
    state.open_n = kept
