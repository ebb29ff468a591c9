"""What goes in and comes out of the core, in the order it flows:
Features -> Position, Intent -> Order -> Fill -> Trip, and what is written down on the way.

House units: times in ns, prices and quantities as integers at the instrument's scale, money as
integers (see instrument.py). Features are floats in units of the market, null is NaN. What the
core keeps between events is in state.py.
"""

from __future__ import annotations

from typing import Annotated

from micropulse.record import Array, Record, f8, flag, i8

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
UNKNOWN = -(2**63)  # a time that is not known

BID, ASK = 1, 2
CANCELLED, EATEN = 1, 2
SIDES = (None, "bid", "ask")
WALL_ENDS = (None, "cancelled", "eaten")


# ---- what the core knows after an event ----------------------------------------------------


class Features(Record):
    """What the core knows after an event: docs/features.md, in its order. `ts` is t."""

    ts: i8
    mid: f8
    spread: f8
    microprice: f8
    obi: f8
    book_stale: flag
    cvd: f8
    buy_10s: f8
    sell_10s: f8
    cvd_10s: f8
    tps_1s: f8
    tps_10s: f8
    ops_1s: f8
    ops_10s: f8
    avg_size_10s: f8
    avg_order_10s: f8
    acceleration: f8
    order_acceleration: f8
    warm_10s: flag
    missed_10s: f8
    spike_up: f8
    spike_down: f8
    bid_wall_px: f8
    bid_wall_qty: f8
    bid_wall_age_s: f8
    ask_wall_px: f8
    ask_wall_qty: f8
    ask_wall_age_s: f8
    removed_wall_side: i8  # 0 none yet, BID, ASK
    removed_wall_px: f8
    removed_wall_qty: f8
    removed_wall_age_s: f8
    removed_wall_kind: i8  # CANCELLED, EATEN
    removed_wall_ts: i8  # ns; 0 none yet
    duplicates: f8
    pu_breaks: f8


FEATURE_COLUMNS = tuple(name for name in Features.dtype().names or () if name != "ts")


# ---- what a strategy sees and says ---------------------------------------------------------


ORDERS = 8  # open at a time: one at the market, seven that may rest
MARKET_ORDER, LIMIT, STOP_MARKET, TAKE_PROFIT_MARKET = 0, 1, 2, 3
ORDER_KINDS = ("market", "limit", "stop_market", "take_profit_market")
GTC, IOC, FOK, POST_ONLY = 0, 1, 2, 3
TIMES_IN_FORCE = ("gtc", "ioc", "fok", "post_only")
CANCEL_ALL = -1


class OpenOrder(Record):
    """One of our open orders, as a strategy sees it."""

    ref: i8  # what `intent.cancel` and `intent.replace` name it by: its id + 1
    kind: i8  # index into ORDER_KINDS
    side: i8  # 1 buys, -1 sells
    qty: i8
    filled: i8
    px: f8  # its limit or trigger, in quote units
    reason: i8
    resting: flag  # it has reached the exchange and waits there
    at_market: flag  # it is on its way to the market, and can be cancelled no more
    cancelling: flag  # a cancel is on its way
    closes: flag  # reduce-only


class Position(Record):
    """Our position and our open orders, as a strategy sees them."""

    side: i8  # 1 long, -1 short, 0 flat
    qty: i8  # never negative
    entry_px: f8  # average, in quote units
    entry_ts: i8
    held_ns: i8
    gain_ticks: f8  # what leaving now would gain, by what this event shows; NaN: it shows nothing
    entry_reason: i8
    pending: flag  # an order at the market is in flight: another is refused
    tick: f8  # of the prices of orders, in quote units
    orders_n: i8
    orders: Annotated[Array[OpenOrder], ORDERS]  # the first `orders_n` are open, oldest first


NO_ACTION, ENTER, EXIT = 0, 1, 2


class Intent(Record):
    """What `decide` asks for; empty before every call. A cancel goes out before the new order."""

    action: i8  # NO_ACTION, ENTER, EXIT (reduce-only)
    side: i8  # of an ENTER: 1 buys, -1 sells
    qty: i8  # in the instrument's units; 0: [execution] order_qty, or the whole position to leave
    reason: i8
    refused: i8  # an entry was considered and let be: why
    kind: i8  # MARKET_ORDER, LIMIT, STOP_MARKET, TAKE_PROFIT_MARKET
    px: f8  # limit or trigger in quote units; the nearest unit of price is meant
    tif: i8  # of a LIMIT: GTC, IOC, FOK, POST_ONLY
    by_mark: flag  # the mark price triggers; else what leaving would bring
    cancel: i8  # the `ref` of an open order, or CANCEL_ALL; 0: none
    replace: i8  # the `ref` of the order that the new one takes the place of; 0: none


REASONS = 255  # a strategy's reasons are below; this one is ours:
STRATEGY_FAILED = REASONS  # the position of a strategy that failed is closed

RAISED, NONSENSE = 1, 2
FAILURES = ("", "raised", "asked for nonsense")


class Failure(Record):
    """The event on which the strategy failed: it is asked no more after it."""

    why: i8  # index into FAILURES; 0: it has not
    seq: i8
    ts: i8
    asked: Intent  # what was nonsense


# ---- orders, fills, round trips --------------------------------------------------------------

