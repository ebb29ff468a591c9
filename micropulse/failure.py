"""A strategy that fails: it is asked no more, and its position is closed by a rule with a name.

It fails when `decide` raises, or asks for what nobody can do. The event on which that happened is
in State and in the signals, so that a replay fails on the same one.
"""

from micropulse.jit import kernel
from micropulse.outbox import Outbox, put_signal
from micropulse.schema import EXIT, FAILED, NONSENSE, REASONS, STRATEGY_FAILED, Intent
from micropulse.state import State

QTY_MAX = 2**62  # of quantity x twice the mid, so that no product overflows


@kernel
def clear(intent: Intent) -> None:
    """Nothing is asked for yet."""
    intent.action = 0
    intent.side = 0
    intent.qty = 0
    intent.reason = 0
    intent.refused = 0


@kernel
def judge(state: State, out: Outbox) -> None:
    """Look at what `decide` asked for; nonsense is a failure."""
    if not is_sane(state.intent, state.book.known_mid2):
        give_up(state, NONSENSE, out)


@kernel
def is_sane(intent: Intent, mid2: int) -> bool:
    """Whether every field is one that an intent can have."""
    return (
        0 <= intent.action <= EXIT
        and -1 <= intent.side <= 1
        and 0 <= intent.qty <= QTY_MAX // max(mid2, 1)
        and 0 <= intent.reason < REASONS
        and 0 <= intent.refused < REASONS
    )


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
    """The rule for the position of a strategy that failed: leave at the market."""
    clear(state.intent)
    if state.account.qty != 0 and not state.position.pending:
        state.intent.action = EXIT
        state.intent.reason = STRATEGY_FAILED
