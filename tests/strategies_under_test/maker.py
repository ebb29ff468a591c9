"""Quotes one tick behind the best on both sides, and takes its quotes away when the book leans.

For tests: it shows how orders are rested, watched and cancelled, not how to make money.
"""

from enum import IntEnum

from micropulse.record import Record, f8, i8
from micropulse.schema import ENTER, EXIT, LIMIT, POST_ONLY, Features, Intent, Position


class Reason(IntEnum):
    """Why an order was asked for."""

    NONE = 0
    QUOTE_BID = 1
    QUOTE_ASK = 2
    TOO_MUCH = 3


class Params(Record):
    """When it quotes."""

    lean: f8 = 0.6  # of the book, beyond which the side that it presses on is not quoted
    behind_ticks: i8 = 1  # the best
    qty: i8 = 10
    most: i8 = 40  # held, before it leaves at the market


class Memory(Record):
    """How many quotes were asked for and taken away."""

    quotes: i8
    cancels: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """One request a call: take away what must not stay, leave what is too much, else quote."""
    if features.book_stale or not features.mid > 0:
        return
    if position.qty > params.most and not position.pending:
        intent.action = EXIT
        intent.reason = Reason.TOO_MUCH
        return
    for side in (1, -1):
        ours = quote(position, side)
        px = features.mid - side * (features.spread / 2 + params.behind_ticks * position.tick)
        wanted = side * features.obi > -params.lean
        if ours >= 0:
            order = position.orders[ours]
            moved = abs(order.px - px) > position.tick / 2
            if not order.cancelling and (moved or not wanted):
                memory.cancels += 1
                intent.cancel = order.ref
                return
        elif wanted:
            memory.quotes += 1
            intent.action = ENTER
            intent.side = side
            intent.qty = params.qty
            intent.kind = LIMIT
            intent.tif = POST_ONLY
            intent.px = px
            intent.reason = Reason.QUOTE_BID if side > 0 else Reason.QUOTE_ASK
            return


def quote(position: Position, side: int) -> int:
    """Where our order of a side stands among the open ones; -1 without one."""
    for k in range(position.orders_n):
        if position.orders[k].side == side and not position.orders[k].at_market:
            return k
    return -1
