"""Walls: levels behind the best that stand out, and how each one ends.

A tracked level is a candidate until it is old enough, then a standing wall. Tracked levels lie
best price first, so that equal cases are always settled in the same order, and so that the walls
that have slid out of view are the last ones: a loop over what is in view ends at the first of
them. docs/features.md numbers the steps.
"""

from math import nan

from micropulse.features.baseline import (
    add_to_baseline,
    is_tracked,
    is_wall_size,
    roll_baseline,
)
from micropulse.jit import kernel
from micropulse.outbox import (
    Outbox,
    put_signal,
)
from micropulse.schema import (
    CANCELLED,
    EATEN,
    MILLISECOND,
    SECOND,
    UNKNOWN,
    WALL_BORN,
    WALL_CANCELLED,
    WALL_EATEN,
    WALL_SLID,
    Features,
)
from micropulse.state import (
    BUCKETS,
    PRINTS,
    WALLS,
    Ladder,
    State,
    Wall,
    WallSide,
)

PRINT_MASK = PRINTS - 1
WARM_NS = BUCKETS * SECOND


@kernel
def watch_walls(state: State, out: Outbox) -> None:
    """All steps for the book just loaded, bids before asks."""
    settle_prints(state)
    _watch_side(state, state.bid_walls, state.book.bid, out)
    _watch_side(state, state.ask_walls, state.book.ask, out)


@kernel
def _watch_side(state: State, side: WallSide, ladder: Ladder, out: Outbox) -> None:
    """The steps of one side, in their order."""
    roll_baseline(side, state.clock.now)
    judge_tracked(state, side, ladder, out)
    find_candidates(state, side, ladder)
    promote(state, side, out)
    add_to_baseline(side, ladder)


@kernel
def settle_prints(state: State) -> None:
    """Count the prints this book has met (T <= its T) against the walls they ate, each once."""
    flow, txn = state.flow, state.book.txn
    if flow.prints - flow.settled > PRINTS:
        if state.bid_walls.tracked + state.ask_walls.tracked > 0:
            state.counts.window_full += flow.prints - PRINTS - flow.settled
        flow.settled = flow.prints - PRINTS
    for position in range(flow.settled, flow.prints):
        entry = state.prints[position & PRINT_MASK]
        if entry.settled == 0 and entry.txn <= txn:
            entry.settled = 1
            eaten_side = state.bid_walls if entry.side < 0 else state.ask_walls
            _eat(eaten_side, entry.px, entry.qty, entry.txn)
    while flow.settled < flow.prints and state.prints[flow.settled & PRINT_MASK].settled != 0:
        flow.settled += 1


@kernel
def _eat(side: WallSide, px: int, qty: int, txn: int) -> None:
    """A print took `qty` at `px`: it counts if it came after the wall's peak."""
    for i in range(side.tracked):
        wall = side.walls[i]
        if side.sign * wall.px < side.sign * px:
            break
        if wall.px == px and txn > wall.peak_txn:
            wall.eaten += qty


@kernel
def judge_tracked(state: State, side: WallSide, ladder: Ladder, out: Outbox) -> None:
    """Steps 3 to 6: look at every tracked level again; forget what has ended."""
    i = 0
    while i < side.tracked:
        wall = side.walls[i]
        in_view = ladder.n > 0 and side.sign * wall.px >= side.sign * ladder.px[ladder.n - 1]
        if wall.slid and not in_view:
            break
        shown = _shown_qty(ladder, wall.px) if in_view else 0
        if wall.standing:
            stays = _judge_wall(state, side, wall, in_view, shown, out)
        else:
            stays = in_view and _is_candidate(state, side, ladder, wall.px, shown)
        if stays and in_view:
            _show(wall, shown, state.book.txn)
        if stays:
            i += 1
        else:
            _forget(side, i)


@kernel
def _judge_wall(
    state: State, side: WallSide, wall: Wall, in_view: bool, shown: int, out: Outbox
) -> bool:
    """Steps 5 and 6: whether a standing wall goes on; says how it ended when it does not."""
    age_ns = state.clock.now - wall.born
    if not in_view:
        wall.slid = True
        wall.slid_ts = state.clock.now
        state.counts.walls_slid += 1
        put_signal(state, out, WALL_SLID, side.which, wall.px, wall.qty, age_ns, 0)
        return True
    if not shown < state.settings.wall_gone_share * wall.peak:
        return True
    if wall.slid:
        state.counts.walls_lost += 1
        return False
    if 2 * wall.eaten >= wall.peak - shown:
        state.counts.walls_eaten += 1
        put_signal(state, out, WALL_EATEN, side.which, wall.px, wall.peak, age_ns, 0)
        _remember_removal(state, side, wall, EATEN)
    else:
        state.counts.walls_cancelled += 1
        put_signal(state, out, WALL_CANCELLED, side.which, wall.px, wall.peak, age_ns, 0)
        _remember_removal(state, side, wall, CANCELLED)
    return False


@kernel
def _remember_removal(state: State, side: WallSide, wall: Wall, end: int) -> None:
    """The last removal; of several in one book the one with the largest peak."""
    removal, book = state.removal, state.book.books
    if removal.side != 0 and removal.book == book and wall.peak <= removal.qty:
        return
    removal.side = side.which
    removal.px = wall.px
    removal.qty = wall.peak
    removal.age_ns = state.clock.now - wall.born
    removal.end = end
    removal.ts = state.clock.now
    removal.book = book


