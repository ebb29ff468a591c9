"""State: everything the core keeps between two events, as one record. A snapshot is its bytes.

    feed        connections and ids           book     the last book that was no duplicate
    flow        totals and window tails       walls    what is tracked on each side
    account     money and the trip under way  rings    the windows' memory, last in the record

Everything is bounded: what does not fit goes, oldest first, and is counted.
"""

from __future__ import annotations

from typing import Annotated, Any

from micropulse.counts import Counts
from micropulse.instrument import Instrument
from micropulse.record import Array, Record, flag, i8
from micropulse.schema import (
    ORDERS,
    Failure,
    Features,
    Intent,
    Order,
    Position,
    Trip,
)
from micropulse.settings import ExecutionSettings, FeatureSettings

LEVELS = 20  # a side of the deepest partial book
PRINTS = 65_536  # slots of a window ring: 10 s at 6,500 prints/s; 1,650/s is the peak measured
QUEUE = 4_096  # slots of a monotone queue
WALLS = 32  # levels tracked a side
BUCKETS = 60  # one-second buckets of the depth baseline
TAKEN = 32  # levels whose depth we took and remember
REPORTS = 32  # news of orders that are on their way to the strategy
CONNECTIONS = 4  # connections whose `pu` chains are remembered


# ---- the market ----------------------------------------------------------------------------


class Ladder(Record):
    """One side of the visible book, best level first; what is not shown has quantity 0."""

    n: i8  # levels shown
    px: Annotated[Array[int], LEVELS]
    qty: Annotated[Array[int], LEVELS]


class Book(Record):
    """The last partial book that was no duplicate."""

    txn: i8  # T, ns
    last_id: i8  # u; the largest seen
    mid2: i8  # bid + ask: twice the mid; 0 when a side is empty
    known_mid2: i8  # the last mid2 that was not 0
    books: i8  # applied so far
    first_ts: i8  # of the first book of the source
    stale: flag
    bid: Ladder
    ask: Ladder


class Print(Record):
    """One print in the ring, with the totals before it: a window is a difference of two."""

    ts: i8
    txn: i8
    px: i8
    qty: i8
    side: i8
    kind: i8
    buy_before: i8
    sell_before: i8
    settled: i8  # a book has shown it


class Mark(Record):
    """A point in time and a total before it."""

    ts: i8
    before: i8


class MarkPrice(Record):
    """The last mark price: what funding, the price band and mark triggers go by."""

    known: flag
    px: i8  # 1e-8 of quote
    rate: i8  # of the next funding, in 1e-8
    next_funding_ts: i8  # T, ns; 0 for a contract without funding
    event_ts: i8  # E
    ts: i8  # t of its receipt


class Flow(Record):
    """Totals and window tails; ring positions are counts, the slot is count & (PRINTS - 1)."""

    buy: i8
    sell: i8
    prints: i8
    tail_1s: i8
    tail_10s: i8
    settled: i8  # every print before this one is settled
    parents: i8
    parent_tail_1s: i8
    parent_tail_10s: i8
    parent_txn: i8
    parent_side: i8  # 0: the next print starts a parent
    missed: i8
    misses: i8
    miss_tail: i8
    cold: flag  # waiting for the first event after a start or disconnect
    warm_from: i8


class Queue(Record):
    """Ends of a monotone queue over an array of Mark."""

    head: i8
    tail: i8


class Wall(Record):
    """A tracked level behind the best: a candidate, then a wall."""

    px: i8
    qty: i8
    born: i8
    peak: i8
    peak_txn: i8  # T of the book that showed the peak last
    eaten: i8  # by prints since then
    standing: flag
    slid: flag
    slid_ts: i8


class Bucket(Record):
    """One second of depth behind the best."""

    qty: i8
    levels: i8


class WallSide(Record):
    """One side's tracked levels, and the depth they are measured against."""

    which: i8  # BID, ASK
    sign: i8  # 1 for bids, -1 for asks: sign x price grows towards the best
    base_qty: i8  # rolling sum of the depth behind the best
    base_levels: i8  # of how many levels
    second: i8  # the newest bucket's
    tracked: i8  # walls and candidates in use, best price first
    born: i8  # of the wall the features show; UNKNOWN without one
    walls: Annotated[Array[Wall], WALLS]
    buckets: Annotated[Array[Bucket], BUCKETS]


