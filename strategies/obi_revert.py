"""Go with a book that leans hard for a while, leave when it no longer leans.

A second, deliberately different rule: the imbalance must have stood on one side without a break,
the exit waits for it to come back to the middle. It looks at no wall and no trade.
"""

from enum import IntEnum
from typing import Annotated

from micropulse.record import Between, Record, f8, i8
from micropulse.schema import ENTER, EXIT, MILLISECOND, Features, Intent, Position


class Reason(IntEnum):
    """Why it entered or left."""

    NONE = 0
    BOOK_LEANS = 1
    BOOK_BALANCED = 2
    STOP_LOSS = 3
    TIME_STOP = 4


Share = Annotated[f8, Between(0, 1)]
Count = Annotated[i8, Between(0, 10**9)]


class Params(Record):
    """The section [strategy]."""

    enter_obi: Share = 0.85  # at least so much on one side
    stands_ms: Count = 2_000  # for at least so long
    leave_obi: Annotated[f8, Between(-1, 1)] = 0.1  # back to so little, or to the other side
    sl_ticks: Count = 150
    time_stop_ms: Count = 30_000


class Memory(Record):
    """Since when the book leans, and where to."""

    side: i8
    since_ts: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Watch how long the book has leaned; enter with it, leave without it."""
    watch(features, memory, params)
    if position.pending:
        return
    if position.side == 0:
        long_enough = features.ts - memory.since_ts >= params.stands_ms * MILLISECOND
        if memory.side != 0 and long_enough and features.warm_10s and not features.book_stale:
            intent.action = ENTER
            intent.side = memory.side
            intent.reason = Reason.BOOK_LEANS
    else:
        reason = exit_reason(features, position, params)
        if reason != Reason.NONE:
            intent.action = EXIT
            intent.reason = reason


def watch(features: Features, memory: Memory, params: Params) -> None:
    """Start the count anew whenever the book leans to another side, or not enough."""
    side = 0
    if features.obi >= params.enter_obi:
        side = 1
    elif features.obi <= -params.enter_obi:
        side = -1
    if side != memory.side or features.book_stale:
        memory.side = side
        memory.since_ts = features.ts


def exit_reason(features: Features, position: Position, params: Params) -> int:
    """The first rule that says go."""
    if position.side * features.obi <= params.leave_obi:
        return Reason.BOOK_BALANCED
    if position.gain_ticks <= -params.sl_ticks:
        return Reason.STOP_LOSS
    if position.held_ns >= params.time_stop_ms * MILLISECOND:
        return Reason.TIME_STOP
    return Reason.NONE
