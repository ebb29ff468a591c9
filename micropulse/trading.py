"""What the loop over many variants (many.py) keeps: a Trader a variant, and whose turn it is."""

from __future__ import annotations

from typing import Annotated

from micropulse.outbox import ROWS
from micropulse.record import Array, Record, flag, i8
from micropulse.schema import ExecutionSettings, Order, Position
from micropulse.state import TAKEN, Account, Counts, Taken

FAR_ASK, FAR_BID = 2**63 - 1, -(2**63)  # no book reaches so deep


class Trader(Record):
    """What a variant owns of State, and what the loop over variants remembers of it.

    What is read at every event comes first: two cache lines a variant.
    """

    position: Position
    last_refused: i8
    awake: flag  # events concern it: it has a position or an order, or was never looked at
    holds: flag  # awake with a position, and with nothing else
    below_bid: i8  # no price from which it took bids lies between these two: a book whose bids
    above_bid: i8  # lie between them as well does not concern it
    below_ask: i8
    above_ask: i8
    failed: flag  # its `decide` raised: it is asked no more
    order: Order
    order_print: i8
    account: Account
    execution: ExecutionSettings
    counts: Counts  # its own share; the market's is in State, a run's is the sum
    taken_n: i8
    taken: Annotated[Array[Taken], TAKEN]


class Turn(Record):
    """The event under way, as far as a trader can meet it."""

    books_before: i8
    prints_before: i8
    period_before: i8
    dated: flag  # a sight of the exchange's clock
    stamped: flag  # a funding stamp was crossed
    lost: flag  # nobody is listening any more
    book: flag  # a book that is no duplicate,
    best_bid: i8  # with these prices at its ends; without one they are such that no price lies
    worst_bid: i8  # between them
    best_ask: i8
    worst_ask: i8
    print: flag  # a print that is no duplicate:
    txn: i8
    px: i8
    side: i8
    kind: i8


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
