"""Made-up markets: short nasty ones for Hypothesis, long plausible ones from a seed.

Both are played on the exchange of market.py. A nasty one is a list of small moves of that market,
so that it shrinks to the few that matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from random import Random
from typing import Any, NamedTuple

from micropulse.events import CONTROL_KINDS, Events
from micropulse.testing.market import BTC, MS, SECOND, TINY, Market, Scale
from micropulse.testing.needs_hypothesis import strategies as st
from micropulse.testing.recorded import Recorded
from micropulse.testing.rows import Event, events_of


class Stream(NamedTuple):
    """A market that was played, as rows."""

    scale: Scale
    rows: tuple[Event, ...]

    @property
    def events(self) -> Events:
        """The same as columns."""
        return events_of(self.rows)

    @property
    def recorded(self) -> Recorded:
        """The same as a recording; of BTCUSDT where it has its digits."""
        px, qty = self.scale.px_decimals, self.scale.qty_decimals
        symbol = "BTCUSDT" if self.scale == BTC else "TINYUSDT"
        return Recorded("a drawn market", symbol, px, qty, self.events)


# Nasty streams.

Move = tuple[Any, ...]  # ns to wait, name of a method of Market, its arguments

BORDERS = (
    *(0, 1, 100 * MS, 500 * MS, SECOND - 1, SECOND, SECOND + 1),
    *(seconds * SECOND + ns for seconds in (10, 60) for ns in (-1, 0, 1)),
)
FAST = (0, 100 * MS, 1, 400 * MS, 500 * MS, SECOND)
SIZES = (1, 0, 2, 4, 5, 10, 30, 80, 81, 100, 101, 200, 1000)
NO_PRINTS = (
    ("NA", 0, 0),
    ("INSURANCE_FUND", 6_757_520, 300),
    ("ADL", 6_180_020, 5),
    ("OTHER", 6_180_020, 5),
    ("MARKET", 6_180_020, 0),
    ("RPI", 0, 5),
)

WARM: list[Move] = [  # the baseline is warm, of levels smaller than the best one
    *((0, "place", side, 0, 3) for side in ("bid", "ask")),
    (0, "show"),
    (30 * SECOND, "place", "bid", 3, 2),
    (0, "show"),
    (30 * SECOND, "show"),
]
STANDING: list[Move] = [
    *WARM,
    *((0, "place", side, 2, 100) for side in ("bid", "ask")),
    (100 * MS, "show"),
    (SECOND, "show"),
]
CROWDED: list[Move] = [
    *WARM,
    (0, "walls", "bid", 19),
    (0, "walls", "ask", 19),
    (100 * MS, "show", 20, 20),
    (SECOND, "show", 20, 20),
    (0, "move", 22),  # the bid walls slide out
    (0, "walls", "bid", 9),
    (100 * MS, "show", 20, 20),
    (SECOND, "show", 20, 20),
    (0, "move", 22),
    (0, "walls", "bid", 19),  # more than can be tracked
    (100 * MS, "show", 20, 20),
]
RETURN: list[Move] = [
    (SECOND, "show", 20, 20),
    (0, "move", -25),
    (100 * MS, "show", 20, 20),
    (0, "move", -22),
    (100 * MS, "show", 20, 20),
]
PREAMBLES: tuple[list[Move], ...] = (
    [],
    WARM,
    STANDING,
    STANDING,
    STANDING,
    CROWDED,
    [*CROWDED, *RETURN],
)

SIDE = st.sampled_from(("bid", "ask"))
LEVEL = st.sampled_from((-1, 0, 1, 2, 3))
LATE_MS = st.sampled_from((0, 0, 1, 500, 59_999, 60_000, 90_000))
DUE_MS = st.sampled_from((1, 100, 0, 1_000, 59_999, 60_000, 60_001, 28_800_000))
RATES = (10_000, -5_353, 0, 1, -1, 3_000_000)
PREMIUMS = (0, 1, -1, 333, -100_000)
USUAL = st.sampled_from((5, 10, 20))
AFTER_MS = st.sampled_from((0, 50, 1, -1, 100, 150, -150))
AHEAD_MS = st.sampled_from((50, 100, 150))  # of the last book; the next is 100 ms later
LEFT = st.sampled_from((10, 0, 11, 5, 3, 2, 0))
TICKS = st.integers(-25, 25) | st.sampled_from((-44, -22, 22, 44))
CONN = st.integers(0, 2)


def move(wait: st.SearchStrategy[int], name: str, *arguments: Any) -> st.SearchStrategy[Move]:
    """One thing that happens after a wait."""
    return st.tuples(wait, st.just(name), *arguments)


def wall_moves(wait: st.SearchStrategy[int]) -> st.SearchStrategy[Move]:
    """What makes and ends walls; with short waits, so that they live to see it."""
    return st.one_of(
        move(wait, "show", USUAL, USUAL, st.sampled_from((0, 0, 0, 1, 60))),
        move(wait, "show", st.sampled_from((5, 20, 0)), st.sampled_from((5, 20, 0))),
        move(wait, "show"),
        move(wait, "hit", SIDE, LEVEL, st.integers(0, 5), AFTER_MS, st.booleans()),
        move(wait, "appear", SIDE, st.integers(1, 4), st.sampled_from((100, 80, 5, 10))),
        move(wait, "devour", SIDE, st.sampled_from((5, 10, 4)), LEFT, AFTER_MS, st.booleans()),
        move(wait, "devour", SIDE, st.just(5), LEFT, AHEAD_MS, st.just(True), st.integers(0, 1)),
        move(wait, "excursion", TICKS, SIDE, LEFT),
        move(wait, "place", SIDE, st.integers(1, 6), st.sampled_from(SIZES)),
        move(wait, "resize", SIDE, LEVEL, st.sampled_from((0, 1, 2, 3, 4, 9, 10, 11, 20))),
        move(wait, "move", TICKS),
    )


def odd_moves(wait: st.SearchStrategy[int]) -> st.SearchStrategy[Move]:
    """Everything else that a log may hold, likely or not."""
    return st.one_of(
        move(wait, "show", st.integers(0, 20), st.integers(0, 20)),
        move(wait, "show_again", USUAL, USUAL, st.integers(0, 2)),
        move(wait, "more", SIDE, st.sampled_from(("MARKET", "MARKET", "RPI", "NA"))),
        move(wait, "sweep", SIDE, st.integers(1, 6), AFTER_MS),
        move(wait, "place", SIDE, st.integers(-3, 30), st.sampled_from(SIZES)),
        move(wait, "walls", SIDE, st.integers(1, 20)),
        st.tuples(wait, st.sampled_from(NO_PRINTS)).map(lambda m: (m[0], "no_print", *m[1])),
        move(wait, "lose_ids", st.sampled_from((1, 2, 5, 65_535, 65_536, 1_000_000))),
        move(wait, "late_id"),
        move(wait, "old_id", st.sampled_from((0, 1, 2, 65_535, 65_536))),
        move(wait, "lose_books", st.integers(1, 5)),
        move(wait, "skip_lines", st.integers(1, 3)),
        move(wait, "mark", LATE_MS, DUE_MS, st.sampled_from(RATES), st.sampled_from(PREMIUMS)),
        move(wait, "via", CONN),
        move(wait, "hand_over", st.integers(0, 5), st.integers(0, 3), CONN, CONN),
        move(wait, "control", st.sampled_from(CONTROL_KINDS[1:]), CONN),
        move(wait, "control", st.sampled_from(("CONNECT", "DISCONNECT")), CONN),
    )


def play(scale: Scale, script: Iterable[Move]) -> Stream:
    """The stream that a list of moves makes."""
    market = Market(scale)
    for wait, name, *arguments in script:
        market.wait(wait)
        getattr(market, name)(*arguments)
    return Stream(scale, tuple(market.rows))


def streams(scales: Sequence[Scale] = (BTC, TINY)) -> st.SearchStrategy[Stream]:
    """Short nasty streams; shrinks to no preamble, few moves, no waiting."""
    fast = st.sampled_from(FAST)
    borders = st.sampled_from(BORDERS)
    any_wait = borders | borders | st.integers(-2 * SECOND, 90 * SECOND)
    walls = st.lists(wall_moves(fast), max_size=16)
    odd = st.lists(odd_moves(fast) | odd_moves(any_wait) | wall_moves(any_wait), max_size=10)
    # Lists of lists, since Hypothesis makes plain ones of five moves on average.
    scripts = st.lists(walls | walls | odd, max_size=12)
    return st.builds(
        lambda scale, before, script: play(scale, [*before, *chain(*script)]),
        st.sampled_from(scales),
        st.sampled_from(PREAMBLES),
        scripts,
    )


# A long plausible stream.


def random_market(seed: int, n: int, scale: Scale = BTC) -> Stream:
    """`n` events of a lively market: a book each 100 ms, trades in bursts, walls that come,
    grow, are eaten, cancelled or left behind, a hand-over now and then, rarely a disconnect.

    Walls can stand from the 61st second on, which is about event 1,800.
    """
    rng = Random(seed)
    market = Market(scale)
    market.control("RUN_START", 0)
    market.via(1)
    market.control("CONNECT", 1)
    while len(market.rows) < n:
        market.wait(rng.randrange(40 * MS, 60 * MS))
        _orders(market, rng)
        _trades(market, rng)
        market.wait(rng.randrange(40 * MS, 60 * MS))
        market.show(late_ms=rng.choice((0, 1, 5, 20)))
        if rng.random() < 0.02:
            _odd(market, rng)
    return Stream(scale, tuple(market.rows[:n]))


def _orders(market: Market, rng: Random) -> None:
    side = rng.choice(("bid", "ask"))
    market.place(side, 0, rng.randrange(5, 60))
    market.place(side, rng.randrange(1, 8), rng.randrange(1, 6))
    market.place(side, rng.randrange(1, 8), rng.randrange(0, 3))
    if rng.random() < 0.15:
        market.place(side, rng.randrange(1, 5), rng.randrange(90, 400))
    if rng.random() < 0.06:
        market.resize(side, -1, rng.choice((0, 0, 1, 2, 4, 9, 12)))
    if rng.random() < 0.10:
        market.move(rng.choice((-6, -3, -2, -1, 1, 2, 3, 6)))


def _trades(market: Market, rng: Random) -> None:
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        side, after_ms = rng.choice(("bid", "ask")), rng.randrange(-20, 110)
        market.hit(side, 0, rng.randrange(0, 2), after_ms, True)
        for _ in range(rng.choice((0, 0, 0, 1, 6))):
            market.more(side, rng.choice(("MARKET", "MARKET", "MARKET", "RPI")))
    if rng.random() < 0.02:
        market.sweep(rng.choice(("bid", "ask")), rng.randrange(2, 7), rng.randrange(0, 60))
    if rng.random() < 0.06:
        market.hit(
            rng.choice(("bid", "ask")), -1, rng.choice((1, 3, 4, 4)), rng.randrange(0, 60), True
        )


def _odd(market: Market, rng: Random) -> None:
    """One of the things that are rare but real."""
    happening = rng.randrange(10)
    if happening < 4:
        market.no_print(*rng.choice(NO_PRINTS))
    elif happening < 6:
        market.lose_ids(rng.randrange(1, 5))
    elif happening == 6:
        market.late_id()
    elif happening == 7:
        market.control("TICK", 0)
    elif happening == 8:
        _hand_over(market, rng)
    elif rng.random() < 0.2:
        market.control("DISCONNECT", market.conn)
        market.wait(3 * SECOND)
        market.lose_ids(rng.randrange(0, 30))
        market.via(market.conn + 1)
        market.control("CONNECT", market.conn)


def _hand_over(market: Market, rng: Random) -> None:
    """Two connections for a moment: the same books twice, ids that the old one brings late."""
    old, new = market.conn, market.conn + 1
    market.control("CONNECT", new)
    for _ in range(rng.randrange(2, 8)):
        market.wait(rng.randrange(0, 30 * MS))
        market.via(new)
        market.lose_ids(rng.randrange(0, 3))
        market.hit("ask", 0, 0, 10, True)
        market.show()
        market.via(old)
        market.late_id()
        market.old_id(0)
        market.show_again(5, 5, 0)
    market.control("DISCONNECT", old)
    market.via(new)
