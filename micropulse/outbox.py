"""The outbox: fixed arrays that the core writes into, and how many rows of each are in use.

Full means that `advance` returns early, is emptied by its caller, and goes on. It looks before it
takes an event, so that what one event may write always has room. It is one record, as State is:
arrays handed from kernel to kernel would each be counted in and out, at 1-2 microseconds an event.
"""

from __future__ import annotations

from typing import Annotated

from micropulse.jit import kernel
from micropulse.record import Array, Record, flag, i8
from micropulse.schema import ORDERS, Fill, Order, Sample, Signal, Trip
from micropulse.state import LEVELS, WALLS, State

ROWS = 4_096

# The most one event can write: every tracked level of both sides may end and be born at once.
SIGNALS_PER_EVENT = 4 * WALLS + 8
ORDERS_PER_EVENT = 4 * ORDERS
FILLS_PER_EVENT = ORDERS * (LEVELS + 1)  # a slice that goes through flat is two
TRIPS_PER_EVENT = ORDERS


class Cursor(Record):
    """A row of each table of a batch: how far `advance` has come in it, and where it ends."""

    depth: i8
    trades: i8
    marks: i8
    control: i8


class Used(Record):
    """Rows in use of each array; as a limit, how many may be."""

    samples: i8
    signals: i8
    orders: i8
    fills: i8
    trips: i8


class Outbox(Record):
    """What came out and was not fetched yet."""

    cursor: Cursor
    ends: Cursor  # how many rows of each table there are, by now
    deciding: flag  # in the middle of the strategy's `decide`
    used: Used
    limit: Used
    samples: Annotated[Array[Sample], ROWS]
    signals: Annotated[Array[Signal], ROWS]
    orders: Annotated[Array[Order], ROWS]
    fills: Annotated[Array[Fill], ROWS]
    trips: Annotated[Array[Trip], ROWS]


def limits(rows: int) -> Used:
    """Limits of `rows` each, or of what one event can write where that is more."""
    return Used.new(
        samples=min(ROWS, max(rows, 1)),
        signals=min(ROWS, max(rows, SIGNALS_PER_EVENT)),
        orders=min(ROWS, max(rows, ORDERS_PER_EVENT)),
        fills=min(ROWS, max(rows, FILLS_PER_EVENT)),
        trips=min(ROWS, max(rows, TRIPS_PER_EVENT)),
    )


@kernel
def has_room(out: Outbox) -> bool:
    """Whether every array can take the most that one event may write."""
    used, limit = out.used, out.limit
    return (
        used.samples < limit.samples
        and used.signals + SIGNALS_PER_EVENT <= limit.signals
        and used.orders + ORDERS_PER_EVENT <= limit.orders
        and used.fills + FILLS_PER_EVENT <= limit.fills
        and used.trips + TRIPS_PER_EVENT <= limit.trips
    )


@kernel
def put_signal(
    state: State, out: Outbox, kind: int, side: int, px: int, qty: int, age_ns: int, reason: int
) -> None:
    """Say that something happened at the event under way."""
    row = out.signals[out.used.signals]
    row.seq = state.clock.seq
    row.ts = state.clock.now
    row.kind = kind
    row.side = side
    row.px = px
    row.qty = qty
    row.age_ns = age_ns
    row.reason = reason
    out.used.signals += 1


@kernel
def put_order(state: State, out: Outbox, order: Order, status: int) -> None:
    """An order changes its status: stamp it and write it out."""
    order.status = status
    order.status_seq = state.clock.seq
    order.status_ts = state.clock.now
    out.orders[out.used.orders] = order
    out.used.orders += 1
