"""Trades as `eager` does, for reasons that would be markup in a page that took them for it."""

from enum import IntEnum

from micropulse.record import Record, i8
from micropulse.schema import ENTER, EXIT, MILLISECOND, Features, Intent, Position

OWN = "<img src=x onerror=\"document.title='owned'\">"
Reason = IntEnum("Reason", {"NONE": 0, OWN: 1, "<b>&amp;LEFT</b>": 2, "</li><script>": 3})


class Params(Record):
    """When to leave."""

    time_stop_ms: i8 = 2_000


class Memory(Record):
    """Nothing to remember."""

    unused: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Enter where the book leans to the bids, let the other side be, leave after a while."""
    if position.pending:
        return
    if position.side != 0:
        if position.held_ns > params.time_stop_ms * MILLISECOND:
            intent.action = EXIT
            intent.reason = 2
    elif features.obi > 0.1:
        intent.action = ENTER
        intent.side = 1
        intent.reason = 1
    elif features.obi < -0.1:
        intent.refused = 3