class Removal(Record):
    """The last wall that was removed."""

    side: i8  # 0 none yet, BID, ASK
    px: i8
    qty: i8
    age_ns: i8
    end: i8
    ts: i8
    book: i8  # which book, counted


# ---- the feed ------------------------------------------------------------------------------


class Chain(Record):
    """The last `u` a connection showed on a stream, to check the next `pu` against."""

    conn: i8
    last_id: i8
    known: flag


class Feed(Record):
    """Connections and ids."""

    open: i8  # connections that were opened and not closed
    conns: Annotated[Array[int], CONNECTIONS]  # their numbers
    trade_known: flag
    first_trade_id: i8
    last_trade_id: i8
    pending_missed: i8
    chains: Annotated[Array[Chain], 3 * CONNECTIONS]


class Clock(Record):
    """Where the log stands, and when the next sample is due."""

    now: i8  # t
    seq: i8  # of the last event
    next_sample: i8
    funding_stamp: i8  # when positions pay next, on the exchange's clock; 0 before the first row
    funding_passed: i8  # E of the event that passed the last one
    sample_every: i8  # ns; 0 each depth and trade row, -1 each depth row
    started: flag


# ---- money -----------------------------------------------------------------------------------


class Account(Record):
    """Money. `cash` + position x price always reconcile to the unit."""

    cash: i8
    qty: i8  # signed
    fees: i8
    funding: i8  # received, negative when paid
    gross: i8  # of closed trips
    fills: i8
    trips: i8
    orders: i8
    rejected: i8
    entry_txn: i8  # T of the book of the first entry fill
    open: Trip  # the trip under way


class Taken(Record):
    """Depth we took at one price, not there again until the level grows."""

    side: i8
    px: i8
    qty: i8
    shown: i8


class Basis(Record):
    """What the position that a strategy sees was entered at, in integers."""

    qty: i8
    notional: i8
    txn: i8  # T of the book or print of the first entry fill


class Report(Record):
    """What a strategy will see of its position and orders, and when."""

    due: i8
    basis: Basis
    position: Position


class Dice(Record):
    """State of the generator that jitter is drawn from."""

    one: i8
    two: i8


# ---- all of it -------------------------------------------------------------------------------


class State(Record):
    """Everything between two events. Scalars come first, rings last: see SCALAR_BYTES."""

    instrument: Instrument
    settings: FeatureSettings
    execution: ExecutionSettings
    clock: Clock
    feed: Feed
    book: Book
    mark: MarkPrice
    flow: Flow
    features: Features
    removal: Removal
    bid_walls: WallSide
    ask_walls: WallSide
    position: Position
    basis: Basis
    intent: Intent
    failure: Failure
    account: Account
    counts: Counts
    last_refused: i8
    spiking: i8
    low: Queue
    high: Queue
    offset: Queue
    taken_n: i8
    jitter_ns: i8  # the last receive delay above its minimum of 60 s
    dice: Dice
    open_n: i8  # orders in use, those that ended on the event under way included
    news: flag  # an order or the position changed on the event under way
    reports_head: i8
    reports_tail: i8
    orders: Annotated[Array[Order], ORDERS]
    taken: Annotated[Array[Taken], TAKEN]
    prints: Annotated[Array[Print], PRINTS]
    parents: Annotated[Array[Mark], PRINTS]
    trade_ids: Annotated[Array[int], PRINTS]
    missed: Annotated[Array[Mark], QUEUE]
    low_ring: Annotated[Array[Mark], QUEUE]
    high_ring: Annotated[Array[Mark], QUEUE]
    offset_ring: Annotated[Array[Mark], QUEUE]
    reports: Annotated[Array[Report], REPORTS]


_FIELDS: Any = State.dtype().fields
SCALAR_BYTES: int = _FIELDS["prints"][1]
