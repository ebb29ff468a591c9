"""Whose turn is it: the next event of a batch in order of `seq`, and all it does to State.

The loops over events are core.py, for one strategy with one set of parameters, and many.py, for
many sets at once. Both read here. The columns are read here and nowhere deeper: an array handed
on costs, a number does not.
"""

from micropulse.apply import apply_book, apply_control, apply_trade, begin, sample_until
from micropulse.events import Events
from micropulse.execution import see_clock
from micropulse.features.book import hide_below
from micropulse.feed import is_new_book
from micropulse.jit import kernel
from micropulse.outbox import Outbox
from micropulse.schema import CLOCK_ROW, DEPTH_ROW, TRADE_ROW
from micropulse.state import State

LAST = 2**63 - 1
NO_ROW = -1


@kernel
def take_event(state: State, events: Events, out: Outbox) -> int:
    """Apply the event at the cursor and move on: its kind (CLOCK_ROW, DEPTH_ROW, TRADE_ROW).

    NO_ROW, and nothing is changed, at the end of the batch and when the samples that are due
    before the event do not fit.
    """
    depth, trades, controls = events.depth, events.trades, events.control
    cursor = out.cursor
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
        return NO_ROW
    if not sample_until(state, ts, out):
        return NO_ROW
    begin(state, seq, ts)
    if kind == TRADE_ROW:
        cursor.trades += 1
        see_clock(state, trades.ts_event[row], ts)
        txn, px, qty = trades.ts_txn[row], trades.px[row], trades.qty[row]
        apply_trade(state, trades.trade_id[row], txn, px, qty, trades.side[row], trades.kind[row])
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
    return kind
