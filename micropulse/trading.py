"""What the loop over many variants (many.py) keeps: what each variant owns, and whose turn it is.

What a variant owns of State lies in two records: what is read at every event in few bytes, one
variant beside the other, and the rest. In one record a variant had a page of memory to itself.
"""

from __future__ import annotations

from typing import Annotated

from micropulse.counts import Counts
from micropulse.outbox import ROWS
from micropulse.record import Array, Record, flag, i8
from micropulse.schema import ORDERS, Failure, Order, Position
from micropulse.settings import ExecutionSettings
from micropulse.state import REPORTS, TAKEN, Account, Basis, Dice, MarkPrice, Report, Taken

FAR_ASK, FAR_BID = 2**63 - 1, -(2**63)  # no book reaches so deep


class Trader(Record):
    """What is read of a variant at every event, flat or not, and what the loop remembers of it."""

    awake: flag  # every event concerns it: it has a position, an order or news to come
    holds: flag  # awake with a position, and with nothing else
    failed: flag  # its strategy has: it is asked no more
    below_bid: i8  # no price from which it took bids lies between these two: a book whose bids
    above_bid: i8  # lie between them as well does not concern it
    below_ask: i8
    above_ask: i8
    last_refused: i8
    reports_head: i8
    reports_tail: i8
    basis: Basis
    account: Account
    position: Position


class Dealings(Record):
    """All else that a variant owns: its orders, the depth it took, news on their way."""

    failure: Failure
    open_n: i8
    news: flag
    dice: Dice
    execution: ExecutionSettings
    counts: Counts  # its own share; the market's is in State, a run's is the sum
    orders: Annotated[Array[Order], ORDERS]
    taken_n: i8
    taken: Annotated[Array[Taken], TAKEN]
    reports: Annotated[Array[Report], REPORTS]


class Turn(Record):
    """The event under way, as far as a trader can meet it."""

    books_before: i8
    prints_before: i8
    open_before: i8  # connections
    stamp: i8  # what funding goes by, as it was before the event
    passed_before: i8
    mid2: i8
    mark: MarkPrice
    dated: flag  # a sight of the exchange's clock
    passed: flag  # a funding stamp
    lost: flag  # nobody is listening any more
    book: flag  # a book that is no duplicate,
    best_bid: i8  # with these prices at its ends; without one they are such that no price lies
    worst_bid: i8  # between them
    best_ask: i8
    worst_ask: i8
    print: flag  # a MARKET print that is no duplicate:
    txn: i8
    px: i8  # 0 without one
    qty: i8
    side: i8


class Signed(Record):
    """How many rows of the outbox are signed."""

    orders: i8
    fills: i8
    trips: i8


class Many(Record):
    """Whose turn it is, and which variant wrote which row of the outbox."""

    variants: i8
    at: i8  # the variant whose turn it is; all have had theirs: `variants`
    full: flag  # the outbox may have no room for one variant more
    turn: Turn
    signed: Signed
    orders: Annotated[Array[int], ROWS]
    fills: Annotated[Array[int], ROWS]
    trips: Annotated[Array[int], ROWS]
