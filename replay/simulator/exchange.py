"""The exchange: runs the market, event by event, and publishes fills and books.

Five things can be next. A *parent* arrives by the Hawkes process; every ten milliseconds a
*beat* lets makers and moves go on; every hundred the *book* is shown; a walked book is *closed
up* after some milliseconds; a *rush* sweeps on.
"""

from __future__ import annotations

from micropulse.jit import entry, kernel
from replay.simulator.book import SECOND
from replay.simulator.makers import close_up, quote, stir
from replay.simulator.market import (
    BEAT,
    BEATS_PER_S,
    BOOK,
    MS,
    SHOWN,
    Market,
    excitement,
    lean,
    set_regime,
)
from replay.simulator.rng import exponential, uniform
from replay.simulator.takers import (
    FILLS_MAX,
    Messages,
    consider_move,
    consider_rush,
    parent,
    rush,
)

BOOK_EVERY = 100 * MS


@entry
def publish(m: Market, until: int, out: Messages) -> int:
    """Run to the time `until`, or until `out` (an array of Message) is nearly full.

    Returns how many messages were written. What comes next depends on `m` alone, so where a call
    ends changes nothing. `out` needs room for more than FILLS_MAX messages.
    """
    count = 0
    room = len(out) - FILLS_MAX
    while m.now < until and count < room:
        due = min(m.next_beat, m.next_book, m.settle_at, m.rush_at)
        rate = excitement(m, m.now)
        arrival = m.now + int(exponential(m.rng) / rate * SECOND)
        if arrival < due:  # excitement has faded on the way: thin accordingly (Ogata)
            m.now = arrival
            if uniform(m.rng) * rate < excitement(m, arrival):
                count = parent(m, out, count)
            continue
        m.now = due
        if due == m.next_book:
            show(m, out, count)
            count += 1
            m.next_book += BOOK_EVERY
        elif due == m.next_beat:
            m.next_beat += BEAT
            count = beat(m, out, count)
        elif due == m.settle_at:
            close_up(m)
        else:
            count = rush(m, out, count)
    return count


@kernel
def beat(m: Market, out: Messages, count: int) -> int:
    """Ten milliseconds of quoting, and perhaps a move; returns `count`."""
    if m.beats % BEATS_PER_S == 0:
        set_regime(m)
    m.beats += 1
    lean(m)
    quote(m, -1)
    quote(m, 1)
    stir(m, m.bid)
    stir(m, m.ask)
    consider_rush(m)
    return consider_move(m, out, count)


@kernel
def show(m: Market, out: Messages, count: int) -> None:
    """Write the top five as they are now, to `out[count]`."""
    book = out[count]
    book.what = BOOK
    book.time = m.now
    for k in range(SHOWN):
        book.bid_px[k] = -m.bid.px[k]
        book.bid_qty[k] = m.bid.qty[k]
        book.ask_px[k] = m.ask.px[k]
        book.ask_qty[k] = m.ask.qty[k]
