"""The fold for many variants at once: one market, a trader a variant.

    take_event (the market, once)   then for each variant: live through it -> decide -> act

The market is a State in which nobody trades; each variant has its own position, order, account
and Memory (trader.py), and is filled as in a single backtest, to the bit. A variant whom an event
does not concern costs its `decide` and no more.

This module is compiled once for each strategy, as core.py is, and has its rules.
"""

from typing import Any

from micropulse.apply import clear
from micropulse.events import Events
from micropulse.features.extract import say_spikes
from micropulse.jit import entry, plugin
from micropulse.schema import CLOCK_ROW, NO_ACTION, TRADE_ROW
from micropulse.trader import (
    act,
    begin_turn,
    is_concerned,
    is_lost,
    is_special,
    live_through,
    see_exit,
    see_turn,
)
from micropulse.turn import NO_ROW, take_event

decide = plugin("decide")


@entry
def advance_many(
    markets: Any,
    manys: Any,
    traders: Any,
    memories: Any,
    params: Any,
    events: Events,
    outs: Any,
    most: int,
) -> int:
    """Apply events in order of `seq`, from where the cursor stands. Returns how many were begun.

    Stops at the end of the batch, after `most` events, or when the outbox could not take what one
    more variant may write: empty it, clear `full` and call again. `traders`, `memories` and
    `params` have an entry a variant; `markets`, `manys` and `outs` have one.

    What a `decide` raises comes out here, with `manys[0].at` the variant that raised it: mark it
    as failed and call again. The market's own samples and signals are not kept.
    """
    market, many, out = markets[0], manys[0], outs[0]
    features, intent, turn = market.features, market.intent, many.turn
    done = 0
    while True:
        for v in range(many.at, many.variants):
            trader = traders[v]
            if trader.failed:
                continue
            many.at = v
            if is_concerned(trader, turn):
                if trader.holds and not is_special(trader, turn):
                    see_exit(market, trader, turn)
                else:
                    live_through(many, market, trader, out)
            clear(intent)
            decide(features, trader.position, memories[v], params[v], intent)
            if intent.action != NO_ACTION:
                act(many, market, trader, out)
            else:
                trader.last_refused = intent.refused  # its signal is not kept
            if many.full:
                many.at = v + 1
                return done
        many.at = many.variants
        if done == most:
            return done
        begin_turn(turn, market)
        kind = take_event(market, events, out)
        if kind == NO_ROW:
            return done
        say_spikes(market, out)
        out.used.samples = 0
        out.used.signals = 0
        see_turn(turn, market, kind != CLOCK_ROW)
        if kind == TRADE_ROW and turn.print:
            trades, row = events.trades, out.cursor.trades - 1
            turn.txn, turn.px = trades.ts_txn[row], trades.px[row]
            turn.side, turn.kind = trades.side[row], trades.kind[row]
        elif kind == CLOCK_ROW:
            turn.lost = is_lost(market, events.control.kind[out.cursor.control - 1])
        many.at = 0
        done += 1
