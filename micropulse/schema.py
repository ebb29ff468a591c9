"""What goes in and comes out of the core, in the order it flows: settings, then
Features -> Position, Intent -> Order -> Fill -> Trip, and what is written down on the way.

House units: times in ns, prices and quantities as integers at the instrument's scale, money as
integers (see instrument.py). Features are floats in units of the market, null is NaN. What the
core keeps between events is in state.py.
"""

from __future__ import annotations

from micropulse.record import Record, f8, flag, i8

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
UNKNOWN = -(2**63)  # a time that is not known

BID, ASK = 1, 2
CANCELLED, EATEN = 1, 2
SIDES = (None, "bid", "ask")
WALL_ENDS = (None, "cancelled", "eaten")


# ---- settings ------------------------------------------------------------------------------


class FeatureSettings(Record):
    """The section [features]; docs/features.md says what each means."""

    spike_window_ms: i8 = 1000
    spike_signal: f8 = 0.0003
    wall_k: f8 = 5.0
    wall_floor: f8 = 100_000.0
    wall_min_age_ms: i8 = 500
    wall_gone_share: f8 = 0.3
    wall_at_best: flag = False


class ExecutionSettings(Record):
    """The section [execution], resolved to integers."""

    latency_ns: i8  # from the decision to the exchange
    tape_jitter: flag  # add the tape's own receive delay above its minimum
    taker_fee_e8: i8  # 50,000 is 0.05 %
    order_qty: i8  # of an entry whose strategy names none; 0: the smallest that is taken
    funding_given: flag  # whether funding_rate_e8 stands in for a rate that was not recorded
    funding_rate_e8: i8  # 10,000 is 0.01 %


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


class Position(Record):
    """Our position, as a strategy sees it."""

    side: i8  # 1 long, -1 short, 0 flat
    qty: i8  # never negative
    entry_px: f8  # average, in quote units
    entry_ts: i8
    held_ns: i8
    gain_ticks: f8  # what leaving now would gain, by what this event shows; NaN: it shows nothing
    entry_reason: i8
    pending: flag  # an order is in flight: whatever is asked for now is refused


NO_ACTION, ENTER, EXIT = 0, 1, 2


class Intent(Record):
    """What `decide` asks for; empty before every call."""

    action: i8  # NO_ACTION, ENTER, EXIT
    side: i8  # of an ENTER: 1 buys, -1 sells
    qty: i8  # of an ENTER, in the instrument's units; 0 is the [execution] order_qty
    reason: i8
    refused: i8  # an entry was considered and let be: why


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
ORDER_STATES = ("", "submitted", "filled", "partial", "expired", "rejected")
BAD_STEP, BELOW_MIN_QTY, ABOVE_MAX_QTY, BELOW_MIN_NOTIONAL, NO_BOOK = 1, 2, 3, 4, 5
LOST_CONNECTION, BEYOND_DEPTH = 6, 7
ORDER_NOTES = (
    "",
    "quantity is no multiple of the step",
    "quantity below the minimum",
    "quantity above the maximum of a market order",
    "notional below the minimum",
    "no book to trade on",
    "connection lost before arrival",
    "visible depth was not enough",
)


class Order(Record):
    """An order, and a row of orders.parquet each time its `status` changes."""

    id: i8
    seq: i8  # of the event it was decided on
    ts: i8
    side: i8
    qty: i8
    filled: i8
    slices: i8
    closes: flag  # reduce-only: it leaves the position
    reason: i8  # the strategy's
    latency_ns: i8
    ready_ts: i8  # ts + latency: no book received before it can fill
    arrival: i8  # on the exchange's clock; UNKNOWN until its clock is known
    mid2: i8  # twice the mid at the decision
    status: i8  # 0: no order
    note: i8  # index into ORDER_NOTES
    status_seq: i8
    status_ts: i8
    books: i8  # how many books it met
    after_gap: flag


class Fill(Record):
    """One slice of an order at one price."""

    order_id: i8
    slice_no: i8  # from 0, over the whole order
    seq: i8
    ts: i8
    txn: i8  # T of the book it filled on
    side: i8
    px: i8
    level_px: i8  # what the book showed; px is worse where a print said so
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