@kernel
def _is_candidate(state: State, side: WallSide, ladder: Ladder, px: int, qty: int) -> bool:
    """Step 2: of wall size, and behind the best unless the best may be a wall."""
    behind = px != ladder.px[0] or state.settings.wall_at_best
    return behind and is_wall_size(state, side, px, qty)


@kernel
def _shown_qty(ladder: Ladder, px: int) -> int:
    """Quantity shown at a price; 0 when the price is not among the levels."""
    for k in range(ladder.n):
        if ladder.px[k] == px:
            return ladder.qty[k]
    return 0


@kernel
def _show(wall: Wall, qty: int, txn: int) -> None:
    """Step 4: the level shows `qty`; at its peak again, what was eaten is forgotten."""
    wall.qty = qty
    wall.slid = False
    if qty >= wall.peak:
        wall.peak = qty
        wall.peak_txn = txn
        wall.eaten = 0


@kernel
def find_candidates(state: State, side: WallSide, ladder: Ladder) -> None:
    """Step 3: levels of wall size that are not tracked yet, once the baseline is warm."""
    if state.clock.now - state.book.first_ts < WARM_NS:
        return
    for k in range(ladder.n):
        px, qty = ladder.px[k], ladder.qty[k]
        if _is_candidate(state, side, ladder, px, qty) and not is_tracked(side, px):
            _track(state, side, px, qty)


@kernel
def promote(state: State, side: WallSide, out: Outbox) -> None:
    """Step 3, last: candidates that are old enough stand."""
    for i in range(side.tracked):
        wall = side.walls[i]
        if wall.slid:
            break
        age_ns = state.clock.now - wall.born
        if not wall.standing and age_ns >= state.settings.wall_min_age_ms * MILLISECOND:
            wall.standing = True
            state.counts.walls += 1
            put_signal(state, out, WALL_BORN, side.which, wall.px, wall.qty, age_ns, 0)


@kernel
def _track(state: State, side: WallSide, px: int, qty: int) -> None:
    """Put a new candidate in its place by price."""
    if side.tracked == WALLS and not _make_room(state, side):
        return
    i = side.tracked
    while i > 0 and side.sign * side.walls[i - 1].px < side.sign * px:
        side.walls[i] = side.walls[i - 1]
        i -= 1
    side.tracked += 1
    wall = side.walls[i]
    wall.px = px
    wall.qty = qty
    wall.born = state.clock.now
    wall.peak = qty
    wall.peak_txn = state.book.txn
    wall.eaten = 0
    wall.standing = False
    wall.slid = False
    wall.slid_ts = 0


@kernel
def _make_room(state: State, side: WallSide) -> bool:
    """Forget the wall that slid out longest ago (the best price when equal). False without one."""
    state.counts.walls_full += 1
    oldest = -1
    for i in range(side.tracked):
        wall = side.walls[i]
        if wall.slid and (oldest < 0 or wall.slid_ts < side.walls[oldest].slid_ts):
            oldest = i
    if oldest < 0:
        return False
    _forget(side, oldest)
    return True


@kernel
def _forget(side: WallSide, i: int) -> None:
    """Take one out; the rest close up."""
    for k in range(i, side.tracked - 1):
        side.walls[k] = side.walls[k + 1]
    side.tracked -= 1


@kernel
def largest(side: WallSide) -> int:
    """Index of the largest standing wall in view, the better price when equal; -1 without one."""
    best = -1
    for i in range(side.tracked):
        wall = side.walls[i]
        if wall.slid:
            break
        if wall.standing and (best < 0 or wall.qty > side.walls[best].qty):
            best = i
    return best


@kernel
def write_walls(state: State, features: Features) -> None:
    """The largest wall a side (its age is written at every event), and the last removal."""
    px_scale, qty_scale = state.instrument.px_scale, state.instrument.qty_scale
    bid, ask = state.bid_walls, state.ask_walls
    i = largest(bid)
    bid.born = bid.walls[i].born if i >= 0 else UNKNOWN
    features.bid_wall_px = bid.walls[i].px / px_scale if i >= 0 else nan
    features.bid_wall_qty = bid.walls[i].qty / qty_scale if i >= 0 else nan
    i = largest(ask)
    ask.born = ask.walls[i].born if i >= 0 else UNKNOWN
    features.ask_wall_px = ask.walls[i].px / px_scale if i >= 0 else nan
    features.ask_wall_qty = ask.walls[i].qty / qty_scale if i >= 0 else nan
    removal = state.removal
    if removal.side != 0:
        features.removed_wall_side = removal.side
        features.removed_wall_px = removal.px / px_scale
        features.removed_wall_qty = removal.qty / qty_scale
        features.removed_wall_age_s = removal.age_ns / SECOND
        features.removed_wall_kind = removal.end
        features.removed_wall_ts = removal.ts


@kernel
def end_walls(state: State) -> None:
    """A disconnect: what stood may be gone and nobody saw it. Nothing is a removal."""
    state.bid_walls.tracked = 0
    state.ask_walls.tracked = 0
    write_walls(state, state.features)


@kernel
def age_s(born: int, now: int) -> float:
    """Seconds since birth; null when nothing was born."""
    return (now - born) / SECOND if born != UNKNOWN else nan
