"""Asks for what its parameters say, on the calls they say: up to nine asks of any kind."""

from micropulse.record import Record, f8, i8
from micropulse.schema import Features, Intent, Position


class Step(Record):
    """An ask, on the call with this number; call 0 is none."""

    call: i8
    action: i8
    side: i8
    qty: i8
    kind: i8
    px: f8
    tif: i8
    by_mark: i8
    cancel: i8
    replace: i8


class Params(Record):
    """The asks, in any order."""

    a: Step
    b: Step
    c: Step
    d: Step
    e: Step
    f: Step
    g: Step
    h: Step
    i: Step


class Memory(Record):
    """Calls, and what was seen of position and orders as digits, one a call."""

    calls: i8
    sides: i8  # side + 1
    open: i8
    pending: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Note what is seen, then play the step of this call."""
    memory.calls += 1
    memory.sides = memory.sides * 10 + position.side + 1
    memory.open = memory.open * 10 + position.orders_n
    memory.pending = memory.pending * 10 + (1 if position.pending else 0)
    play(params.a, memory, intent)
    play(params.b, memory, intent)
    play(params.c, memory, intent)
    play(params.d, memory, intent)
    play(params.e, memory, intent)
    play(params.f, memory, intent)
    play(params.g, memory, intent)
    play(params.h, memory, intent)
    play(params.i, memory, intent)


def play(step: Step, memory: Memory, intent: Intent) -> None:
    """Ask for one step, if this is its call."""
    if step.call != memory.calls:
        return
    intent.action = step.action
    intent.side = step.side
    intent.qty = step.qty
    intent.reason = step.call
    intent.kind = step.kind
    intent.px = step.px
    intent.tif = step.tif
    intent.by_mark = step.by_mark != 0
    intent.cancel = step.cancel
    intent.replace = step.replace
