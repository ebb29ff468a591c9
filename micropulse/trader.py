"""A trader, one of many variants, meets an event. Its records are in trading.py.

`live_through` calls for a variant what apply.py calls for a single backtest, in the same order.
Whatever apply.py learns to do to an order or a position has its place here too.
"""

from math import isnan
from typing import Any

from micropulse.apply import cross_stamp
from micropulse.events import DISCONNECT, RUN_START, RUN_STOP
from micropulse.execution import date_order, eligible_px, lose_connection, match, submit, watch_exit
from micropulse.jit import kernel, rare
from micropulse.outbox import Outbox, has_room
from micropulse.schema import UNKNOWN
from micropulse.seen import Seen
from micropulse.state import State
from micropulse.trading import FAR_ASK, FAR_BID, Many, Trader, Turn


@kernel
def begin_turn(turn: Turn, market: State) -> None:
    """Before the market takes its next event: remember what tells afterwards what it was."""
    turn.books_before = market.book.books
    turn.prints_before = market.counts.prints
    turn.period_before = market.clock.funding_period


@kernel
def see_turn(turn: Turn, market: State, dated: bool) -> None:
    """After it: what the event was, but for a print's own figures and a control event's kind."""
    turn.dated = dated
    turn.stamped = market.clock.funding_period > turn.period_before
    turn.lost = False
    turn.book = market.book.books > turn.books_before
    turn.print = market.counts.prints > turn.prints_before
    turn.best_bid, turn.worst_bid = FAR_BID, FAR_ASK
    turn.best_ask, turn.worst_ask = FAR_ASK, FAR_BID
    bid, ask = market.book.bid, market.book.ask
    if turn.book and bid.n > 0:
        turn.best_bid, turn.worst_bid = bid.px[0], bid.px[bid.n - 1]
    if turn.book and ask.n > 0:
        turn.best_ask, turn.worst_ask = ask.px[0], ask.px[ask.n - 1]


@kernel
def is_lost(market: State, kind: int) -> bool:
    """Whether a control event of this kind, just applied, has left nobody to listen."""
    stopped = kind == RUN_START or kind == RUN_STOP
    return stopped or (kind == DISCONNECT and market.feed.open == 0)


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
    return turn.stamped or turn.lost or (turn.book and shows_taken(trader, turn))


@kernel
def see_exit(market: State, trader: Trader, turn: Turn) -> None:
    """What the event shows of a price to leave at: all that most events are to one who holds."""
    seen: Any = Seen(market, trader)
    exit_px = 0
    if turn.print:
        exit_px = eligible_px(seen, turn.txn, turn.px, turn.side, turn.kind)
    watch_exit(seen, turn.book, exit_px)


@rare
def live_through(many: Many, market: State, trader: Trader, out: Outbox) -> None:
    """All that an event does to a trader before `decide`, in the order of apply.py."""
    seen: Any = Seen(market, trader)
    turn = many.turn
    if turn.stamped:
        cross_stamp(seen)
    if turn.dated:
        date_order(seen)
    if turn.book and (trader.position.pending or shows_taken(trader, turn)):
        match(seen, out)  # else there is no order to fill, and no level to remember
    if turn.lost:
        lose_connection(seen, out)
    see_exit(market, trader, turn)
    _settle(trader, turn)
    _sign(many, out)


@rare
def act(many: Many, market: State, trader: Trader, out: Outbox) -> None:
    """Do what its `decide` asked for, as core.py does."""
    seen: Any = Seen(market, trader)
    submit(seen, out)
    _settle(trader, many.turn)
    _sign(many, out)


@kernel
def _settle(trader: Trader, turn: Turn) -> None:
    """Something has happened to a trader: which events concern it from now on?"""
    position = trader.position
    waits = position.pending or trader.order.arrival == UNKNOWN
    holds = trader.account.qty != 0
    trader.awake = waits or holds or not isnan(position.gain_ticks)
    trader.holds = holds and not waits
    if turn.book:  # nothing else takes or gives depth back
        _look_out(trader, turn)


@kernel
def _look_out(trader: Trader, turn: Turn) -> None:
    """Between which prices may books move, before one concerns a trader for the depth it took?

    `match` has just seen this book: a level it took from that is better than the best counts as
    not shown, and stays so until the best is back there; one that is worse than the worst stays
    what it is until it is in view. One between them is looked at with each book.
    """
    trader.below_bid, trader.above_bid = FAR_BID, FAR_ASK
    trader.below_ask, trader.above_ask = FAR_BID, FAR_ASK
    for i in range(trader.taken_n):
        px, is_ask = trader.taken[i].px, trader.taken[i].side > 0
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
