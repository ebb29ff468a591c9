"""The makers: how the best level breathes, what stands behind it, and how a walked book closes."""

from __future__ import annotations

from micropulse.jit import kernel
from replay.simulator.book import LEVELS, Side, advance_best, block, cut, death, dust, place
from replay.simulator.market import BEAT_S, MOOD_SIGMA, MS, NEVER, Market
from replay.simulator.rng import exp, exponential, geometric, noise, normal, uniform

BEST_LOTS, BEST_LOTS_MAX = 4800.0, 20_000.0  # what the best level tends to, and never reaches
TILT = 1.35  # how much one unit of pressure tilts it, in logarithms
QUOTE_SHARE = 0.12  # of the beats, those in which a side's best level changes
FADED_SHARE = 0.05  # what is left of a level that thins out before a move
FRONT_BLOCK_S = 2.5  # a block that has become the best level thins out after about this time
STIR_SHARE = 0.06  # of the beats, those in which a level behind the best changes (at heat 1)
STIRRED = 8  # levels from the best that may change
BLOCK_SHARE = 0.0045  # of the beats, those in which a block appears on a side
BLOCK_TICKS = 12.0  # how far behind the best, on average
ROUND_TICKS, ROUND_SHARE = 10, 0.5  # blocks like whole dollars
ANSWER_MS = 4.0  # until the book closes up behind a walk
FOLLOW_SHARE = 0.65  # of the walks, those after which price stays where it went


@kernel
def best_target(m: Market, sign: int) -> float:
    """Lots that tend to stand at the best ask (+1) or bid (-1)."""
    mood = m.ask_mood if sign > 0 else m.bid_mood
    wish = BEST_LOTS * exp(mood - sign * TILT * m.pressure)
    return wish / (1.0 + wish / BEST_LOTS_MAX)


@kernel
def quote(m: Market, sign: int) -> None:
    """Once a beat: the best level drifts to its target in lumps. A fading one drains fast."""
    side = m.ask if sign > 0 else m.bid
    if side.dies[0] > 0:
        if uniform(m.rng) < BEAT_S / FRONT_BLOCK_S:
            side.dies[0] = 0
        return
    target = best_target(m, sign)
    if m.fading == sign:
        target *= FADED_SHARE
    elif uniform(m.rng) > QUOTE_SHARE:
        return
    change = (target - side.qty[0]) * (0.05 + 0.25 * uniform(m.rng))
    side.qty[0] = max(1, int(side.qty[0] + change + 40.0 * noise(m.rng)))


@kernel
def stir(m: Market, side: Side) -> None:
    """Once a beat: behind the best, dust comes and goes, blocks appear and are pulled."""
    rng = m.rng
    if uniform(rng) < STIR_SHARE * m.heat:
        stir_dust(m, side)
    if uniform(rng) < BLOCK_SHARE:
        px = side.px[0] + 2 + geometric(rng, BLOCK_TICKS)
        if uniform(rng) < ROUND_SHARE:
            px -= px % ROUND_TICKS
        if px > side.px[0]:
            place(side, px, block(rng), death(rng, m.now))
    for k in range(1, LEVELS):
        if 0 < side.dies[k] <= m.now:
            cut(side, k, 1, rng, m.now)
            break


@kernel
def stir_dust(m: Market, side: Side) -> None:
    """One ordinary level behind the best gets another size, goes, or comes."""
    rng = m.rng
    at = 1 + int((STIRRED - 1) * uniform(rng))
    act = uniform(rng)
    if act < 0.3:
        reach = side.px[STIRRED] - side.px[0]
        place(side, side.px[0] + 1 + int(uniform(rng) * reach), dust(rng), 0)
    elif side.dies[at] > 0:
        return
    elif act < 0.6:
        cut(side, at, 1, rng, m.now)
    else:
        side.qty[at] = dust(rng)


@kernel
def close_up_later(m: Market, sign: int) -> None:
    """The asks (+1) or bids were walked: in a few milliseconds somebody quotes in the gap."""
    m.settle_at = m.now + int(ANSWER_MS * MS * exponential(m.rng))
    m.settle_sign = sign


@kernel
def close_up(m: Market) -> None:
    """Quote in the gap: the other side follows the move, or the walked one comes back some way."""
    m.settle_at = NEVER
    rng, sign = m.rng, m.settle_sign
    walked = m.ask if sign > 0 else m.bid
    other = m.bid if sign > 0 else m.ask
    gap = walked.px[0] + other.px[0] - 1
    if gap <= 0:
        return
    m.bid_mood = MOOD_SIGMA * normal(rng)
    m.ask_mood = MOOD_SIGMA * normal(rng)
    lots = 1 + int(best_target(m, sign) * uniform(rng))
    others = 1 + int(best_target(m, -sign) * uniform(rng))
    back = 0
    if uniform(rng) > FOLLOW_SHARE:
        back = int((gap + 1) * uniform(rng))
    if back > 0:
        advance_best(walked, walked.px[0] - back, lots, dust(rng), rng)
    else:
        walked.qty[0] = max(walked.qty[0], lots)
    if gap > back:
        advance_best(other, 1 - walked.px[0], others, dust(rng), rng)
