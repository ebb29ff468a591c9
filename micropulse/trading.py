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
    near_bid: i8  # it took depth that is in view of a book whose worst bid is not above this,
    near_ask: i8  # or whose worst ask is not below this
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
    worst_bid: i8  # with these prices at its ends; FAR_ASK and FAR_BID without one
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
