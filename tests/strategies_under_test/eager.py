"""Trades all the time, from the first book on, by thresholds: much to compare in a few seconds.

Thresholds can be drawn at random: each set is another rule.
"""

from enum import IntEnum

from micropulse.record import Record, f8, i8
from micropulse.schema import ENTER, EXIT, MILLISECOND, Features, Intent, Position


class Reason(IntEnum):
    """Why."""

    NONE = 0
    BOOK_LEANS = 1
    BOOK_TURNED = 2
    TIME_STOP = 3
    FLOW_IS_SLOW = 4
    JUST_LEFT = 5


class Params(Record):
    """When."""

    lean: f8 = 0.1  # enter where the book leans more
    turn: f8 = 0.0  # leave when it leans less our way; never, below -1
    time_stop_ms: i8 = 400
    flow_min: f8 = 0.0  # prints per second of the last one, to enter
    pause_ms: i8 = 0  # between an exit and the next entry


class Memory(Record):
    """How often it entered, and when it last held something."""

    entries: i8
    held_ts: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Enter where the book leans, leave when it turns or after a moment."""
    if position.side != 0:
        memory.held_ts = features.ts
    if position.pending:
        return
    if position.side != 0:
        if position.held_ns > params.time_stop_ms * MILLISECOND:
            intent.action = EXIT
            intent.reason = Reason.TIME_STOP
        elif not features.book_stale and position.side * features.obi < params.turn:
            intent.action = EXIT
            intent.reason = Reason.BOOK_TURNED
    elif not features.book_stale and (features.obi > params.lean or features.obi < -params.lean):
        if features.tps_1s < params.flow_min:
            intent.refused = Reason.FLOW_IS_SLOW
        elif features.ts - memory.held_ts < params.pause_ms * MILLISECOND:
            intent.refused = Reason.JUST_LEFT
        else:
            memory.entries += 1
            intent.action = ENTER
            intent.side = 1 if features.obi > 0 else -1
            intent.reason = Reason.BOOK_LEANS
