"""What the strategy sees of its position and orders, and when: after the response latency.

What it asked for itself it knows at once. So news that are under way are told of it too.
"""

from math import nan

from micropulse.execution.fills import is_at_market
from micropulse.jit import cold, kernel
from micropulse.schema import ARMED, RESTING, UNKNOWN, OpenOrder, Order, Position
from micropulse.state import REPORTS, State

REPORT_MASK = REPORTS - 1


@cold
def report(state: State) -> None:
    """Orders or the position have changed: send word of how they stand. When too many words are
    on their way the newest waits for this one."""
    state.news = False
    if state.reports_head - state.reports_tail == REPORTS:
        state.counts.reports_full += 1
        state.reports_head -= 1
    row = state.reports[state.reports_head & REPORT_MASK]
    state.reports_head += 1
    account, trip = state.account, state.account.open
    row.due = state.clock.now + state.execution.response_ns
    row.basis.qty = trip.qty
    row.basis.notional = trip.entry_notional
    row.basis.txn = account.entry_txn
    position, instrument = row.position, state.instrument
    position.side = 0
    position.qty = abs(account.qty)
    position.entry_px = nan
    position.entry_ts = trip.entry_ts
    position.entry_reason = trip.entry_reason
    position.tick = instrument.tick / instrument.px_scale
    if account.qty != 0:
        position.side = 1 if account.qty > 0 else -1
        units = trip.qty * instrument.px_scale * instrument.notional_unit
        position.entry_px = trip.entry_notional / units
    position.pending = False
    position.orders_n = 0
    for i in range(state.open_n):
        _add(state, position, state.orders[i])


@kernel
def _add(state: State, position: Position, order: Order) -> None:
    """One more open order, and whether it is under way to the market."""
    seen: OpenOrder = position.orders[position.orders_n]
    seen.at_market = is_at_market(order)
    if seen.at_market:
        position.pending = True
    position.orders_n += 1
    seen.ref = order.id + 1
    seen.kind = order.kind
    seen.side = order.side
    seen.qty = order.qty
    seen.filled = order.filled
    seen.px = order.px / state.instrument.px_scale
    seen.reason = order.reason
    seen.resting = order.stage == RESTING or order.stage == ARMED
    seen.cancelling = order.cancel_ts != UNKNOWN
    seen.closes = order.closes


@cold
def deliver(state: State) -> None:
    """The strategy learns what is due."""
    while state.reports_tail < state.reports_head:
        row = state.reports[state.reports_tail & REPORT_MASK]
        if row.due > state.clock.now:
            break
        state.position = row.position
        state.basis = row.basis
        state.reports_tail += 1


@kernel
def show_sent(state: State, order: Order) -> None:
    """An order was sent: the strategy knows, whatever news of older things are to come."""
    _add(state, state.position, order)
    for i in range(state.reports_tail, state.reports_head):
        _add(state, state.reports[i & REPORT_MASK].position, order)


@kernel
def show_cancelling(state: State, ref: int) -> None:
    """A cancel was sent: the strategy knows."""
    _mark(state.position, ref)
    for i in range(state.reports_tail, state.reports_head):
        _mark(state.reports[i & REPORT_MASK].position, ref)


@kernel
def _mark(position: Position, ref: int) -> None:
    """Mark one order as being cancelled."""
    for k in range(position.orders_n):
        if position.orders[k].ref == ref:
            position.orders[k].cancelling = True