SUBMITTED, FILLED, PARTIAL, EXPIRED, REJECTED = 1, 2, 3, 4, 5
ACCEPTED, TRIGGERED, WITHDRAWN, CANCELLING = 6, 7, 8, 9
ORDER_STATES = (
    *("", "submitted", "filled", "partial", "expired", "rejected"),
    *("resting", "triggered", "cancelled", "cancelling"),
)
SENT, RESTING, ARMED, TRIPPED, OVER = 0, 1, 2, 3, 4  # `stage` of an order
BAD_STEP, BELOW_MIN_QTY, ABOVE_MAX_QTY, BELOW_MIN_NOTIONAL, NO_BOOK = 1, 2, 3, 4, 5
LOST_CONNECTION, BEYOND_DEPTH = 6, 7
BAD_TICK, ABOVE_MAX_LIMIT_QTY, NO_MARK, WOULD_TAKE, NOT_AT_ONCE, NOT_WHOLE = 8, 9, 10, 11, 12, 13
WOULD_TRIGGER, NOTHING_TO_REDUCE, REPLACED, GONE, OUTSIDE_BAND = 14, 15, 16, 17, 18
ORDER_NOTES = (
    "",
    "quantity is no multiple of the step",
    "quantity below the minimum",
    "quantity above the maximum of a market order",
    "notional below the minimum",
    "no book to trade on",
    "connection lost before arrival",
    "visible depth was not enough",
    "price is no positive multiple of the tick",
    "quantity above the maximum of an order",
    "the mark price is not known",
    "post-only would take at once (-5022)",
    "immediate or cancel: not filled at once",
    "fill or kill: could not be filled whole at once",
    "would trigger at once (-2021)",
    "reduce-only: nothing to reduce (-2022)",
    "replaced by a later order",
    "the order to replace was gone",
    "price outside the price band",
)


class Order(Record):
    """An order, and a row of orders.parquet each time its `status` changes."""

    id: i8
    seq: i8  # of the event it was decided on
    ts: i8
    kind: i8  # index into ORDER_KINDS
    tif: i8  # index into TIMES_IN_FORCE
    side: i8
    qty: i8
    px: i8  # limit or trigger; 0 of an order at the market
    by_mark: flag
    replaces: i8  # ref of the order it takes the place of; 0: none
    filled: i8
    slices: i8
    closes: flag  # reduce-only: it leaves the position
    reason: i8  # the strategy's
    latency_ns: i8
    ready_ts: i8  # ts + latency: no book received before it can fill
    arrival: i8  # on the exchange's clock; UNKNOWN until its clock is known
    mid2: i8  # twice the mid at the decision, of a stop at its trigger
    status: i8  # 0: no order
    note: i8  # index into ORDER_NOTES
    status_seq: i8
    status_ts: i8
    books: i8  # how many books it met on arrival
    after_gap: flag
    stage: i8  # SENT, RESTING, ARMED, TRIPPED (on its way to the market), OVER
    ahead: i8  # quantity queued before a resting order; UNKNOWN: not seen yet
    in_view: flag  # the last book showed its price, or that nothing is there
    shown: i8  # what it showed
    shown_txn: i8  # T of the last book that showed it
    joined_txn: i8  # T of the book it arrived on
    gone_txn: i8  # T of the book or print that emptied the queue; UNKNOWN while there is one
    prints_at: i8  # the ring's count of the first print that may matter to it
    cancel_ts: i8  # when its cancel was decided; UNKNOWN without one
    cancel_ready: i8
    cancel_arrival: i8


class Fill(Record):
    """One slice of an order at one price."""

    order_id: i8
    slice_no: i8  # from 0, over the whole order
    seq: i8
    ts: i8
    txn: i8  # T of the book or print it filled on
    side: i8
    maker: flag
    px: i8
    level_px: i8  # what the book showed, of a maker its limit; px is worse where a print said so
    qty: i8
    fee: i8  # money


class Trip(Record):
    """A round trip from flat to flat."""

    id: i8
    side: i8
    qty: i8
    entry_order: i8
    exit_order: i8
    entry_seq: i8
    entry_ts: i8
    exit_seq: i8
    exit_ts: i8
    entry_notional: i8  # money
    exit_notional: i8
    entry_slippage: i8  # money lost against the mid at the decision
    exit_slippage: i8
    gross: i8
    fees: i8
    funding: i8  # money received at funding stamps, negative when paid
    net: i8  # gross - fees + funding
    entry_reason: i8
    exit_reason: i8
    worst_px: i8  # the worst and best price at which leaving was shown
    best_px: i8
    after_gap: flag


# ---- what comes out ------------------------------------------------------------------------

CLOCK_ROW, DEPTH_ROW, TRADE_ROW, MARK_ROW = 0, 1, 2, 3
ROW_EVENTS = ("clock", "depth", "trade")  # a mark price has no row of its own


class Sample(Record):
    """The features at a moment, and what we hold."""

    seq: i8
    ts_recv: i8
    event: i8  # CLOCK_ROW, DEPTH_ROW, TRADE_ROW
    features: Features
    qty: i8  # signed position
    cash: i8
    equity: i8  # cash + position at the mid


WALL_BORN, WALL_CANCELLED, WALL_EATEN, WALL_SLID, SPIKE_UP, SPIKE_DOWN = 1, 2, 3, 4, 5, 6
ENTRY_REFUSED, ENTRY_ASKED, EXIT_ASKED, FAILED = 7, 8, 9, 10
SIGNALS = (
    "",
    "wall_born",
    "wall_cancelled",
    "wall_eaten",
    "wall_slid",
    "spike_up",
    "spike_down",
    "entry_refused",
    "entry_asked",
    "exit_asked",
    "strategy_failed",
)


class Signal(Record):
    """Something happened that a rule may look at, or a rule looked."""

    seq: i8
    ts: i8
    kind: i8  # index into SIGNALS
    side: i8  # BID or ASK of a wall; 1 or -1 of an entry or exit
    px: i8  # of a wall; twice the mid of anything else
    qty: i8
    age_ns: i8
    reason: i8
