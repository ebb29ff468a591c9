"""The fold: events in, features, signals, orders, fills and round trips out. Live and replay.

    feed -> match -> extract -> sample -> decide -> submit

`decide` is the strategy's. This module is compiled once for each strategy: jit.load_core executes
it anew with `decide` bound, so that numba compiles the strategy into the loop.

Rules of this file, held by tests: the only time is the events' own; no randomness, no I/O, no
set, no sum whose order could vary; batches of any size give the same bytes.
"""

from typing import Any

from micropulse.apply import (
    apply_book,
    apply_control,
    apply_mark,
    apply_trade,
    begin,
    sample_row,
    sample_until,
    see_row,
)
from micropulse.events import Events
from micropulse.execution import seed_dice, submit
from micropulse.failure import clear, close_out, give_up, judge
from micropulse.features.book import hide_below
from micropulse.features.extract import say_spikes, start_features
from micropulse.feed import is_new_book
from micropulse.jit import entry, plugin
from micropulse.outbox import has_room
from micropulse.schema import ASK, BID, CLOCK_ROW, DEPTH_ROW, MARK_ROW, RAISED, TRADE_ROW, UNKNOWN

decide = plugin("decide")

LAST = 2**63 - 1


@entry
def advance(states: Any, memories: Any, params: Any, events: Events, outs: Any, most: int) -> int:
    """Apply events in order of `seq`, from where the cursor stands. Returns how many.

    Stops at the `ends` of the batch, after `most` events, or when the outbox could not take what
    one more event may write: empty it and call again. All but `events` are arrays of one record.
    The columns are read here and nowhere deeper: an array handed on costs, a number does not.
    What the strategy raises comes out of here, with `deciding` set: call `fail`, then go on.
    """
    state, memory, param, out = states[0], memories[0], params[0], outs[0]
    depth, trades, controls, marks = events.depth, events.trades, events.control, events.marks
    cursor, ends, done = out.cursor, out.ends, 0
    while done < most and has_room(out):
        depth_seq = depth.seq[cursor.depth] if cursor.depth < ends.depth else LAST
        trade_seq = trades.seq[cursor.trades] if cursor.trades < ends.trades else LAST
        control_seq = controls.seq[cursor.control] if cursor.control < ends.control else LAST
        mark_seq = marks.seq[cursor.marks] if cursor.marks < ends.marks else LAST
        if trade_seq < depth_seq and trade_seq < control_seq and trade_seq < mark_seq:
            row, kind, seq, ts = cursor.trades, TRADE_ROW, trade_seq, trades.ts_recv[cursor.trades]
        elif depth_seq < control_seq and depth_seq < mark_seq:
            row, kind, seq, ts = cursor.depth, DEPTH_ROW, depth_seq, depth.ts_recv[cursor.depth]
        elif mark_seq < control_seq:
            row, kind, seq, ts = cursor.marks, MARK_ROW, mark_seq, marks.ts_recv[cursor.marks]
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
            see_row(state, trades.ts_event[row], ts)
            txn, px, qty = trades.ts_txn[row], trades.px[row], trades.qty[row]
            trade_id, side, what = trades.trade_id[row], trades.side[row], trades.kind[row]
            apply_trade(state, trade_id, txn, px, qty, side, what, out)
        elif kind == DEPTH_ROW:
            cursor.depth += 1
            see_row(state, depth.ts_event[row], ts)
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
        elif kind == MARK_ROW:
            cursor.marks += 1
            conn, event_ts, stamp = marks.conn[row], marks.ts_event[row], marks.next_funding_ts[row]
            apply_mark(state, conn, event_ts, stamp, marks.px[row], marks.rate[row], out)
        else:
            cursor.control += 1
            apply_control(state, controls.kind[row], controls.conn[row], out)
        say_spikes(state, out)
        sample_row(state, kind, out)
        if state.failure.why == 0:
            clear(state.intent)
            out.deciding = True
            decide(state.features, state.position, memory, param, state.intent)
            out.deciding = False
            judge(state, out)
        else:
            close_out(state)
        submit(state, out)
        done += 1
    return done


@entry
def fail(states: Any, outs: Any) -> None:
    """After `decide` has raised in `advance`: end the event without the strategy."""
    state, out = states[0], outs[0]
    out.deciding = False
    give_up(state, RAISED, out)
    submit(state, out)


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
    state.position.tick = state.instrument.tick / state.instrument.px_scale
    seed_dice(state)
    start_features(state)
