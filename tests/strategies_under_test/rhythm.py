"""Asks by a plan or by a die, whatever the market or its position is, and writes down what it saw.

Not a strategy to trade: what it asks for depends on nothing but how often it was called, so that a
test knows every ask, the refused ones included.
"""

from micropulse.record import Record, f8, i8
from micropulse.schema import ENTER, EXIT, Features, Intent, Position

PLANNED_CALLS = 31


class Params(Record):
    """When it asks, and for how much."""

    plan: i8  # two bits a call, the lowest first: 1 buys, 2 sells, 3 leaves; 0: the die decides
    faces: i8 = 8  # of the die: two enter, two leave, the others let it be
    small_qty: i8 = 1
    usual_qty: i8 = 60
    large_qty: i8 = 100_000


class Memory(Record):
    """The die, and a digest of the positions it was shown."""

    calls: i8
    die: i8
    asks: i8
    digest: i8
    gains: i8  # how often a gain was shown
    gain_sum: f8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Look, then ask."""
    look(position, memory)
    if params.plan != 0:
        follow_plan(memory, params, intent)
    else:
        roll_die(memory, params, intent)
    if intent.action != 0:
        memory.asks += 1
        intent.reason = 1 + (memory.asks - 1) % 254
    memory.calls += 1


def follow_plan(memory: Memory, params: Params, intent: Intent) -> None:
    """Entries are of the usual quantity."""
    step = 0
    if memory.calls < PLANNED_CALLS:
        step = params.plan // 4**memory.calls % 4
    if step == 3:
        intent.action = EXIT
    elif step != 0:
        intent.action = ENTER
        intent.side = 3 - 2 * step
        intent.qty = params.usual_qty


def roll_die(memory: Memory, params: Params, intent: Intent) -> None:
    """Entries are of one of four quantities; 0 asks for what the settings say."""
    memory.die = (memory.die * 1_103_515_245 + 12_345) % 2_147_483_648
    face = memory.die // 65_536 % params.faces
    which = memory.die // 1_048_576 % 4
    if face < 2:
        intent.action = ENTER
        intent.side = 1 - 2 * face
        if which == 1:
            intent.qty = params.small_qty
        elif which == 2:
            intent.qty = params.usual_qty
        elif which == 3:
            intent.qty = params.large_qty
    elif face < 4:
        intent.action = EXIT


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
