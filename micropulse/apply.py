"""What one event does to State, by its kind, and the samples that are due on the way.

Nothing here needs the strategy: core.py, which does, is compiled anew for each one.
"""

from micropulse.account import equity
from micropulse.events import MARKET, RPI
from micropulse.execution import match, meet_print, see_clock, watch_exit
from micropulse.features.extract import roll_to, see_book, take_book, take_print, wake
from micropulse.features.flow import is_new_trade
from micropulse.feed import control, set_aside
from micropulse.funding import expect_stamp, pass_stamps
from micropulse.jit import kernel
from micropulse.mark import take_mark
from micropulse.outbox import Outbox
from micropulse.schema import CLOCK_ROW, DEPTH_ROW, MARK_ROW, SECOND, UNKNOWN
from micropulse.state import State

JUMP_NS = 30 * 24 * 3600 * SECOND  # a wrong stamp, not a pause: no samples for what lies between


@kernel
def begin(state: State, seq: int, ts: int) -> None:
    """Take the event's place and time; a receive time that steps back does not turn time back."""
    clock = state.clock
    clock.seq = seq
    if ts < clock.now:
        state.counts.clock_backwards += 1
    else:
        clock.now = ts
    state.counts.events += 1


@kernel
def see_row(state: State, event_ts: int, ts_recv: int) -> None:
    """A book or trade row shows the exchange's clock: what is due by it, before all else."""
    pass_stamps(state, event_ts)
    see_clock(state, event_ts, ts_recv)


@kernel
def apply_book(state: State, new: bool, txn: int, out: Outbox) -> None:
    """A partial book: a duplicate only moves time on; a new one is matched, then extracted."""
    state.counts.books += 1
    wake(state)
    if new:
        take_book(state, txn)
        match(state, out)
        see_book(state, out)
    watch_exit(state, new, 0, 0, 0)
    roll_to(state, state.clock.now, False, new)


@kernel
def apply_trade(
    state: State, trade_id: int, txn: int, px: int, qty: int, side: int, kind: int, out: Outbox
) -> None:
    """A trade: ids always count; only a print that was not seen before enters the windows."""
    counts = state.counts
    counts.trades += 1
    wake(state)
    new = is_new_trade(state, trade_id, state.clock.now)
    is_print = (kind == MARKET or kind == RPI) and px > 0 and qty > 0
    market_px, market_side = 0, 0
    if not is_print:
        counts.not_prints += 1
    elif new:
        counts.prints += 1
        take_print(state, txn, px, qty, side, kind)
        if kind == MARKET:
            market_px, market_side = px, side
            if state.open_n != 0:
                meet_print(state, out, txn, px, qty, market_side)
    watch_exit(state, False, txn, market_px, market_side)
    roll_to(state, state.clock.now, new and is_print, False)


@kernel
def apply_mark(
    state: State, conn: int, event_ts: int, stamp: int, px: int, rate: int, out: Outbox
) -> None:
    """A mark price: the market's own prices stay as they are, and time has come this far."""
    pass_stamps(state, event_ts)
    set_aside(state, conn, out)
    if take_mark(state, event_ts, stamp, px, rate):
        expect_stamp(state, stamp)
    watch_exit(state, False, 0, 0, 0)
    roll_to(state, state.clock.now, False, False)


@kernel
def apply_control(state: State, kind: int, conn: int, out: Outbox) -> None:
    """A control event: what it says, and that time has come this far."""
    control(state, kind, conn, out)
    watch_exit(state, False, 0, 0, 0)
    roll_to(state, state.clock.now, False, False)


@kernel
def sample_row(state: State, kind: int, out: Outbox) -> None:
    """A sample of this very event, where a row an event or a book is wanted."""
    every = state.clock.sample_every
    if kind != CLOCK_ROW and kind != MARK_ROW and (every == 0 or (every < 0 and kind == DEPTH_ROW)):
        put_sample(state, state.clock.now, kind, out)


@kernel
def sample_until(state: State, ts: int, out: Outbox) -> bool:
    """Write the samples due before `ts`, each at its multiple. False when the outbox is full."""
    clock = state.clock
    if clock.sample_every <= 0:
        return True
    if clock.next_sample == UNKNOWN:
        clock.next_sample = -(-ts // clock.sample_every) * clock.sample_every
    if ts - clock.next_sample > JUMP_NS:
        state.counts.time_jumps += 1
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
