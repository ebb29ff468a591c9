"""Fills -> position, cash, round trips. Integers throughout: cash + position always reconcile.

One position at a time, opened from flat and closed to flat: a trip, however many orders made it.
Money is the instrument's smallest unit (instrument.py); a fee is rounded up, against us.
"""

from micropulse.instrument import Instrument
from micropulse.jit import kernel
from micropulse.outbox import (
    Outbox,
)
from micropulse.schema import (
    Fill,
    Order,
)
from micropulse.state import (
    State,
)


@kernel
def fee_of(instrument: Instrument, px: int, qty: int, rate_e8: int) -> int:
    """px x qty x rate, rounded up to the money unit; split so that no product overflows."""
    divisor = instrument.fee_divisor
    whole, rest = divmod(px * qty, divisor)
    return whole * rate_e8 + (rest * rate_e8 + divisor - 1) // divisor


@kernel
def book_fill(state: State, order: Order, fill: Fill) -> None:
    """Book one slice, which never goes through flat: cash, fees, position, the trip under way."""
    account, instrument = state.account, state.instrument
    notional = fill.px * fill.qty * instrument.notional_unit
    slippage = order.side * (2 * fill.px - order.mid2) * fill.qty * (instrument.notional_unit // 2)
    account.cash -= fill.side * notional + fill.fee
    account.fees += fill.fee
    account.fills += 1
    trip = account.open
    if account.qty == 0:
        _open_trip(state, order, fill)
    trip.fees += fill.fee
    trip.after_gap = trip.after_gap or order.after_gap
    if account.qty * fill.side < 0:
        trip.exit_notional += notional
        trip.exit_slippage += slippage
        trip.exit_order = order.id
        trip.exit_seq = fill.seq
        trip.exit_ts = fill.ts
        trip.exit_reason = order.reason
        if trip.worst_px == 0:  # no event showed a price to leave at before we left
            trip.worst_px = fill.px
            trip.best_px = fill.px
    else:
        trip.qty += fill.qty
        trip.entry_notional += notional
        trip.entry_slippage += slippage
    account.qty += fill.side * fill.qty
    state.news = True


@kernel
def _open_trip(state: State, order: Order, fill: Fill) -> None:
    """The first fill from flat: a trip begins, and nothing of the last one stays."""
    account, trip = state.account, state.account.open
    account.entry_txn = fill.txn
    trip.id = account.trips
    trip.side = order.side
    trip.qty = 0
    trip.entry_order = order.id
    trip.entry_seq = fill.seq
    trip.entry_ts = fill.ts
    trip.entry_reason = order.reason
    trip.entry_notional = 0
    trip.exit_notional = 0
    trip.entry_slippage = 0
    trip.exit_slippage = 0
    trip.fees = 0
    trip.funding = 0
    trip.worst_px = 0
    trip.best_px = 0
    trip.after_gap = False


@kernel
def close_trip(state: State, out: Outbox) -> None:
    """Flat again: write the round trip out."""
    account, trip = state.account, state.account.open
    trip.gross = trip.side * (trip.exit_notional - trip.entry_notional)
    trip.net = trip.gross - trip.fees + trip.funding
    account.gross += trip.gross
    account.trips += 1
    out.trips[out.used.trips] = trip
    out.used.trips += 1


@kernel
def show_extreme(state: State, px: int) -> None:
    """This event shows `px` as a price to leave at: the worst and best of them are the trip's."""
    trip = state.account.open
    worse = trip.side * px < trip.side * trip.worst_px
    better = trip.side * px > trip.side * trip.best_px
    if trip.worst_px == 0 or worse:
        trip.worst_px = px
    if trip.best_px == 0 or better:
        trip.best_px = px


@kernel
def equity(state: State) -> int:
    """Cash + position at the last known mid, in money units; exact, since the unit is even."""
    account = state.account
    half_unit = state.instrument.notional_unit // 2
    return account.cash + account.qty * state.book.known_mid2 * half_unit
