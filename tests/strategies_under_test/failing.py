"""Enters, and then does something wrong: what, says a parameter."""

from micropulse.record import Record, i8
from micropulse.schema import ENTER, Features, Intent, Position

RAISE, DIVIDE, NONSENSE = 1, 2, 3


class Params(Record):
    """What it does wrong, after how many events with a position."""

    how: i8 = RAISE
    after: i8 = 50
    action: i8
    side: i8
    qty: i8
    reason: i8
    refused: i8


class Memory(Record):
    """How many events it has held a position for."""

    held: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Enter as soon as there is a book, then count to the mistake."""
    if position.side == 0 and not position.pending and not features.book_stale:
        intent.action = ENTER
        intent.side = 1
        intent.reason = 1
    if position.side != 0:
        memory.held += 1
        if memory.held > params.after:
            do_wrong(memory, params, intent)


def do_wrong(memory: Memory, params: Params, intent: Intent) -> None:
    """What is asked for."""
    if params.how == RAISE:
        raise ValueError("this is wrong")
    if params.how == DIVIDE:
        memory.held = 5 // (memory.held - memory.held)
    intent.action = params.action
    intent.side = params.side
    intent.qty = params.qty
    intent.reason = params.reason
    intent.refused = params.refused
