"""The takers: ordinary parents, the sweeps that move price, and rushes of sweeps."""

from __future__ import annotations

from typing import Any

from micropulse.jit import kernel
from replay.simulator.book import LEVELS, SECOND, Side, cut, retreat_best
from replay.simulator.makers import close_up_later
from replay.simulator.market import (
    BEAT_S,
    FAST_CHILDREN,
    MS,
    NEVER,
    SLOW_CHILDREN,
    TRADE,
    Market,
    excite,
)
from replay.simulator.rng import exp, exponential, geometric, lognormal, uniform

# A parent's size: ln-normal lots, one in twenty from a Pareto tail.
PARENT_LOTS, PARENT_SIGMA = 19.0, 2.0
TAIL_SHARE, TAIL_LOTS, TAIL_ALPHA = 0.05, 700.0, 1.15
PARENT_LOTS_MAX = 60_000.0
PATIENCE_TICKS, PATIENCE_SIGMA = 8.0, 1.0  # how far it walks (at heat 1) before it gives up

# What one fill takes: a maker's order, or now and then all that is left of the level.
MAKER_LOTS, MAKER_SIGMA, WHOLE_SHARE = 19.0, 1.7, 0.07
FILLS_MAX = 350

# How a parent's side follows pressure, flow, a level that thins out, and the last move.
BY_PRESSURE, BY_FLOW, BY_FADING, BY_HEADING = 0.26, 0.24, 0.6, 0.7
SAME_AGAIN = 0.08  # of the parents, those that copy the side of the last one

MOVES_PER_S, LEAN = 0.55, 0.55  # at heat 1; by e to LEAN x pressure more often its way
CALLED_OFF = 0.25  # of the moves, those whose level recovers in time
SWEPT = 0.75  # of the others, those where a taker sweeps; else the makers step back
SWEEP_LOTS_MAX = 40_000
JUMP_TICKS, STEP_BACK_TICKS, JUMP_SIGMA = 32.0, 12.0, 0.85  # how far, at heat 1
BLOCK_HOLDS = 0.5  # the chance that a block on the way ends a move
CHASERS = 3.0  # parents that a move brings

RUSHES_PER_S = 1.0 / 200
RUSH_SWEEPS, RUSH_SIGMA = 9.0, 0.7
RUSH_TICKS, RUSH_LOTS, RUSH_GAP_MS = 14.0, 3000.0, 12.0
RUSH_RECOIL = 2.0  # the pressure it leaves, the other way

Messages = Any  # an array of Message


@kernel
def take(m: Market, sign: int, lots: int, limit: int, out: Messages, count: int) -> int:
    """A taker's order meets the book, up to the price `limit` of that side; returns `count`."""
    side = m.ask if sign > 0 else m.bid
    walked = False
    for _ in range(FILLS_MAX):
        if lots <= 0 or side.px[0] > limit:
            break
        maker = side.qty[0]
        if uniform(m.rng) > WHOLE_SHARE:
            maker = 1 + int(lognormal(m.rng, MAKER_LOTS, MAKER_SIGMA))
        filled = min(lots, side.qty[0], maker)
        fill = out[count]
        fill.what = TRADE
        fill.time = m.now
        fill.side = sign
        fill.px = sign * side.px[0]
        fill.qty = filled
        count += 1
        lots -= filled
        side.qty[0] -= filled
        if side.qty[0] == 0:
            cut(side, 0, 1, m.rng, m.now)
            walked = True
    if walked:
        close_up_later(m, sign)
    return count


@kernel
def parent(m: Market, out: Messages, count: int) -> int:
    """One taker order of the ordinary flow."""
    rng = m.rng
    excite(m, FAST_CHILDREN, SLOW_CHILDREN)
    will = BY_PRESSURE * m.pressure + BY_FLOW * m.flow
    will += BY_FADING * m.fading + BY_HEADING * m.heading
    if uniform(rng) > SAME_AGAIN:
        m.last_sign = 1 if uniform(rng) < 1.0 / (1.0 + exp(-2.0 * will)) else -1
    if uniform(rng) < TAIL_SHARE:
        lots = TAIL_LOTS * exp(exponential(rng) / TAIL_ALPHA)
    else:
        lots = lognormal(rng, PARENT_LOTS, PARENT_SIGMA)
    best = m.ask.px[0] if m.last_sign > 0 else m.bid.px[0]
    limit = best + int(lognormal(rng, PATIENCE_TICKS * m.heat, PATIENCE_SIGMA))
    return take(m, m.last_sign, 1 + int(min(lots, PARENT_LOTS_MAX)), limit, out, count)


