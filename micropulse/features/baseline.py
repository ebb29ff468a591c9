"""The depth a wall is measured against: the mean level behind the best over the last minute.

Sixty buckets of a second each, in integers: what enters leaves again without a residue.
"""

from micropulse.jit import kernel
from micropulse.schema import (
    SECOND,
)
from micropulse.state import (
    BUCKETS,
    Ladder,
    State,
    WallSide,
)


@kernel
def roll_baseline(side: WallSide, now: int) -> None:
    """Drop the buckets older than 60 s, counting the one of `now`."""
    second = now // SECOND
    for step in range(min(second - side.second, BUCKETS)):
        old = side.buckets[(second - step) % BUCKETS]
        side.base_qty -= old.qty
        side.base_levels -= old.levels
        old.qty = 0
        old.levels = 0
    side.second = second


@kernel
def is_wall_size(state: State, side: WallSide, px: int, qty: int) -> bool:
    """qty >= wall_k x baseline and px x qty >= wall_floor; nothing is, without a baseline."""
    scale = state.instrument.px_scale * state.instrument.qty_scale
    if side.base_levels == 0 or px * qty < state.settings.wall_floor * scale:
        return False
    return float(qty) * side.base_levels >= state.settings.wall_k * side.base_qty


@kernel
def is_tracked(side: WallSide, px: int) -> bool:
    """Whether the visible level at a price is a candidate or a wall (walls.py: their order)."""
    for i in range(side.tracked):
        if side.walls[i].px == px:
            return True
        if side.sign * side.walls[i].px < side.sign * px:
            break
    return False


@kernel
def add_to_baseline(side: WallSide, ladder: Ladder) -> None:
    """Add the levels behind the best that are not tracked."""
    qty, levels = 0, 0
    for k in range(1, ladder.n):
        if not is_tracked(side, ladder.px[k]):
            qty += ladder.qty[k]
            levels += 1
    bucket = side.buckets[side.second % BUCKETS]
    bucket.qty += qty
    bucket.levels += levels
    side.base_qty += qty
    side.base_levels += levels
