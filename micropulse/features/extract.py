"""Event -> Features: the order in which everything is computed. The only writer of Features.

a book    take_book -> see_book -> roll_to
a print   take_print -> roll_to
a tick    roll_to
a gap     forget_feed
"""

from math import nan

from micropulse.features.book import imbalance, microprice, mid, spread
from micropulse.features.flow import (
    add_print,
    miss,
    missed_inside,
    roll,
    write_rates,
    write_volumes,
)
from micropulse.features.moves import add_mid, roll_mids, spike_down, spike_up
from micropulse.features.walls import age_s, end_walls, watch_walls, write_walls
from micropulse.jit import kernel
from micropulse.outbox import (
    Outbox,
    put_signal,
)
from micropulse.schema import (
    SECOND,
    SPIKE_DOWN,
    SPIKE_UP,
)
from micropulse.state import (
    State,
)

WARM_NS = 10 * SECOND


@kernel
def take_book(state: State, txn: int) -> None:
    """A book that is no duplicate has been loaded: date it, and count what is odd about it."""
    book, counts = state.book, state.counts
    book.txn = txn
    book.mid2 = 0
    if book.bid.n > 0 and book.ask.n > 0:
        book.mid2 = book.bid.px[0] + book.ask.px[0]
    if book.mid2 != 0:
        book.known_mid2 = book.mid2
    book.stale = False
    if book.books == 0:
        book.first_ts = state.clock.now
    book.books += 1
    if book.mid2 == 0:
        counts.one_sided_books += 1
    elif book.bid.px[0] >= book.ask.px[0]:
        counts.crossed_books += 1


@kernel
def see_book(state: State, out: Outbox) -> None:
    """Write what the book just taken means: its features, its walls, its place among the mids."""
    book, features = state.book, state.features
    px_scale = state.instrument.px_scale
    features.mid = mid(book, px_scale)
    features.spread = spread(book, px_scale)
    features.microprice = microprice(book, px_scale)
    features.obi = imbalance(book)
    features.book_stale = False
    watch_walls(state, out)
    write_walls(state, features)
    if book.mid2 != 0:
        add_mid(state, state.clock.now)


@kernel
def take_print(state: State, txn: int, px: int, qty: int, side: int, kind: int) -> None:
    """A print enters the windows; nothing else of the features sees it."""
    add_print(state, state.clock.now, txn, px, qty, side, kind)


@kernel
def roll_to(state: State, now: int, fresh_flow: bool, fresh_mid: bool) -> None:
    """Let the windows slide to `now` and write everything that depends on time.

    `fresh_flow`, `fresh_mid`: something entered; without it, sums that lost nothing stay.
    """
    features, flow = state.features, state.flow
    features.ts = now
    if roll(state, now) or fresh_flow:
        write_volumes(state, features)
        write_rates(state, features)
    if roll_mids(state, now) or fresh_mid:
        features.spike_up = spike_up(state)
        features.spike_down = spike_down(state)
    features.warm_10s = not flow.cold and now - flow.warm_from >= WARM_NS
    features.missed_10s = missed_inside(state)
    features.bid_wall_age_s = age_s(state.bid_walls.born, now)
    features.ask_wall_age_s = age_s(state.ask_walls.born, now)
    counts = state.counts
    features.duplicates = float(
        counts.duplicate_books + counts.duplicate_trades + counts.late_trades
    )
    features.pu_breaks = float(counts.pu_breaks)


@kernel
def say_spikes(state: State, out: Outbox) -> None:
    """A signal when a spike reaches `spike_signal`, once until it has fallen below again."""
    features, least = state.features, state.settings.spike_signal
    up = features.spike_up >= least
    down = features.spike_down >= least
    if up and state.spiking & 1 == 0:
        put_signal(state, out, SPIKE_UP, 1, state.book.known_mid2, 0, 0, 0)
    if down and state.spiking & 2 == 0:
        put_signal(state, out, SPIKE_DOWN, -1, state.book.known_mid2, 0, 0, 0)
    state.spiking = (1 if up else 0) + (2 if down else 0)


@kernel
def wake(state: State) -> None:
    """The first decoded event after a start or a disconnect: the ten seconds begin here."""
    if state.flow.cold:
        state.flow.cold = False
        state.flow.warm_from = state.clock.now


@kernel
def forget_feed(state: State) -> None:
    """The last connection is gone: the book is stale, walls and the parent order end."""
    state.book.stale = True
    state.features.book_stale = True
    state.flow.cold = True
    state.flow.parent_side = 0
    end_walls(state)


@kernel
def settle_missing(state: State) -> None:
    """One connection is left: what the others did not bring is missing for good."""
    if state.feed.pending_missed > 0:
        miss(state, state.feed.pending_missed, state.clock.now)
    state.feed.pending_missed = 0


@kernel
def start_features(state: State) -> None:
    """Before the first event: null is null, and nothing is warm."""
    features = state.features
    features.mid = nan
    features.spread = nan
    features.microprice = nan
    features.obi = nan
    features.avg_size_10s = nan
    features.avg_order_10s = nan
    features.spike_up = nan
    features.spike_down = nan
    features.bid_wall_age_s = nan
    features.ask_wall_age_s = nan
    features.removed_wall_px = nan
    features.removed_wall_qty = nan
    features.removed_wall_age_s = nan
    state.flow.cold = True
    end_walls(state)
