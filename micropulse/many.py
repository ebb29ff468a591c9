"""The fold for many variants at once: one market, a trader a variant.

    take_event (the market, once)   then for each variant: live through it -> decide -> act

The market is a State in which nobody trades; each variant has its own position, orders, account
and Memory (trader.py), and is filled as in a single backtest, to the bit. A variant whom an event
does not concern costs its `decide` and no more.

This module is compiled once for each strategy, as core.py is, and has its rules.
"""

from typing import Any

import numpy as np

from micropulse.events import Events
from micropulse.failure import clear, is_idle
from micropulse.features.extract import say_spikes
from micropulse.jit import entry, plugin
from micropulse.trader import (
    act,
    begin_turn,
    fall,
    is_concerned,
    is_special,
    leave,
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
    dealings: Any,
    memories: Any,
    params: Any,
    events: Events,
    outs: Any,
    most: int,
) -> int:
    """Apply events in order of `seq`, from where the cursor stands. Returns how many were begun.

    Stops at the `ends` of the batch, after `most` events, or when the outbox could not take what
    one more variant may write: empty it, clear `full` and call again. `traders`, `dealings`,
    `memories` and `params` have an entry a variant; `markets`, `manys` and `outs` have one.

    What a `decide` raises comes out here: call `fail_one`, empty the outbox, and go on. The
    market's own samples and signals are not kept.
    """
    market, many, out = markets[0], manys[0], outs[0]
    features, intent, turn = market.features, market.intent, many.turn
    done = 0
    while True:
        # An index that is unsigned is not looked at for being negative: a tenth of the time.
        for v in range(np.uint64(many.at), np.uint64(many.variants)):
            trader = traders[v]
            many.at = np.int64(v)
            if is_concerned(trader, turn):
                if trader.holds and not is_special(trader, turn):
                    see_exit(market, trader, dealings[v], turn)
                else:
                    live_through(many, market, trader, dealings[v], out)
            if not trader.failed:
                clear(intent)
                decide(features, trader.position, memories[v], params[v], intent)
                if is_idle(intent):
                    trader.last_refused = intent.refused  # its signal is not kept
                else:
                    act(many, market, trader, dealings[v], out)
            elif trader.awake:
                leave(many, market, trader, dealings[v], out)
            if many.full:
                many.at += 1
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
        see_turn(turn, market, kind, events, out)
        many.at = 0
        done += 1


@entry
def fail_one(markets: Any, manys: Any, traders: Any, dealings: Any, outs: Any) -> None:
    """After a `decide` has raised in `advance_many`: end the variant's event without it."""
    market, many, out = markets[0], manys[0], outs[0]
    fall(many, market, traders[many.at], dealings[many.at], out)
    many.at += 1
