"""Never trades: for looking at a market without a rule."""

from micropulse.record import Record, i8
from micropulse.schema import Features, Intent, Position


class Params(Record):
    """Nothing to set."""

    unused: i8 = 0


class Memory(Record):
    """Nothing to remember."""

    unused: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Ask for nothing."""
