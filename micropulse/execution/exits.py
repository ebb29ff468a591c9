"""What leaving would bring: the gain a strategy sees, and the extremes of the trip under way."""

from math import nan

from micropulse.account import show_extreme
from micropulse.execution.reports import deliver
from micropulse.jit import kernel
from micropulse.state import State


@kernel
def watch_exit(state: State, new_book: bool, txn: int, px: int, side: int) -> None:
    """Let the strategy learn what is due, and write `gain_ticks`: by the best price of a new book,
    or by a MARKET print (its T, price and taker's side; px 0: none)."""
    if state.reports_tail != state.reports_head:
        deliver(state)
    position, account = state.position, state.account
    position.gain_ticks = nan
    position.held_ns = 0
    if account.qty != 0:
        held = 1 if account.qty > 0 else -1
        shown = _exit_px(state, held, account.entry_txn, new_book, txn, px, side)
        if shown != 0:
            show_extreme(state, shown)
    if position.side != 0:
        position.held_ns = state.clock.now - position.entry_ts
        shown = _exit_px(state, position.side, state.basis.txn, new_book, txn, px, side)
        if shown != 0:
            position.gain_ticks = _gain_ticks(state, shown)


@kernel
def _exit_px(
    state: State, held: int, entry_txn: int, new_book: bool, txn: int, px: int, side: int
) -> int:
    """The price this event shows to leave at; 0: none. Of prints only those of a taker on our
    exit's side, later than the book or print we came in on."""
    if new_book:
        ladder = state.book.bid if held > 0 else state.book.ask
        return ladder.px[0] if ladder.n > 0 else 0
    return px if side == -held and txn > entry_txn else 0


@kernel
def _gain_ticks(state: State, px: int) -> float:
    """What leaving at `px` would gain against the average entry, in ticks."""
    basis, instrument = state.basis, state.instrument
    moved = px * basis.qty * instrument.notional_unit - basis.notional
    per_tick = basis.qty * instrument.notional_unit * instrument.tick
    return state.position.side * moved / per_tick
