"""A strategy that fails: it is asked no more, and its position is closed by a rule with a name.

It fails when `decide` raises, or asks for what nobody can do. The event on which that happened is
in State and in the signals, so that a replay fails on the same one.
"""

from micropulse.jit import kernel
from micropulse.outbox import Outbox, put_signal
from micropulse.schema import (
    CANCEL_ALL,
    EXIT,
    FAILED,
    GTC,
    MARKET_ORDER,
    NONSENSE,
    POST_ONLY,
    REASONS,
    STRATEGY_FAILED,
    TAKE_PROFIT_MARKET,
    Intent,
)
from micropulse.state import State

QTY_MAX = 2**62  # of quantity x twice the price, so that no product overflows
QUOTE_MAX = 10**9  # so that its 1e-8 fit 64 bits too
PX_MAX = 10**15  # in the instrument's units: a float holds each of them


@kernel
def clear(intent: Intent) -> None:
    """Nothing is asked for yet."""
    intent.action = 0
    intent.side = 0
    intent.qty = 0
    intent.reason = 0
    intent.refused = 0
    intent.kind = 0
    intent.px = 0.0
    intent.tif = 0
    intent.by_mark = False
    intent.cancel = 0
    intent.replace = 0


@kernel
def judge(state: State, out: Outbox) -> None:
    """Look at what `decide` asked for; nonsense is a failure."""
    if not is_sane(state.intent, state.book.known_mid2, state.instrument.px_scale):
        give_up(state, NONSENSE, out)


@kernel
def is_sane(intent: Intent, mid2: int, px_scale: int) -> bool:
    """Whether every field is one that an intent can have. A price that is NaN is none."""
    if not (0 <= intent.px <= QUOTE_MAX and intent.px * px_scale <= PX_MAX):
        return False
    most = max(mid2, 2 * int(intent.px * px_scale + 0.5), 1)
    return (
        0 <= intent.action <= EXIT
        and -1 <= intent.side <= 1
        and 0 <= intent.qty <= QTY_MAX // most
        and 0 <= intent.reason < REASONS
        and 0 <= intent.refused < REASONS
        and MARKET_ORDER <= intent.kind <= TAKE_PROFIT_MARKET
        and GTC <= intent.tif <= POST_ONLY
        and intent.cancel >= CANCEL_ALL
        and intent.replace >= 0
    )


@kernel
def is_idle(intent: Intent) -> bool:
    """Whether nothing is asked for, in an intent that is sane: what most events come to."""
    asked = intent.action | intent.side | intent.qty | intent.reason | intent.kind | intent.tif
    asked |= intent.cancel | intent.replace
    return asked == 0 and intent.px == 0.0 and 0 <= intent.refused < REASONS


@kernel
def give_up(state: State, why: int, out: Outbox) -> None:
    """The strategy has failed on the event under way."""
    failure, intent = state.failure, state.intent
    failure.why = why
    failure.seq = state.clock.seq
    failure.ts = state.clock.now
    failure.asked = intent
    put_signal(state, out, FAILED, 0, state.book.known_mid2, 0, 0, 0)
    close_out(state)


@kernel
def close_out(state: State) -> None:
    """The rule for one that failed: cancel what rests, leave the position at the market."""
    clear(state.intent)
    state.intent.cancel = CANCEL_ALL if state.position.orders_n != 0 else 0
    if state.position.side != 0 and not state.position.pending:
        state.intent.action = EXIT
        state.intent.reason = STRATEGY_FAILED
