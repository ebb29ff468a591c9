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
    turn.worst_bid, turn.worst_ask = FAR_ASK, FAR_BID
    bid, ask = market.book.bid, market.book.ask
    if turn.book and bid.n > 0:
        turn.worst_bid = bid.px[bid.n - 1]
    if turn.book and ask.n > 0:
        turn.worst_ask = ask.px[ask.n - 1]


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
    """Whether a book shows a level from which the trader took depth."""
    return turn.worst_bid <= trader.near_bid or turn.worst_ask >= trader.near_ask


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
    if not turn.book:  # only a book takes or gives depth back
        return
    trader.near_bid, trader.near_ask = FAR_BID, FAR_ASK
    for i in range(trader.taken_n):
        taken = trader.taken[i]
        if taken.side > 0:
            trader.near_ask = min(trader.near_ask, taken.px)
        else:
            trader.near_bid = max(trader.near_bid, taken.px)


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
