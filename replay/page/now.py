"""How a run stands: the figures, walls, orders and position that the panels show, as plain values.

Features are the core's own floats, NaN (null in JSON) where undefined; prices and quantities are
integers at the symbol's scale, money is decimal text, times are ms since the epoch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from micropulse.instrument import to_text
from micropulse.schema import FEATURE_COLUMNS, MILLISECOND, ORDER_KINDS, SENT, UNKNOWN
from micropulse.sinks.tables import FLAGS
from micropulse.state import QUEUE
from micropulse.strategy import reason_name
from replay.backtest import Session
from replay.sight.book import walls_of
from replay.sight.holding import Limits, unrealised

COUNTED = (
    *("events", "books", "trades", "prints", "missed_trades", "duplicate_books"),
    *("duplicate_trades", "pu_breaks", "disconnects", "clock_steps", "walls_cancelled"),
    *("walls_eaten", "walls_slid", "late_trades", "crossed_books"),
)
SHOWN = tuple(name for name in FEATURE_COLUMNS if "_wall_" not in name)


class Known(NamedTuple):
    """What does not change of a run, and is needed to tell how it stands."""

    session: Session
    limits: Limits


def now_of(known: Known) -> dict[str, Any]:
    """How the run stands after the last event that was fed."""
    state = known.session.core.state
    # A record's fields are looked up one by one at microseconds each; all at once they cost one.
    counts = dict(zip(state.counts.dtype.names, state.counts.tolist(), strict=True))
    return {
        "seq": int(state.clock.seq),
        "ms": int(state.clock.now) // MILLISECOND,
        "features": features_of(state.features),
        "walls": [
            [side, wall.px, wall.qty, wall.born // MILLISECOND]
            for side, walls in ((1, state.bid_walls), (-1, state.ask_walls))
            for wall in walls_of(walls)
        ],
        "position": _position(known, state),
        "orders": [_order(known, order) for order in state.orders[: int(state.open_n)]],
        "counts": {name: counts[name] for name in COUNTED},
        "offset_ms": offset_ms(state),
    }


def features_of(features: Any) -> dict[str, Any]:
    """Features by the names of docs/features.md; walls are told apart."""
    values = dict(zip(features.dtype.names, features.tolist(), strict=True))
    return {name: bool(values[name]) if name in FLAGS else values[name] for name in SHOWN}


def offset_ms(state: Any) -> float | None:
    """The largest E - ts_recv of the last minute: how far the receiver's clock is behind the
    exchange's, less the shortest delay; None while it is not known."""
    head, tail = int(state.offset.head), int(state.offset.tail)
    if head == tail:
        return None
    return int(state.offset_ring[tail % QUEUE].before) / MILLISECOND


def _position(known: Known, state: Any) -> dict[str, Any]:
    account, held, digits = state.account, state.position, known.session.digits
    gross, fees, funding = int(account.gross), int(account.fees), int(account.funding)
    said: dict[str, Any] = {
        "qty": int(account.qty),
        "realised": to_text(gross - fees + funding, digits.money),
        "fees": to_text(fees, digits.money),
        "funding": to_text(funding, digits.money),
        "trips": int(account.trips),
        "orders": int(account.orders),
        "rejected": int(account.rejected),
        "pending": bool(held.pending),
    }
    if account.qty:
        side = 1 if account.qty > 0 else -1
        entry, tick = float(held.entry_px), float(held.tick)
        limits = known.limits
        said |= {
            "entry_px": entry,
            "entry_ms": int(held.entry_ts) // MILLISECOND,
            "unrealised": to_text(unrealised(state), digits.money),
            "reason": reason_name(known.session.strategy, int(held.entry_reason)),
            "tp_px": None if limits.tp_ticks is None else entry + side * limits.tp_ticks * tick,
            "sl_px": None if limits.sl_ticks is None else entry - side * limits.sl_ticks * tick,
        }
    return said


def _order(known: Known, order: Any) -> dict[str, Any]:
    ahead = int(order.ahead)
    return {
        "id": int(order.id),
        "ms": int(order.ts) // MILLISECOND,
        "kind": ORDER_KINDS[int(order.kind)],
        "side": int(order.side),
        "qty": int(order.qty),
        "filled": int(order.filled),
        "px": int(order.px),
        "closes": bool(order.closes),
        "on_its_way": int(order.stage) == SENT,
        "ahead": None if ahead == UNKNOWN else ahead,
        "reason": reason_name(known.session.strategy, int(order.reason)),
    }
