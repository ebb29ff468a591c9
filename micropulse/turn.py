"""Whose turn is it: the next event of a batch in order of `seq`, and all it does to State.

The loops over events are core.py, for one strategy with one set of parameters, and many.py, for
many sets at once. Both read here. The columns are read here and nowhere deeper: an array handed
on costs, a number does not.
"""

from micropulse.apply import (
    apply_book,
    apply_control,
    apply_mark,
    apply_trade,
    begin,
    sample_until,
    see_row,
)
from micropulse.events import Events
from micropulse.features.book import hide_below
from micropulse.feed import is_new_book
from micropulse.jit import kernel
from micropulse.outbox import Outbox
from micropulse.schema import CLOCK_ROW, DEPTH_ROW, MARK_ROW, TRADE_ROW
from micropulse.state import State

LAST = 2**63 - 1
NO_ROW = -1


@kernel
def take_event(state: State, events: Events, out: Outbox) -> int:
    """Apply the event at the cursor and move on: its kind (CLOCK_ROW, DEPTH_ROW, …).

    NO_ROW, and nothing is changed, at the `ends` of the batch and when the samples that are due
    before the event do not fit.
    """
    depth, trades, controls, marks = events.depth, events.trades, events.control, events.marks
    cursor, ends = out.cursor, out.ends
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
        return NO_ROW
    if not sample_until(state, ts, out):
        return NO_ROW
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
    return kind
