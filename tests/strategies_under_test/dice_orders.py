"""Rolls a die for every kind of order, at prices near the mid, and cancels and replaces at random.

Not a strategy to trade: for comparing the simulated exchange with a slow one.
"""

from micropulse.record import Record, i8
from micropulse.schema import (
    CANCEL_ALL,
    ENTER,
    EXIT,
    LIMIT,
    STOP_MARKET,
    TAKE_PROFIT_MARKET,
    Features,
    Intent,
    Position,
)


class Params(Record):
    """How often it asks, and for how much."""

    faces: i8 = 12  # of the die: below 8 it asks for something
    seed: i8 = 1
    qty: i8 = 50
    spread_ticks: i8 = 4  # limits lie within so many ticks of the mid
    by_mark: i8 = 0  # 1: the mark price triggers half of the orders


class Memory(Record):
    """The die."""

    die: i8
    asks: i8


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Throw, and ask for what it says."""
    if memory.die == 0:
        memory.die = params.seed
    face = throw(memory) % params.faces
    if face >= 8 or not features.mid > 0:
        return
    memory.asks += 1
    intent.reason = 1 + memory.asks % 254
    if face < 2 and position.orders_n > 0:
        some = position.orders[throw(memory) % position.orders_n]
        intent.cancel = some.ref if throw(memory) % 8 else CANCEL_ALL
    if face == 0:
        return
    intent.action = ENTER if face < 6 else EXIT
    intent.side = 1 - 2 * (throw(memory) % 2)
    intent.qty = params.qty * (throw(memory) % 4)
    intent.kind = kind_of(throw(memory) % 8)
    if intent.kind != 0:
        intent.px = price(features, position, memory, params)
        intent.by_mark = params.by_mark != 0 and throw(memory) % 2 == 0
        intent.tif = (0, 0, 3, 3, 0, 1, 2, 3)[throw(memory) % 8]
    if intent.kind == LIMIT and position.orders_n > 0 and throw(memory) % 4 == 0:
        intent.replace = position.orders[throw(memory) % position.orders_n].ref


def kind_of(number: int) -> int:
    """Mostly limits."""
    if number == 7:
        return STOP_MARKET
    if number == 6:
        return TAKE_PROFIT_MARKET
    return LIMIT if number > 0 else 0


def price(features: Features, position: Position, memory: Memory, params: Params) -> float:
    """A price on the tick near the best bid, rarely one beside it."""
    best = features.mid - features.spread / 2
    ticks = throw(memory) % (2 * params.spread_ticks + 1) - params.spread_ticks
    off = 0.5 if throw(memory) % 64 == 0 else 0.0
    return max(0.0, best + (ticks + off) * position.tick)


def throw(memory: Memory) -> int:
    """A number from 0 to 32,767."""
    memory.die = (memory.die * 1_103_515_245 + 12_345) % 2_147_483_648
    return memory.die // 65_536
