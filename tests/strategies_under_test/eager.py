"""Trades all the time, from the first book on: much to compare in a few seconds."""

from enum import IntEnum

from micropulse.record import Record, f8, i8
from micropulse.schema import ENTER, EXIT, MILLISECOND, Features, Intent, Position


class Reason(IntEnum):
    """Why."""

    NONE = 0
    BOOK_LEANS = 1
    BOOK_TURNED = 2
    TIME_STOP = 3


class Params(Record):
    """When."""

    lean: f8 = 0.1
    time_stop_ms: i8 = 400


class Memory(Record):
    """How often it entered."""

    entries: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Enter where the book leans, leave when it turns or after a moment."""
    if position.pending or features.book_stale:
        return
    if position.side == 0:
        if features.obi > params.lean or features.obi < -params.lean:
            memory.entries += 1
            intent.action = ENTER
            intent.side = 1 if features.obi > 0 else -1
            intent.reason = Reason.BOOK_LEANS
    elif position.held_ns > params.time_stop_ms * MILLISECOND:
        intent.action = EXIT
        intent.reason = Reason.TIME_STOP
    elif position.side * features.obi < 0:
        intent.action = EXIT
        intent.reason = Reason.BOOK_TURNED
