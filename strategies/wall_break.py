"""A wall goes and price, book and flow agree: go with them. The original script's rule.

An ask wall that is removed frees the way up, a bid wall the way down. An entry needs, of the
rules that are switched on, all: a removal a moment ago, a spike of the mid in its direction, an
imbalance in its direction, and more trades per second than in the last ten. One removal
gives one entry. An exit needs any.
"""

from enum import IntEnum
from typing import Annotated

from micropulse.record import Between, Record, f8, flag, i8
from micropulse.schema import ASK, EATEN, ENTER, EXIT, MILLISECOND, Features, Intent, Position


class Reason(IntEnum):
    """Why it entered, left, or let an entry be."""

    NONE = 0
    WALL_REMOVED = 1
    TAKE_PROFIT = 2
    STOP_LOSS = 3
    INVALIDATED = 4
    FLOW_REVERSED = 5
    TIME_STOP = 6
    NOT_WARM = 7
    BOOK_STALE = 8
    NO_SPIKE = 9
    OBI_AGAINST = 10
    NO_ACCELERATION = 11


Share = Annotated[f8, Between(0, 1)]
Amount = Annotated[f8, Between(0)]
Count = Annotated[i8, Between(0, 10**9)]


class Entry(Record):
    """`[strategy.entry]`: what must hold, and which rules are on."""

    wall: flag = True
    wall_window_ms: Count = 1_500  # how long ago the wall may have gone
    wall_eaten: flag = True  # a wall that was traded away counts too, not only a pulled one
    spike: flag = True
    spike_min: Share = 0.0001  # of the mid, within features.spike_window_ms
    obi: flag = True
    obi_min: Annotated[f8, Between(-1, 1)] = 0.2
    acceleration: flag = True
    acceleration_min: Amount = 1.5


class Exit(Record):
    """`[strategy.exit]`: ticks are of the price we could leave at against our entry."""

    take_profit: flag = True
    tp_ticks: Count = 300
    stop_loss: flag = True
    sl_ticks: Count = 200
    invalidation: flag = True
    invalidation_ms: Count = 3_000  # so early after the entry
    invalidation_ticks: Count = 100  # so much against us
    reversal: flag = True
    reversal_cvd: Amount = 5.0  # base units against us within 10 s
    reversal_obi: Share = 0.3  # and the book against us
    time_stop: flag = True
    time_stop_ms: Count = 45_000


class Params(Record):
    """The section [strategy]."""

    entry: Entry
    exit: Exit


class Memory(Record):
    """What it keeps between events."""

    used_wall_ts: i8  # the removal that made the last entry


def decide(
    features: Features, position: Position, memory: Memory, params: Params, intent: Intent
) -> None:
    """Ask for an entry when flat, for an exit when not; nothing while an order is under way."""
    if position.pending:
        return
    if position.side == 0:
        consider_entry(features, memory, params.entry, intent)
    else:
        reason = exit_reason(features, position, params.exit)
        if reason != Reason.NONE:
            intent.action = EXIT
            intent.reason = reason


def consider_entry(features: Features, memory: Memory, entry: Entry, intent: Intent) -> None:
    """Enter in the direction the trigger gives, if nothing objects; else say what did."""
    side = direction(features, memory, entry)
    if side == 0:
        return
    refused = objection(features, side, entry)
    if refused != Reason.NONE:
        intent.refused = refused
        return
    memory.used_wall_ts = features.removed_wall_ts
    intent.action = ENTER
    intent.side = side
    intent.reason = Reason.WALL_REMOVED


def direction(features: Features, memory: Memory, entry: Entry) -> int:
    """1 or -1 where a fresh removal points; without the wall rule, where the larger spike does."""
    if not entry.wall:
        if features.spike_up == features.spike_down:
            return 0
        return 1 if features.spike_up > features.spike_down else -1
    age_ns = features.ts - features.removed_wall_ts
    if features.removed_wall_side == 0 or age_ns > entry.wall_window_ms * MILLISECOND:
        return 0
    if features.removed_wall_ts == memory.used_wall_ts:
        return 0
    if features.removed_wall_kind == EATEN and not entry.wall_eaten:
        return 0
    return 1 if features.removed_wall_side == ASK else -1


def objection(features: Features, side: int, entry: Entry) -> int:
    """The first rule that does not hold. A null compares false, so that it objects."""
    spike = features.spike_up if side > 0 else features.spike_down
    if not features.warm_10s:
        return Reason.NOT_WARM
    if features.book_stale:
        return Reason.BOOK_STALE
    if entry.spike and not spike >= entry.spike_min:
        return Reason.NO_SPIKE
    if entry.obi and not side * features.obi >= entry.obi_min:
        return Reason.OBI_AGAINST
    if entry.acceleration and not features.acceleration >= entry.acceleration_min:
        return Reason.NO_ACCELERATION
    return Reason.NONE


def exit_reason(features: Features, position: Position, leave: Exit) -> int:
    """The first rule that says go. An event that shows no price to leave at has a null gain."""
    gain = position.gain_ticks
    if leave.take_profit and gain >= leave.tp_ticks:
        return Reason.TAKE_PROFIT
    if leave.stop_loss and gain <= -leave.sl_ticks:
        return Reason.STOP_LOSS
    early = position.held_ns <= leave.invalidation_ms * MILLISECOND
    if leave.invalidation and early and gain <= -leave.invalidation_ticks:
        return Reason.INVALIDATED
    against_cvd = position.side * features.cvd_10s <= -leave.reversal_cvd
    against_obi = position.side * features.obi <= -leave.reversal_obi
    if leave.reversal and against_cvd and against_obi:
        return Reason.FLOW_REVERSED
    if leave.time_stop and position.held_ns >= leave.time_stop_ms * MILLISECOND:
        return Reason.TIME_STOP
    return Reason.NONE
