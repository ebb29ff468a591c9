"""The fold: events in, features, signals, orders, fills and round trips out. Live and replay.

    feed -> match -> extract -> decide -> submit -> sample

`decide` is the strategy's. This module is compiled once for each strategy: jit.load_core executes
it anew with `decide` bound, so that numba compiles the strategy into the loop.

Rules of this file, held by tests: the only time is the events' own; no randomness, no I/O, no
set, no sum whose order could vary; batches of any size give the same bytes.
"""

from typing import Any

from micropulse.account import equity
from micropulse.events import MARKET, RPI, Events
from micropulse.execution import (
    eligible_px,
    match,
    see_clock,
    submit,
    watch_exit,
)
from micropulse.features.book import hide_below
from micropulse.features.extract import (
    roll_to,
    say_spikes,
    see_book,
    start_features,
    take_book,
    take_print,
    wake,
)
from micropulse.features.flow import is_new_trade
from micropulse.feed import control, is_new_book
from micropulse.jit import entry, kernel, plugin
from micropulse.outbox import Outbox, has_room
from micropulse.schema import (
    ASK,
    BID,
    CLOCK_ROW,
    DEPTH_ROW,
    SECOND,
    TRADE_ROW,
    UNKNOWN,
    Intent,
)
from micropulse.state import (
    State,
)

decide = plugin("decide")

LAST = 2**63 - 1
FUNDING_NS = 8 * 3600 * SECOND  # stamps at 00, 08 and 16 UTC


@entry
def advance(states: Any, memories: Any, params: Any, events: Events, outs: Any, most: int) -> int:
    """Apply events in order of `seq`, from where the cursor stands. Returns how many.

    Stops at the end of the batch, after `most` events, or when the outbox could not take what one
    more event may write: empty it and call again. All but `events` are arrays of one record. The
    columns are read here and nowhere deeper: an array handed on costs, a number does not.
    """
    state, memory, param, out = states[0], memories[0], params[0], outs[0]
    depth, trades, controls = events.depth, events.trades, events.control
    cursor = out.cursor
    done = 0
    while done < most and has_room(out):
        depth_seq = depth.seq[cursor.depth] if cursor.depth < len(depth.seq) else LAST
        trade_seq = trades.seq[cursor.trades] if cursor.trades < len(trades.seq) else LAST
        control_seq = controls.seq[cursor.control] if cursor.control < len(controls.seq) else LAST
        if trade_seq < depth_seq and trade_seq < control_seq:
            row, kind, seq, ts = cursor.trades, TRADE_ROW, trade_seq, trades.ts_recv[cursor.trades]
        elif depth_seq < control_seq:
            row, kind, seq, ts = cursor.depth, DEPTH_ROW, depth_seq, depth.ts_recv[cursor.depth]
        elif control_seq < LAST:
            row, kind, seq = cursor.control, CLOCK_ROW, control_seq
            ts = controls.ts_recv[cursor.control]
        else:
            break
        if not sample_until(state, ts, out):
            break
        begin(state, seq, ts)
        if kind == TRADE_ROW:
            cursor.trades += 1
            see_clock(state, trades.ts_event[row], ts)
            txn, px, qty = trades.ts_txn[row], trades.px[row], trades.qty[row]
            apply_trade(
                state, trades.trade_id[row], txn, px, qty, trades.side[row], trades.kind[row]
            )
        elif kind == DEPTH_ROW:
            cursor.depth += 1
            see_clock(state, depth.ts_event[row], ts)
            conn, shows = depth.conn[row], depth.depth[row]
            new = is_new_book(state, conn, shows, depth.last_id[row], depth.prev_id[row])
            if new:
                bid, ask = state.book.bid, state.book.ask
                bid.n, ask.n = depth.bid_n[row], depth.ask_n[row]
                for k in range(len(depth.bid_px)):
                    bid.px[k], bid.qty[k] = depth.bid_px[k][row], depth.bid_qty[k][row]
                    ask.px[k], ask.qty[k] = depth.ask_px[k][row], depth.ask_qty[k][row]
                hide_below(bid, len(depth.bid_px))
                hide_below(ask, len(depth.bid_px))
            apply_book(state, new, depth.ts_txn[row], out)
        else:
            cursor.control += 1
            apply_control(state, controls.kind[row], controls.conn[row], out)
        say_spikes(state, out)
        clear(state.intent)
        decide(state.features, state.position, memory, param, state.intent)
        submit(state, out)
        sample_row(state, kind, out)
        done += 1
    return done


