"""A trader, one of many variants, meets an event. Its records are in trading.py.

`live_through` calls for a variant what apply.py calls for a single backtest, in the same order.
Whatever apply.py learns to do to an order or a position has its place here too.
"""

from math import isnan
from typing import Any

from micropulse.events import DISCONNECT, MARKET, RUN_START, RUN_STOP, Events
from micropulse.execution import (
    date_requests,
    lose_connection,
    match,
    meet_print,
    submit,
    watch_exit,
)
from micropulse.failure import close_out, give_up, judge
from micropulse.funding import settle
from micropulse.jit import cold, kernel
from micropulse.outbox import Outbox, has_room
from micropulse.schema import CLOCK_ROW, MARK_ROW, RAISED, TRADE_ROW
from micropulse.seen import Seen
from micropulse.state import State
from micropulse.trading import FAR_ASK, FAR_BID, Dealings, Many, Trader, Turn


@kernel
def begin_turn(turn: Turn, market: State) -> None:
    """Before the market takes its next event: remember what is wanted of it afterwards."""
    turn.books_before = market.book.books
    turn.prints_before = market.counts.prints
    turn.open_before = market.feed.open
    turn.stamp = market.clock.funding_stamp
    turn.passed_before = market.clock.funding_passed
    turn.mid2 = market.book.known_mid2
    turn.mark = market.mark


@kernel
def see_turn(turn: Turn, market: State, kind: int, events: Events, out: Outbox) -> None:
    """After it: what the event was, for one who trades."""
    turn.dated = kind != CLOCK_ROW and kind != MARK_ROW
    turn.passed = market.clock.funding_passed > turn.passed_before
    turn.lost = False
    if kind == MARK_ROW:
        turn.lost = turn.open_before > 0 and market.feed.open == 0
    elif kind == CLOCK_ROW:
        what = events.control.kind[out.cursor.control - 1]
        none_left = what == DISCONNECT and market.feed.open == 0
        turn.lost = what == RUN_START or what == RUN_STOP or none_left
    _see_print(turn, market, kind, events, out)
    _see_ends(turn, market)


@kernel
def _see_print(turn: Turn, market: State, kind: int, events: Events, out: Outbox) -> None:
    """A MARKET print that is no duplicate, and its figures."""
    turn.print, turn.txn, turn.px, turn.qty, turn.side = False, 0, 0, 0, 0
    if kind == TRADE_ROW and market.counts.prints > turn.prints_before:
        trades, row = events.trades, out.cursor.trades - 1
        if trades.kind[row] == MARKET:
            turn.print, turn.txn, turn.px = True, trades.ts_txn[row], trades.px[row]
            turn.qty, turn.side = trades.qty[row], trades.side[row]


@kernel
def _see_ends(turn: Turn, market: State) -> None:
    """A book that is no duplicate, and the prices at its ends."""
    turn.book = market.book.books > turn.books_before
    turn.best_bid, turn.worst_bid = FAR_BID, FAR_ASK
    turn.best_ask, turn.worst_ask = FAR_ASK, FAR_BID
    bid, ask = market.book.bid, market.book.ask
    if turn.book and bid.n > 0:
        turn.best_bid, turn.worst_bid = bid.px[0], bid.px[bid.n - 1]
    if turn.book and ask.n > 0:
        turn.best_ask, turn.worst_ask = ask.px[0], ask.px[ask.n - 1]


@kernel
def is_concerned(trader: Trader, turn: Turn) -> bool:
    """Whether the event can change anything of a trader's before its `decide` is asked."""
    return trader.awake or (turn.book and shows_taken(trader, turn))


@kernel
def shows_taken(trader: Trader, turn: Turn) -> bool:
    """Whether a book's levels reach a price from which the trader took depth."""
    bid = turn.worst_bid <= trader.below_bid or turn.best_bid >= trader.above_bid
    return bid or turn.best_ask <= trader.below_ask or turn.worst_ask >= trader.above_ask


@kernel
def is_special(trader: Trader, turn: Turn) -> bool:
    """Whether the event may do more to one who holds than show a price to leave at."""
    return turn.passed or (turn.book and shows_taken(trader, turn))


@kernel
def see_exit(market: State, trader: Trader, dealings: Dealings, turn: Turn) -> None:
    """What the event shows of a price to leave at: all that most events are to one who holds."""
    seen: Any = Seen(market, trader, dealings)
    watch_exit(seen, turn.book, turn.txn, turn.px, turn.side)


