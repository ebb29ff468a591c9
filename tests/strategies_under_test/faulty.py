"""One fault at a time, by number: for `micropulse check`, which must find each and name it.

A file `answers.npy` beside it is read when it is imported: rows of (receive time, how often decide
was called, side), made offline from the whole recording.
"""

from pathlib import Path

import numpy as np

from micropulse.record import Record, f8, flag, i8
from micropulse.schema import ENTER, EXIT, MILLISECOND, Features, Intent, Position

HONEST, BY_TIME, BY_COUNT, BY_CHANCE, SINCE_START, NEVER, ALWAYS, TOO_LARGE = range(8)
FILE = Path(__file__).with_name("answers.npy")
ANSWERS = np.load(FILE) if FILE.exists() else np.zeros((1, 3), np.int64)


class Params(Record):
    """Which fault, and a rule that is right but for it."""

    fault: i8 = HONEST
    lean: f8 = 0.6
    hold_ms: i8 = 3_000
    unused: flag = False


class Memory(Record):
    """How often it was called, and since when it is flat."""

    calls: i8
    next_answer: i8
    rest_until: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Enter by the fault's own way, leave after a while."""
    memory.calls += 1
    if position.pending:
        return
    if position.side != 0:
        if position.held_ns >= params.hold_ms * MILLISECOND:
            intent.action = EXIT
            memory.rest_until = features.ts + 5_000 * MILLISECOND
        return
    side = wanted(features, memory, params)
    if side != 0 and (features.ts >= memory.rest_until or params.fault == ALWAYS):
        intent.action = ENTER
        intent.side = side
        if params.fault == TOO_LARGE:
            intent.qty = 10**6


def wanted(features: Features, memory: Memory, params: Params) -> int:
    """Which side the fault, or the honest rule, wants."""
    if params.fault == BY_TIME:
        return answer(memory, features.ts, 0)
    if params.fault == BY_COUNT:
        return answer(memory, memory.calls, 1)
    if features.book_stale or not features.warm_10s:
        return 0
    if params.fault == BY_CHANCE:
        return 0  # test_check.py draws a number here: nothing that is kept draws without a seed
    if params.fault == SINCE_START:
        return 1 if int(features.cvd) % 7 == 0 else 0
    if params.fault == NEVER:
        return 1 if features.obi > 2.0 else 0
    if params.fault == ALWAYS:
        return 1 if features.obi > 0 else -1
    if features.obi >= params.lean:
        return 1
    return -1 if features.obi <= -params.lean else 0


def answer(memory: Memory, key: int, column: int) -> int:
    """What the table says for this time or call."""
    while memory.next_answer < len(ANSWERS) and ANSWERS[memory.next_answer, column] < key:
        memory.next_answer += 1
    row = memory.next_answer
    if row < len(ANSWERS) and ANSWERS[row, column] == key:
        return ANSWERS[row, 2]
    return 0
