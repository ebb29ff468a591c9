"""Spikes: how far the mid is from its extreme of the last moment.

Both queues hold twice the mid, as integers; the low one negated, since a minimum is the maximum
of the negated values.
"""

from math import nan

from micropulse.features.window import drop_before, is_empty, maximum, push_max
from micropulse.jit import kernel
from micropulse.schema import (
    MILLISECOND,
)
from micropulse.state import (
    State,
)


@kernel
def add_mid(state: State, now: int) -> None:
    """A book with both sides has come: its mid enters the window."""
    mid2 = state.book.mid2
    state.counts.queue_full += push_max(state.high, state.high_ring, now, mid2)
    state.counts.queue_full += push_max(state.low, state.low_ring, now, -mid2)


@kernel
def roll_mids(state: State, now: int) -> bool:
    """Let go of mids older than the spike window. Whether any went."""
    start = now - state.settings.spike_window_ms * MILLISECOND
    low, high = state.low.tail, state.high.tail
    drop_before(state.high, state.high_ring, start)
    drop_before(state.low, state.low_ring, start)
    return low != state.low.tail or high != state.high.tail


@kernel
def spike_up(state: State) -> float:
    """mid / min(mid) - 1 over the window, as (mid - min) / min; null when no book is in it."""
    if is_empty(state.low):
        return nan
    low = -maximum(state.low, state.low_ring)
    return (state.book.known_mid2 - low) / low


@kernel
def spike_down(state: State) -> float:
    """1 - mid / max(mid) over the window, as (max - mid) / max; null when no book is in it."""
    if is_empty(state.high):
        return nan
    high = maximum(state.high, state.high_ring)
    return (high - state.book.known_mid2) / high