@cold
def live_through(
    many: Many, market: State, trader: Trader, dealings: Dealings, out: Outbox
) -> None:
    """All that an event does to a trader before `decide`, in the order of apply.py."""
    seen: Any = Seen(market, trader, dealings)
    turn = many.turn
    if turn.passed:
        settle(seen, turn.stamp, market.clock.funding_passed, turn.mark, turn.mid2)
    if turn.dated and dealings.open_n != 0:
        date_requests(seen)
    if turn.book:
        match(seen, out)
    if turn.print and dealings.open_n != 0:
        meet_print(seen, out, turn.txn, turn.px, turn.qty, turn.side)
    if turn.lost:
        lose_connection(seen, out)
    see_exit(market, trader, dealings, turn)
    _end(many, trader, dealings, out)


@cold
def act(many: Many, market: State, trader: Trader, dealings: Dealings, out: Outbox) -> None:
    """Do what its `decide` asked for, as core.py does."""
    seen: Any = Seen(market, trader, dealings)
    judge(seen, out)
    submit(seen, out)
    _end(many, trader, dealings, out)


@cold
def leave(many: Many, market: State, trader: Trader, dealings: Dealings, out: Outbox) -> None:
    """Its strategy has failed on an earlier event: close what is open."""
    seen: Any = Seen(market, trader, dealings)
    close_out(seen)
    submit(seen, out)
    _end(many, trader, dealings, out)


@kernel
def fall(many: Many, market: State, trader: Trader, dealings: Dealings, out: Outbox) -> None:
    """Its `decide` has raised: it is asked no more."""
    seen: Any = Seen(market, trader, dealings)
    give_up(seen, RAISED, out)
    submit(seen, out)
    _end(many, trader, dealings, out)


@kernel
def _end(many: Many, trader: Trader, dealings: Dealings, out: Outbox) -> None:
    """Something has happened to a trader: which events concern it from now on?"""
    position, turn = trader.position, many.turn
    busy = dealings.open_n != 0 or trader.reports_head != trader.reports_tail
    holds = trader.account.qty != 0
    shown = position.side != 0 or not isnan(position.gain_ticks)
    trader.awake = busy or holds or shown
    trader.holds = holds and not busy
    trader.failed = dealings.failure.why != 0
    if turn.book:  # nothing else takes or gives depth back
        _look_out(trader, dealings, turn)
    _sign(many, out)


@kernel
def _look_out(trader: Trader, dealings: Dealings, turn: Turn) -> None:
    """Between which prices may books move, before one concerns a trader for the depth it took?

    `match` has just seen this book: a level it took from that is better than the best counts as
    not shown, and stays so until the best is back there; one that is worse than the worst stays
    what it is until it is in view. One between them is looked at with each book.
    """
    trader.below_bid, trader.above_bid = FAR_BID, FAR_ASK
    trader.below_ask, trader.above_ask = FAR_BID, FAR_ASK
    for i in range(dealings.taken_n):
        px, is_ask = dealings.taken[i].px, dealings.taken[i].side > 0
        low, high = turn.worst_bid, turn.best_bid
        if is_ask:
            low, high = turn.best_ask, turn.worst_ask
        below = FAR_BID if px > high else (FAR_ASK if px >= low else px)
        above = px if px > high else FAR_ASK
        if low > high:  # nothing is shown: no telling where the next book will be
            below = FAR_ASK
        if is_ask:
            trader.below_ask = max(trader.below_ask, below)
            trader.above_ask = min(trader.above_ask, above)
        else:
            trader.below_bid = max(trader.below_bid, below)
            trader.above_bid = min(trader.above_bid, above)


@kernel
def _sign(many: Many, out: Outbox) -> None:
    """The rows since the last signature are of the variant whose turn it is. Its signals go."""
    signed, used = many.signed, out.used
    used.signals = 0
    if signed.orders == used.orders and signed.fills == used.fills:
        return
    while signed.orders < used.orders:
        many.orders[signed.orders] = many.at
        signed.orders += 1
    while signed.fills < used.fills:
        many.fills[signed.fills] = many.at
        signed.fills += 1
    while signed.trips < used.trips:
        many.trips[signed.trips] = many.at
        signed.trips += 1
    many.full = not has_room(out)
