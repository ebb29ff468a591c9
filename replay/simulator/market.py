"""The market's state, and the regime that everything is scaled by.

One hidden number, the pressure, leans on everything a little: it tilts the queues at the best
bid and ask (makers.py), the side of the takers and the odds of the next move (takers.py). That is
why this book, like the real one, is mildly predictive, and why its imbalance is mostly near -1
or +1.
"""

from __future__ import annotations

import math
from typing import Annotated

from micropulse.jit import entry, kernel
from micropulse.record import Array, Record, f8, i8
from replay.simulator.book import LEVELS, Side, extend
from replay.simulator.rng import Rng, exp, exponential, noise, normal, uniform

MS = 1_000_000
NEVER = 1 << 62
SHOWN = 5
BEAT = 10 * MS  # how often quotes, pressure and blocks move on
BEAT_S = 0.01
BEATS_PER_S = 100

# The regime's logarithm is the sum of a tide of an hour, a swell of half a minute, and news.
TIDE_S, TIDE_SIGMA = 2400.0, 0.4
SWELL_S, SWELL_SIGMA = 20.0, 0.5
NEWS_PER_S, NEWS_LOG, NEWS_S = 10.0 / 86_400, 1.1, 45.0
REGIME_LOG_MAX = 2.3

PRESSURE_S, FLOW_S = 3.5, 6.0  # how long pressure, and the takers' own leaning, are remembered
HEADING_S = 0.15  # how long the direction of a move is felt
MOOD_S, MOOD_SIGMA = 4.0, 0.85  # each side's own appetite at the best level, in logarithms
HOME_SHARE = 0.05  # the pull home is felt when price is this far from the first one

# Parents are a Hawkes process: a base rate, and children that each of them brings, at once
# (fast) and a little later (slow).
BASE_RATE = 2.2
FAST_CHILDREN, FAST_HALF_S = 0.2, 0.004
SLOW_CHILDREN, SLOW_HALF_S = 0.36, 0.12
LN2 = 0.6931471805599453
FAST_DECAY, SLOW_DECAY = LN2 / FAST_HALF_S, LN2 / SLOW_HALF_S

TRADE, BOOK = 0, 1


class Message(Record):
    """What the exchange publishes: one fill, or the top five of the book."""

    what: i8  # TRADE or BOOK
    time: i8  # ns, the exchange's clock
    side: i8  # of a trade: the aggressor's, +1 or -1
    px: i8  # ticks
    qty: i8  # lots
    bid_px: Annotated[Array[int], SHOWN]
    bid_qty: Annotated[Array[int], SHOWN]
    ask_px: Annotated[Array[int], SHOWN]
    ask_qty: Annotated[Array[int], SHOWN]


class Market(Record):
    """All that the next instant depends on. A sign of +1 is up, or the asks; -1 the other."""

    now: i8
    next_beat: i8
    next_book: i8
    beats: i8
    home: i8  # ticks: the first price
    tide: f8
    swell: f8
    news: f8
    rate: f8  # exp of the regime: multiplies the base rate of parents
    heat: f8  # its square root: multiplies how often and how far price moves
    fast: f8  # excitement, in parents a second, as it was at `excited_at`
    slow: f8
    excited_at: i8
    pressure: f8  # standard normal
    flow: f8  # standard normal
    heading: f8  # +1 or -1 just after a move, then towards 0
    bid_mood: f8
    ask_mood: f8
    last_sign: i8  # of the last parent
    fading: i8  # the side whose best level thins out before a move, or 0
    fade_ends: i8
    settle_at: i8  # when the book closes up behind a walk; NEVER when it is closed
    settle_sign: i8  # the side that was walked
    rush_at: i8  # the next sweep of a rush; NEVER when there is none
    rush_sign: i8
    rush_left: i8
    rng: Rng
    bid: Side
    ask: Side


@entry
def open_market(m: Market, now: int, ticks: int) -> None:
    """Open a Market that has only its `rng`, at time `now` (ns): ask at `ticks`, bid one below."""
    m.now = now
    m.next_beat = now
    m.next_book = now + int(100.0 * uniform(m.rng)) * MS  # the phase of the hundred milliseconds
    m.excited_at = now
    m.home = ticks
    m.settle_at = NEVER
    m.rush_at = NEVER
    m.last_sign = 1
    m.tide = TIDE_SIGMA * normal(m.rng)
    set_regime(m)
    m.ask.px[0] = ticks
    m.bid.px[0] = 1 - ticks
    m.ask.qty[0] = 3000
    m.bid.qty[0] = 3000
    for k in range(1, LEVELS):
        extend(m.bid, k, m.rng, now)
        extend(m.ask, k, m.rng, now)


@kernel
def set_regime(m: Market) -> None:
    """Once a second: how busy it is, and how far moves go."""
    m.tide += step(m.tide, 1.0 / TIDE_S) + TIDE_SIGMA * jolt(m.rng, 1.0 / TIDE_S)
    m.swell += step(m.swell, 1.0 / SWELL_S) + SWELL_SIGMA * jolt(m.rng, 1.0 / SWELL_S)
    m.news += step(m.news, 1.0 / NEWS_S)
    if uniform(m.rng) < NEWS_PER_S:
        m.news += NEWS_LOG + 0.5 * exponential(m.rng)
    regime = min(m.tide + m.swell + m.news, REGIME_LOG_MAX)
    m.rate = exp(regime)
    m.heat = exp(0.5 * regime)


@kernel
def lean(m: Market) -> None:
    """Once a beat: pressure, flow and moods wander; far from home, pressure is drawn back."""
    away = (m.ask.px[0] - m.home) / (HOME_SHARE * m.home)
    pull = -0.5 * away * away * away
    m.pressure += step(m.pressure - pull, BEAT_S / PRESSURE_S)
    m.pressure += jolt(m.rng, BEAT_S / PRESSURE_S)
    m.flow += step(m.flow, BEAT_S / FLOW_S) + jolt(m.rng, BEAT_S / FLOW_S)
    m.heading += step(m.heading, BEAT_S / HEADING_S)
    m.bid_mood += step(m.bid_mood, BEAT_S / MOOD_S) + MOOD_SIGMA * jolt(m.rng, BEAT_S / MOOD_S)
    m.ask_mood += step(m.ask_mood, BEAT_S / MOOD_S) + MOOD_SIGMA * jolt(m.rng, BEAT_S / MOOD_S)


@kernel
def step(value: float, share: float) -> float:
    """How far a value that forgets `share` of itself at each step goes back to 0."""
    return -value * share


@kernel
def jolt(rng: Rng, share: float) -> float:
    """The noise that keeps such a value at a standard deviation of 1."""
    return math.sqrt(2.0 * share) * noise(rng)


@kernel
def excitement(m: Market, at: int) -> float:
    """Let excitement fade until `at`; the rate of parents then, per second."""
    gone_s = (at - m.excited_at) / 1e9
    m.fast *= exp(-FAST_DECAY * gone_s)
    m.slow *= exp(-SLOW_DECAY * gone_s)
    m.excited_at = at
    return BASE_RATE * m.rate + m.fast + m.slow


@kernel
def excite(m: Market, fast_children: float, slow_children: float) -> None:
    """What just happened will bring so many parents."""
    m.fast += fast_children * FAST_DECAY
    m.slow += slow_children * SLOW_DECAY
