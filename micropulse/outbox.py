"""The outboxes: fixed arrays that the core writes into, and the cursor that says how far.

Full means that `advance` returns early, is emptied by its caller, and goes on. It looks before it
takes an event, so that what one event may write always has room.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from micropulse.jit import kernel
from micropulse.record import Record, i8
from micropulse.schema import Fill, Order, Sample, Signal, Trip
from micropulse.state import LEVELS, WALLS, State


class Cursor(Record):
    """How far a call of `advance` has come in its batch, and in each outbox."""

    depth: i8
    trades: i8
    control: i8
    samples: i8
    signals: i8
    orders: i8
    fills: i8
    trips: i8


class Outboxes(NamedTuple):
    """Fixed arrays the core writes into; full means it returns early and is called again."""

    cursor: Any  # one Cursor
    samples: Any
    signals: Any
    orders: Any
    fills: Any
    trips: Any


# The most one event can write: every tracked level of both sides may end and be born at once.
SIGNALS_PER_EVENT = 4 * WALLS + 8
ORDERS_PER_EVENT = 4
FILLS_PER_EVENT = 2 * LEVELS
TRIPS_PER_EVENT = 2


def outboxes(capacity: int) -> Outboxes:
    """Outboxes of `capacity` rows each, or of what one event can write where that is more."""
    return Outboxes(
        Cursor.zeros(1),
        Sample.zeros(max(capacity, 1)),
        Signal.zeros(max(capacity, SIGNALS_PER_EVENT)),
        Order.zeros(max(capacity, ORDERS_PER_EVENT)),
        Fill.zeros(max(capacity, FILLS_PER_EVENT)),
        Trip.zeros(max(capacity, TRIPS_PER_EVENT)),
    )


@kernel
def put_signal(
    state: State, out: Outboxes, kind: int, side: int, px: int, qty: int, age_ns: int, reason: int
) -> None:
    """Say that something happened at the event under way."""
    cursor = out.cursor[0]
    row = out.signals[cursor.signals]
    row.seq = state.clock.seq
    row.ts = state.clock.now
    row.kind = kind
    row.side = side
    row.px = px
    row.qty = qty
    row.age_ns = age_ns
    row.reason = reason
    cursor.signals += 1


@kernel
def put_order(state: State, out: Outboxes, order: Order, status: int) -> None:
    """An order changes its status: stamp it and write it out."""
    order.status = status
    order.status_seq = state.clock.seq
    order.status_ts = state.clock.now
    cursor = out.cursor[0]
    out.orders[cursor.orders] = order
    cursor.orders += 1
