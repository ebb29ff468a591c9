"""When a request reaches the exchange: latency, and the exchange's own clock."""

from micropulse.features.window import drop_before, is_empty, maximum, push_max
from micropulse.jit import cold, kernel
from micropulse.schema import OVER, SECOND, UNKNOWN, Order
from micropulse.state import State

OFFSET_WINDOW_NS = 60 * SECOND
# L'Ecuyer (1988), two multiplicative generators combined: no product leaves 64 bits.
ONE, TWO = 2_147_483_563, 2_147_483_399
DRAWS = ONE - 1


@kernel
def see_clock(state: State, ts_event: int, ts_recv: int) -> None:
    """One more sight of the exchange's clock: E - ts_recv, the largest of 60 s is kept."""
    now = state.clock.now
    offset = ts_event - ts_recv
    state.counts.queue_full += push_max(state.offset, state.offset_ring, now, offset)
    drop_before(state.offset, state.offset_ring, now - OFFSET_WINDOW_NS)
    state.jitter_ns = maximum(state.offset, state.offset_ring) - offset
    if state.open_n != 0:
        date_requests(state)


@kernel
def forget_clock(state: State) -> None:
    """The receiver's clock was stepped: what was known of the offset is worth nothing."""
    state.offset.tail = state.offset.head


@cold
def date_requests(state: State) -> None:
    """Requests that were decided before the exchange's clock was known get their arrival."""
    for i in range(state.open_n):
        order = state.orders[i]
        if order.stage != OVER and order.arrival == UNKNOWN:
            order.arrival = arrival(state, order.ready_ts)
        if order.cancel_ts != UNKNOWN and order.cancel_arrival == UNKNOWN:
            order.cancel_arrival = arrival(state, order.cancel_ready)


@kernel
def arrival(state: State, ready_ts: int) -> int:
    """A = decision + latency + the largest E - ts_recv of the last 60 s; UNKNOWN without one."""
    if is_empty(state.offset):
        return UNKNOWN
    return ready_ts + maximum(state.offset, state.offset_ring)


@kernel
def latency(state: State) -> int:
    """How long the next request is on its way, ns."""
    execution = state.execution
    ns = execution.latency_ns
    if execution.tape_jitter:
        ns += state.jitter_ns
    if execution.jitter_ns > 0:
        ns += _draw(state) * (execution.jitter_ns + 1) // DRAWS
    return ns


@kernel
def seed_dice(state: State) -> None:
    """Both generators from [execution] seed; neither may be 0."""
    state.dice.one = 1 + state.execution.seed % (ONE - 1)
    state.dice.two = 1 + state.execution.seed % (TWO - 1)


@kernel
def _draw(state: State) -> int:
    """A whole number from 0 to DRAWS - 1."""
    dice = state.dice
    dice.one = dice.one * 40_014 % ONE
    dice.two = dice.two * 40_692 % TWO
    return (dice.one - dice.two) % DRAWS


@kernel
def has_arrived(state: State, order: Order, txn: int) -> bool:
    """Whether an order on its way is at the exchange by an event of this T."""
    known = order.arrival != UNKNOWN
    return known and state.clock.now >= order.ready_ts and txn >= order.arrival


@kernel
def is_cancelled(state: State, order: Order, txn: int) -> bool:
    """Whether the cancel of an order is at the exchange by an event of this T."""
    known = order.cancel_ts != UNKNOWN and order.cancel_arrival != UNKNOWN
    return known and state.clock.now >= order.cancel_ready and txn >= order.cancel_arrival
