"""The rule of `benchmarks.peers.rule` as a strategy of ours."""

from benchmarks.peers.rule import ENTER as ENTER_OBI
from benchmarks.peers.rule import LEAVE
from micropulse.record import Record, f8
from micropulse.schema import ENTER, EXIT, Features, Intent, Position


class Params(Record):
    enter: f8 = ENTER_OBI
    leave: f8 = LEAVE


class Memory(Record):
    obi: f8  # when the rule was last asked


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    if features.obi == memory.obi:
        return
    memory.obi = features.obi
    if position.pending:  # an order is on its way: it would be refused
        return
    if position.side == 0:
        if abs(features.obi) >= params.enter:
            intent.action = ENTER
            intent.side = 1 if features.obi > 0.0 else -1
    elif position.side * features.obi <= -params.leave:
        intent.action = EXIT
