"""Asks on a rhythm of its own, whatever the market or its position is, and writes down what it saw.

Not a strategy to trade: what it asks for depends on nothing but how often it was called, so that a
test knows every ask, the refused ones included.
"""

from micropulse.record import Record, f8, i8
from micropulse.schema import ENTER, EXIT, Features, Intent, Position


class Params(Record):
    """How rarely it asks, and for what."""

    faces: i8 = 8  # of the die: two enter, two leave, the others let it be
    small_qty: i8 = 1
    usual_qty: i8 = 60
    large_qty: i8 = 100_000


class Memory(Record):
    """The die, and a digest of the positions it was shown."""

    die: i8
    asks: i8
    digest: i8
    gains: i8  # how often a gain was shown
    gain_sum: f8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Look, roll the die, ask."""
    look(position, memory)
    memory.die = (memory.die * 1_103_515_245 + 12_345) % 2_147_483_648
    face = memory.die // 65_536 % params.faces
    if face > 3:
        return
    memory.asks += 1
    intent.reason = memory.asks
    if face < 2:
        intent.action = ENTER
        intent.side = 1 - 2 * face
        intent.qty = asked_qty(memory.die // 1_048_576 % 4, params)
    else:
        intent.action = EXIT


def asked_qty(which: int, params: Params) -> int:
    """One of four; 0 asks for what the settings say."""
    if which == 0:
        return 0
    if which == 1:
        return params.small_qty
    return params.usual_qty if which == 2 else params.large_qty


def look(position: Position, memory: Memory) -> None:
    """Fold what a strategy may see of its position into the digest."""
    memory.digest = fold(memory.digest, position.side + 1)
    memory.digest = fold(memory.digest, position.qty)
    memory.digest = fold(memory.digest, 1 if position.pending else 0)
    if position.side != 0:
        memory.digest = fold(memory.digest, position.entry_ts)
        memory.digest = fold(memory.digest, position.held_ns)
        memory.digest = fold(memory.digest, position.entry_reason)
    if position.gain_ticks == position.gain_ticks:
        memory.gains += 1
        memory.gain_sum += position.gain_ticks


def fold(digest: int, value: int) -> int:
    """A step of a small checksum."""
    return (digest * 31 + value) % 1_000_003
