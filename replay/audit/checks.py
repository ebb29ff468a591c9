"""What the exchange rejects at once, and the least that it takes."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

from .codes import (
    ABOVE_MAX_LIMIT_QTY,
    ABOVE_MAX_QTY,
    BAD_STEP,
    BAD_TICK,
    BELOW_MIN_NOTIONAL,
    BELOW_MIN_QTY,
    NO_BOOK,
    NO_MARK,
    NO_NOTE,
    OUTSIDE_BAND,
)
from .ledger import LIMIT, MARKET, Order
from .marks import Marks


def smallest(limits: Any, mid2: int) -> int:
    """The least multiple of the step that meets both minimums."""
    least = Fraction(int(limits.min_qty))
    if mid2:
        least = max(least, Fraction(2 * int(limits.min_notional), mid2))
    return ceil(least / int(limits.step)) * int(limits.step)


def objection(order: Order, limits: Any, marks: Marks, t: int) -> int:
    """Why the exchange rejects an order at t; NO_NOTE when it takes it."""
    limited = order.kind == LIMIT
    if not order.mid2:
        return NO_BOOK
    if order.qty % int(limits.step):
        return BAD_STEP
    if order.qty <= 0 or order.qty < limits.min_qty:
        return BELOW_MIN_QTY
    most = int(limits.max_qty if limited else limits.max_market_qty)
    if most and order.qty > most:
        return ABOVE_MAX_LIMIT_QTY if limited else ABOVE_MAX_QTY
    if order.kind != MARKET and (order.px <= 0 or order.px % int(limits.tick)):
        return BAD_TICK
    notional = order.qty * (Fraction(order.px) if limited else Fraction(order.mid2, 2))
    if notional < int(limits.min_notional) and not order.closes:
        return BELOW_MIN_NOTIONAL
    if order.by_mark and marks.px(t) is None:
        return NO_MARK
    if limited and marks.forbid(t, order.px, order.side):
        return OUTSIDE_BAND
    return NO_NOTE