@kernel
def consider_move(m: Market, out: Messages, count: int) -> int:
    """Once a beat: a level may begin to thin out, and one that did may give way."""
    rng = m.rng
    if m.fading == 0:
        tilt = exp(LEAN * m.pressure)
        chance = 0.5 * MOVES_PER_S * BEAT_S * m.heat
        draw = uniform(rng)
        if draw < chance * tilt:
            m.fading = 1
        elif draw < chance * (tilt + 1.0 / tilt):
            m.fading = -1
        if m.fading != 0:
            m.fade_ends = m.now + int((0.05 + 0.3 * exponential(rng)) * SECOND)
    elif m.now >= m.fade_ends:
        sign = m.fading
        m.fading = 0
        if uniform(rng) > CALLED_OFF:
            count = move(m, sign, out, count)
    return count


@kernel
def move(m: Market, sign: int, out: Messages, count: int) -> int:
    """Price goes: the asks (+1) or bids are swept by a taker, or their makers step back."""
    side = m.ask if sign > 0 else m.bid
    m.heading = sign
    excite(m, 0.0, CHASERS)
    swept = side.dies[0] > 0 or uniform(m.rng) < SWEPT
    end = end_of_move(m, side, JUMP_TICKS if swept else STEP_BACK_TICKS)
    if swept:
        lots = 0 if side.px[LEVELS - 1] >= end else SWEEP_LOTS_MAX
        for k in range(LEVELS):
            if side.px[k] >= end:
                break
            lots += side.qty[k]
        count = take(m, sign, min(lots, SWEEP_LOTS_MAX), end - 1, out, count)
    if side.px[0] < end:
        retreat_best(side, end, m.rng, m.now)
    close_up_later(m, sign)
    return count


@kernel
def end_of_move(m: Market, side: Side, ticks: float) -> int:
    """The price a move on this side goes to: some ticks on, or a block that holds it up."""
    end = side.px[0] + max(1, int(lognormal(m.rng, ticks * m.heat, JUMP_SIGMA)))
    for k in range(1, LEVELS):
        if side.px[k] >= end:
            break
        if side.dies[k] > 0 and uniform(m.rng) < BLOCK_HOLDS:
            return side.px[k]
    return end


@kernel
def consider_rush(m: Market) -> None:
    """Once a beat: rarely, and more often when it is busy, a rush begins."""
    if m.rush_at != NEVER or uniform(m.rng) > RUSHES_PER_S * BEAT_S * m.rate * m.heat:
        return
    m.rush_at = m.now
    m.rush_sign = 1 if uniform(m.rng) < 1.0 / (1.0 + exp(-m.pressure)) else -1
    m.rush_left = 2 + int(lognormal(m.rng, RUSH_SWEEPS, RUSH_SIGMA))


@kernel
def rush(m: Market, out: Messages, count: int) -> int:
    """One of the sweeps of a rush; the last one leaves pressure the other way."""
    rng, sign = m.rng, m.rush_sign
    excite(m, 0.0, SLOW_CHILDREN)
    best = m.ask.px[0] if sign > 0 else m.bid.px[0]
    limit = best + geometric(rng, RUSH_TICKS * m.heat)
    count = take(m, sign, int(lognormal(rng, RUSH_LOTS, 1.0)), limit, out, count)
    m.rush_left -= 1
    if m.rush_left > 0:
        m.rush_at = m.now + int(RUSH_GAP_MS * MS * exponential(rng))
    else:
        m.rush_at = NEVER
        m.pressure -= RUSH_RECOIL * sign
    return count
