"""One side of the simulated book: a short list of levels, best first.

Prices are ticks counted *away from the other side*: asks as they are, bids negated. So both
sides ascend, and one kernel serves both. Bid and ask are one tick apart when
`bid.px[0] + ask.px[0] == 1`.
"""

from __future__ import annotations

from typing import Annotated

from micropulse.jit import kernel
from micropulse.record import Array, Record
from replay.simulator.rng import Rng, exp, geometric, log, lognormal, uniform

LEVELS = 48  # kept a side; what slides further back is forgotten
SECOND = 1_000_000_000

GAP_TICKS = 2.1  # mean distance from one level to the next
DUST_LOTS, DUST_SIGMA = 20.0, 1.75  # a level behind the best: ln-normal, in lots of 0.001 BTC
BLOCK_LOTS, BLOCK_ALPHA, BLOCK_LOTS_MAX = 900.0, 1.05, 30_000.0  # a block: Pareto
BLOCK_LIFE_S, BLOCK_LIFE_SIGMA = 2.8, 1.4  # how long a block stands: ln-normal
BLOCK_LIFE_S_MIN, BLOCK_LIFE_S_MAX = 0.3, 60.0
BLOCK_SHARE = 0.015  # of the levels that come up at the far end


class Side(Record):
    """Levels, best first; a quantity is never 0."""

    px: Annotated[Array[int], LEVELS]
    qty: Annotated[Array[int], LEVELS]  # lots
    dies: Annotated[Array[int], LEVELS]  # ns: when a block is cancelled; 0 for all else


@kernel
def dust(rng: Rng) -> int:
    """Lots of an ordinary level behind the best."""
    return 1 + int(lognormal(rng, DUST_LOTS, DUST_SIGMA))


@kernel
def block(rng: Rng) -> int:
    """Lots of a block: 0.9 to 30 bitcoin."""
    return int(min(BLOCK_LOTS * exp(-log(uniform(rng)) / BLOCK_ALPHA), BLOCK_LOTS_MAX))


@kernel
def death(rng: Rng, now: int) -> int:
    """When a block that appears now will be cancelled, if nothing else ends it."""
    life_s = lognormal(rng, BLOCK_LIFE_S, BLOCK_LIFE_SIGMA)
    return now + int(min(max(life_s, BLOCK_LIFE_S_MIN), BLOCK_LIFE_S_MAX) * SECOND)


@kernel
def put(side: Side, at: int, px: int, qty: int, dies: int) -> None:
    """Insert a level at index `at`; the last one is forgotten."""
    for k in range(LEVELS - 1, at, -1):
        side.px[k] = side.px[k - 1]
        side.qty[k] = side.qty[k - 1]
        side.dies[k] = side.dies[k - 1]
    side.px[at] = px
    side.qty[at] = qty
    side.dies[at] = dies


@kernel
def extend(side: Side, at: int, rng: Rng, now: int) -> None:
    """Write a fresh level at the far end, index `at`, behind the one before it."""
    side.px[at] = side.px[at - 1] + geometric(rng, GAP_TICKS)
    if uniform(rng) < BLOCK_SHARE:
        side.qty[at] = block(rng)
        side.dies[at] = death(rng, now)
    else:
        side.qty[at] = dust(rng)
        side.dies[at] = 0


@kernel
def cut(side: Side, at: int, count: int, rng: Rng, now: int) -> None:
    """Take `count` levels out from index `at` on; new ones come up at the far end."""
    for k in range(at, LEVELS - count):
        side.px[k] = side.px[k + count]
        side.qty[k] = side.qty[k + count]
        side.dies[k] = side.dies[k + count]
    for k in range(LEVELS - count, LEVELS):
        extend(side, k, rng, now)


@kernel
def place(side: Side, px: int, qty: int, dies: int) -> None:
    """Put a level at `px` behind the best one, or add to the one that is there."""
    for k in range(1, LEVELS):
        if side.px[k] == px:
            side.qty[k] += qty
            side.dies[k] = max(side.dies[k], dies)
            return
        if side.px[k] > px:
            put(side, k, px, qty, dies)
            return


@kernel
def advance_best(side: Side, px: int, qty: int, keep_lots: int, rng: Rng) -> None:
    """A new best level at `px`, better than the old one, with dust in between.

    The crowd of the old best level follows to the new one and leaves `keep_lots` there.
    """
    if side.dies[0] == 0:
        side.qty[0] = min(side.qty[0], keep_lots)
    old = side.px[0]
    put(side, 0, px, qty, 0)
    between = px + geometric(rng, GAP_TICKS)
    for k in range(1, LEVELS // 2):
        if between >= old:
            break
        put(side, k, between, dust(rng), 0)
        between += geometric(rng, GAP_TICKS)


@kernel
def retreat_best(side: Side, px: int, rng: Rng, now: int) -> None:
    """Cancel what stands better than `px`, which becomes the best level (of one lot if new)."""
    while side.px[0] < px:
        gone = 1
        while gone < LEVELS - 1 and side.px[gone] < px:
            gone += 1
        cut(side, 0, gone, rng, now)
    if side.px[0] != px:
        put(side, 0, px, 1, 0)
