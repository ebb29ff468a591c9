"""What the prints say: volumes, rates, parent orders; and which trade ids came or are missing."""

from math import nan

from micropulse.features.window import first_inside
from micropulse.jit import kernel
from micropulse.schema import (
    SECOND,
    Features,
)
from micropulse.state import (
    PRINTS,
    QUEUE,
    Flow,
    State,
)

PRINT_MASK = PRINTS - 1
MISS_MASK = QUEUE - 1


@kernel
def is_new_trade(state: State, trade_id: int, now: int) -> bool:
    """Whether this id was not seen before; ids it jumps over are missing from `now` on.

    Each slot (id mod 65,536) remembers the last id that fell into it, so that a late id of the
    older of two connections still counts, which "larger than the last" would drop.
    """
    slot = trade_id & PRINT_MASK
    remembered = state.trade_ids[slot] - 1
    if remembered == trade_id:
        state.counts.duplicate_trades += 1
        return False
    if remembered > trade_id:
        state.counts.late_trades += 1
        return False
    state.trade_ids[slot] = trade_id + 1
    _count_missing(state, trade_id, now)
    return True


@kernel
def _count_missing(state: State, trade_id: int, now: int) -> None:
    """Add what a jump skipped, or take back what comes late. Pending while two are connected."""
    feed = state.feed
    if not feed.trade_known:
        feed.trade_known = True
        feed.first_trade_id = trade_id
        feed.last_trade_id = trade_id
        return
    change = 0
    if trade_id > feed.last_trade_id:
        change = trade_id - feed.last_trade_id - 1
        feed.last_trade_id = trade_id
    elif trade_id > feed.first_trade_id:
        change = -1
    if change == 0:
        return
    if feed.open > 1 and feed.pending_missed + change >= 0:
        feed.pending_missed += change
    else:
        miss(state, change, now)


@kernel
def miss(state: State, change: int, now: int) -> None:
    """`change` more trades are known to be missing (fewer when negative)."""
    flow = state.flow
    if flow.misses - flow.miss_tail == QUEUE:
        flow.miss_tail += 1
        state.counts.window_full += 1
    state.missed[flow.misses & MISS_MASK].ts = now
    state.missed[flow.misses & MISS_MASK].before = flow.missed
    flow.misses += 1
    flow.missed += change
    state.counts.missed_trades = flow.missed


@kernel
def add_print(state: State, now: int, txn: int, px: int, qty: int, side: int, kind: int) -> None:
    """Put a print into the ring; start a parent when T or the side differs from the last one's."""
    flow = state.flow
    if flow.prints - flow.tail_10s == PRINTS:
        flow.tail_10s += 1
        flow.tail_1s = max(flow.tail_1s, flow.tail_10s)
        state.counts.window_full += 1
    if side != flow.parent_side or txn != flow.parent_txn:
        _start_parent(state, now, txn, side)
    entry = state.prints[flow.prints & PRINT_MASK]
    entry.ts = now
    entry.txn = txn
    entry.px = px
    entry.qty = qty
    entry.side = side
    entry.kind = kind
    entry.buy_before = flow.buy
    entry.sell_before = flow.sell
    entry.settled = 0
    flow.prints += 1
    if side > 0:
        flow.buy += qty
    else:
        flow.sell += qty


@kernel
def _start_parent(state: State, now: int, txn: int, side: int) -> None:
    """A taker order begins: its prints share T and side and follow one another."""
    flow = state.flow
    if flow.parents - flow.parent_tail_10s == PRINTS:
        flow.parent_tail_10s += 1
        flow.parent_tail_1s = max(flow.parent_tail_1s, flow.parent_tail_10s)
        state.counts.window_full += 1
    mark = state.parents[flow.parents & PRINT_MASK]
    mark.ts = now
    mark.before = flow.buy + flow.sell
    flow.parents += 1
    flow.parent_txn = txn
    flow.parent_side = side


@kernel
def roll(state: State, now: int) -> bool:
    """Move the window tails to `now`. Whether any of them moved."""
    flow = state.flow
    one, ten = now - SECOND, now - 10 * SECOND
    tail_1s = first_inside(state.prints, flow.tail_1s, flow.prints, one)
    tail_10s = first_inside(state.prints, flow.tail_10s, flow.prints, ten)
    parent_1s = first_inside(state.parents, flow.parent_tail_1s, flow.parents, one)
    parent_10s = first_inside(state.parents, flow.parent_tail_10s, flow.parents, ten)
    moved = tail_1s != flow.tail_1s or tail_10s != flow.tail_10s
    flow.tail_1s = tail_1s
    flow.tail_10s = tail_10s
    flow.parent_tail_1s = parent_1s
    flow.parent_tail_10s = parent_10s
    flow.miss_tail = first_inside(state.missed, flow.miss_tail, flow.misses, ten)
    return moved


@kernel
def write_volumes(state: State, features: Features) -> None:
    """cvd, buy_10s, sell_10s, cvd_10s in base units; mean print of 10 s, null without one."""
    flow = state.flow
    scale = state.instrument.qty_scale
    buy, sell = 0, 0
    if flow.tail_10s < flow.prints:
        oldest = state.prints[flow.tail_10s & PRINT_MASK]
        buy = flow.buy - oldest.buy_before
        sell = flow.sell - oldest.sell_before
    prints = flow.prints - flow.tail_10s
    features.cvd = (flow.buy - flow.sell) / scale
    features.buy_10s = buy / scale
    features.sell_10s = sell / scale
    features.cvd_10s = (buy - sell) / scale
    features.avg_size_10s = (buy + sell) / (prints * scale) if prints > 0 else nan


@kernel
def write_rates(state: State, features: Features) -> None:
    """Prints and parents per second over 1 s and 10 s, and the ratio of the two (0 without any).

    The mean parent counts all prints since the first parent that began inside the window: every
    print belongs to the last parent begun, so these are the parents' prints and no others.
    """
    flow = state.flow
    prints_1s, prints_10s = flow.prints - flow.tail_1s, flow.prints - flow.tail_10s
    orders_1s = flow.parents - flow.parent_tail_1s
    orders_10s = flow.parents - flow.parent_tail_10s
    features.tps_1s = float(prints_1s)
    features.tps_10s = prints_10s / 10
    features.ops_1s = float(orders_1s)
    features.ops_10s = orders_10s / 10
    features.acceleration = 10 * prints_1s / prints_10s if prints_10s > 0 else 0.0
    features.order_acceleration = 10 * orders_1s / orders_10s if orders_10s > 0 else 0.0
    features.avg_order_10s = nan
    if orders_10s > 0:
        first = state.parents[flow.parent_tail_10s & PRINT_MASK]
        volume = flow.buy + flow.sell - first.before
        features.avg_order_10s = volume / (orders_10s * state.instrument.qty_scale)


@kernel
def missed_inside(state: State) -> float:
    """Trades missing by id, found in the last 10 s; never below 0."""
    flow: Flow = state.flow
    if flow.miss_tail == flow.misses:
        return 0.0
    return float(max(0, flow.missed - state.missed[flow.miss_tail & MISS_MASK].before))
