"""Depth we took: it is not there again until the level shows more than before.

Without this a strategy could eat the same standing quantity again and again.
"""

from micropulse.jit import kernel
from micropulse.state import State

NOWHERE = 2**63 - 1  # a price no level has


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
    bid, ask = state.book.bid, state.book.ask
    worst_bid = bid.px[bid.n - 1] if bid.n > 0 else NOWHERE
    worst_ask = ask.px[ask.n - 1] if ask.n > 0 else -NOWHERE
    i = 0
    while i < state.taken_n:
        taken = state.taken[i]
        in_view = taken.px <= worst_ask if taken.side > 0 else taken.px >= worst_bid
        if not in_view:
            i += 1
            continue
        ladder = ask if taken.side > 0 else bid
        shown = 0
        for k in range(ladder.n):
            if ladder.px[k] == taken.px:
                shown = ladder.qty[k]
                break
        if shown > taken.shown:
            _drop(state, i)
        else:
            taken.shown = shown
            i += 1