@kernel
def begin(state: State, seq: int, ts: int) -> None:
    """Take the event's place and time; a receive time that steps back does not turn time back."""
    clock = state.clock
    clock.seq = seq
    if ts < clock.now:
        state.counts.clock_backwards += 1
    else:
        clock.now = ts
    period = clock.now // FUNDING_NS
    if state.account.qty != 0 and period > clock.funding_period:
        state.counts.funding_unknown += 1
    clock.funding_period = period
    state.counts.events += 1


@kernel
def clear(intent: Intent) -> None:
    """Nothing is asked for yet."""
    intent.action = 0
    intent.side = 0
    intent.qty = 0
    intent.reason = 0
    intent.refused = 0


@kernel
def apply_book(state: State, new: bool, txn: int, out: Outbox) -> None:
    """A partial book: a duplicate only moves time on; a new one is matched, then extracted."""
    state.counts.books += 1
    wake(state)
    if new:
        take_book(state, txn)
        match(state, out)
        see_book(state, out)
    watch_exit(state, new, 0)
    roll_to(state, state.clock.now, False, new)


@kernel
def apply_trade(
    state: State, trade_id: int, txn: int, px: int, qty: int, side: int, kind: int
) -> None:
    """A trade: ids always count; only a print that was not seen before enters the windows."""
    counts = state.counts
    counts.trades += 1
    wake(state)
    new = is_new_trade(state, trade_id, state.clock.now)
    is_print = (kind == MARKET or kind == RPI) and px > 0 and qty > 0
    exit_px = 0
    if not is_print:
        counts.not_prints += 1
    elif new:
        counts.prints += 1
        exit_px = eligible_px(state, txn, px, side, kind)
        take_print(state, txn, px, qty, side, kind)
    watch_exit(state, False, exit_px)
    roll_to(state, state.clock.now, new and is_print, False)


@kernel
def apply_control(state: State, kind: int, conn: int, out: Outbox) -> None:
    """A control event: what it says, and that time has come this far."""
    control(state, kind, conn, out)
    watch_exit(state, False, 0)
    roll_to(state, state.clock.now, False, False)


@kernel
def sample_row(state: State, kind: int, out: Outbox) -> None:
    """A sample of this very event, where a row an event or a book is wanted."""
    every = state.clock.sample_every
    if kind != CLOCK_ROW and (every == 0 or (every < 0 and kind == DEPTH_ROW)):
        put_sample(state, state.clock.now, kind, out)


@kernel
def sample_until(state: State, ts: int, out: Outbox) -> bool:
    """Write the samples due before `ts`, each at its multiple. False when the outbox is full."""
    clock = state.clock
    if clock.sample_every <= 0:
        return True
    if clock.next_sample == UNKNOWN:
        clock.next_sample = -(-ts // clock.sample_every) * clock.sample_every
    while clock.next_sample < ts:
        if out.used.samples == out.limit.samples:
            return False
        clock.now = max(clock.now, clock.next_sample)
        roll_to(state, clock.now, False, False)
        put_sample(state, clock.next_sample, CLOCK_ROW, out)
        clock.next_sample += clock.sample_every
    return out.used.samples < out.limit.samples


@kernel
def put_sample(state: State, ts: int, event: int, out: Outbox) -> None:
    """The features as they stand, and what we hold."""
    sample = out.samples[out.used.samples]
    sample.seq = state.clock.seq
    sample.ts_recv = ts
    sample.event = event
    sample.features = state.features
    sample.qty = state.account.qty
    sample.cash = state.account.cash
    sample.equity = equity(state)
    out.used.samples += 1


@entry
def start(states: Any) -> None:
    """Before the first event: what is unknown is marked so."""
    state = states[0]
    state.bid_walls.which = BID
    state.bid_walls.sign = 1
    state.ask_walls.which = ASK
    state.ask_walls.sign = -1
    state.clock.next_sample = UNKNOWN
    state.clock.now = UNKNOWN
    start_features(state)
