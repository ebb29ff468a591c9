"""Depth we took: it is not there again until the level shows more than before.

Without this a strategy could eat the same standing quantity again and again.
"""

from micropulse.jit import kernel
from micropulse.state import State


@kernel
def taken_at(state: State, side: int, px: int) -> int:
    """What we took at a price and has not come back."""
    for i in range(state.taken_n):
        if state.taken[i].px == px and state.taken[i].side == side:
            return state.taken[i].qty
    return 0


@kernel
def take(state: State, side: int, px: int, qty: int, shown: int) -> None:
    """Remember that we took `qty` of `shown`; the oldest memory goes when all are in use."""
    for i in range(state.taken_n):
        if state.taken[i].px == px and state.taken[i].side == side:
            state.taken[i].qty += qty
            return
    if state.taken_n == len(state.taken):
        state.counts.taken_full += 1
        _drop(state, 0)
    taken = state.taken[state.taken_n]
    taken.side = side
    taken.px = px
    taken.qty = qty
    taken.shown = shown
    state.taken_n += 1


@kernel
def _drop(state: State, i: int) -> None:
    """Forget one; the rest close up."""
    for k in range(i, state.taken_n - 1):
        state.taken[k] = state.taken[k + 1]
    state.taken_n -= 1


@kernel
def grow_taken(state: State) -> None:
    """A level we took from that shows more than before has new depth: forget what we took."""
    i = 0
    while i < state.taken_n:
        taken = state.taken[i]
        ladder = state.book.ask if taken.side > 0 else state.book.bid
        in_view = ladder.n > 0 and taken.side * taken.px <= taken.side * ladder.px[ladder.n - 1]
        shown = 0
        for k in range(ladder.n if in_view else 0):
            if ladder.px[k] == taken.px:
                shown = ladder.qty[k]
        if in_view and shown > taken.shown:
            _drop(state, i)
        else:
            if in_view:
                taken.shown = shown
            i += 1
