"""What the exchange would reject at once. The limits are those of instrument.py."""

from micropulse.jit import kernel
from micropulse.mark import is_mark_known, outside_band
from micropulse.schema import (
    ABOVE_MAX_LIMIT_QTY,
    ABOVE_MAX_QTY,
    BAD_STEP,
    BAD_TICK,
    BELOW_MIN_NOTIONAL,
    BELOW_MIN_QTY,
    LIMIT,
    MARKET_ORDER,
    NO_BOOK,
    NO_MARK,
    OUTSIDE_BAND,
    Order,
)
from micropulse.state import State


@kernel
def objection(state: State, order: Order) -> int:
    """Why the exchange would reject the order; 0 when it takes it. Reduce-only orders are free
    of the minimum notional, which is that of the limit, else of the mid."""
    instrument = state.instrument
    most, note = instrument.max_market_qty, ABOVE_MAX_QTY
    px2 = order.mid2
    if order.kind == LIMIT:
        most, note = instrument.max_qty, ABOVE_MAX_LIMIT_QTY
        px2 = 2 * order.px
    if order.mid2 == 0:
        return NO_BOOK
    if order.qty % instrument.step != 0:
        return BAD_STEP
    if order.qty < instrument.min_qty or order.qty <= 0:
        return BELOW_MIN_QTY
    if 0 < most < order.qty:
        return note
    if order.kind != MARKET_ORDER and (order.px <= 0 or order.px % instrument.tick != 0):
        return BAD_TICK
    if not order.closes and px2 * order.qty < 2 * instrument.min_notional:
        return BELOW_MIN_NOTIONAL
    if order.by_mark and not is_mark_known(state):
        return NO_MARK
    if order.kind == LIMIT and outside_band(state, order.px, order.side):
        return OUTSIDE_BAND
    return 0
