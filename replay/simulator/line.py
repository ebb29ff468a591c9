"""The line from the exchange to us: ids, stamps, delays, and the faults that were asked for.

It turns messages into rows, in the order of arrival. Rows lie in two int64 blocks, one column of
the block a row; SEQ to LAYOUT come first in both, then a book's ids and levels, or a trade.
"""

from __future__ import annotations

from typing import Annotated

from micropulse.events import INSURANCE_FUND, MARKET, NA, Int64s
from micropulse.jit import entry, kernel
from micropulse.record import Array, Record, f8, flag, i8
from replay.simulator.book import SECOND
from replay.simulator.faults import Faults
from replay.simulator.market import BOOK, MS, NEVER, SHOWN, Message
from replay.simulator.rng import Rng, exponential, geometric, seed_rng, uniform
from replay.simulator.takers import Messages

SEQ, RECV, EVENT, TXN, LAYOUT = 0, 1, 2, 3, 4
FIRST_ID, LAST_ID, PREV_ID, LEVEL = 5, 6, 7, 8
TRADE_ID, PX, QTY, SIDE, KIND = 5, 6, 7, 8, 9
BOOK_ROWS, TRADE_ROWS = LEVEL + 4 * SHOWN, KIND + 1
ROOM = 2  # rows that one step may write: a frame and its duplicate

# Layouts (see wire_form.py); those with an unannounced key come EXTRA later.
BOOK_LAYOUT, MARKET_LAYOUT, NA_LAYOUT, INSURANCE_LAYOUT, EXTRA = 0, 1, 2, 3, 4

# What happens at random times, each with its own mean.
HICCUP, NA_ROW, INSURANCE, SILENCE, DROP, DUPLICATE, PU_BREAK, ODDITIES = 0, 1, 2, 3, 4, 5, 6, 7
HICCUPS_PER_HOUR, HICCUP_MS = 120.0, 10.0  # the way is blocked for a moment
SILENCE_S = 43  # the longest seen on a live socket
DROPPED = 6.0  # trades in a run that is lost, on average
INSURANCE_TICKS_MIN, INSURANCE_TICKS_MAX = 300.0, 5755.0  # how far off the book

FUNDING = 8 * 3600 * SECOND
DELAY_MS, JITTER_MS = 2.0, 0.4  # the way here; the second is the mean of an exponential
TRADE_DELAY, BOOK_DELAY_MS_MAX = MS // 10, 1.5  # from what happened to E
LATE_MS_MIN, LATE_MS_MAX = 8.0, 30.0
FRAME_NS = 600  # frames of one moment arrive this far apart, at least

PX_UNITS = 10  # of 0.01, in a tick of 0.10
UPDATES, UPDATES_BETWEEN = 5900.0, 150.0  # update ids of a book, and between two books, on average
FIRST_TRADE_ID, FIRST_UPDATE_ID = 7_600_000_000, 9_500_000_000_000


class Line(Record):
    """All that the next row depends on."""

    every: Annotated[Array[float], ODDITIES]  # ns between two; 0 for never
    due: Annotated[Array[int], ODDITIES]  # ns, exchange time; NEVER for never
    late_book_share: f8
    extra_key_share: f8
    stall: i8  # ns
    clock_slow: i8  # ns
    stall_at: i8
    seq: i8
    trade_id: i8
    last_id: i8  # u
    last_recv: i8
    trade_ms: i8  # T of the last trade, received or not
    event_ms: i8  # the largest E so far
    best_px: i8  # ticks: the ask of the last book
    blocked_until: i8  # nothing arrives before
    silent_until: i8
    dropping: i8  # trades still to be lost
    held_due: i8  # when the held book is sent; NEVER when none is held
    held_late: flag
    books: i8  # rows written by this call
    trades: i8
    held: Annotated[Array[int], BOOK_ROWS]  # its row, but for SEQ, RECV and LAYOUT
    rng: Rng


def open_line(seed: int, faults: Faults, now: int) -> Line:
    """A line for messages that come at `now` (ns) or later."""
    line = Line.new(
        late_book_share=faults.late_book_share,
        extra_key_share=faults.extra_key_share,
        stall=faults.funding_stall_ms * MS,
        clock_slow=faults.clock_slow_ms * MS,
        stall_at=(now // FUNDING + 1) * FUNDING,
        trade_id=FIRST_TRADE_ID,
        last_id=FIRST_UPDATE_ID,
        held_due=NEVER,
    )
    seed_rng(line.rng, seed, 2)
    per_hour = {
        HICCUP: HICCUPS_PER_HOUR,
        NA_ROW: 60.0 * faults.na_rows_per_min,
        INSURANCE: faults.insurance_per_hour,
        SILENCE: faults.silences_per_hour,
        DROP: faults.drops_per_hour,
        DUPLICATE: faults.duplicates_per_hour,
        PU_BREAK: faults.pu_breaks_per_hour,
    }
    for oddity, often in per_hour.items():
        line.every[oddity] = 3600.0 * SECOND / often if often > 0.0 else 0.0
    start_oddities(line, now)
    return line


@entry
def start_oddities(line: Line, now: int) -> None:
    """Draw when each oddity happens first."""
    for oddity in range(ODDITIES):
        schedule(line, oddity, now)


@entry
def deliver(
    line: Line, messages: Messages, first: int, n: int, books: Int64s, trades: Int64s
) -> int:
    """Rows for the messages from `first` to `n`, until a block is full.

    `books` is (BOOK_ROWS, rows), `trades` (TRADE_ROWS, rows); `line.books` and `line.trades` say
    how many rows were written. Returns the first message that is still to be delivered.
    """
    line.books = 0
    line.trades = 0
    at = first
    while at < n and line.books + ROOM <= books.shape[1] and line.trades + ROOM <= trades.shape[1]:
        message = messages[at]
        time = message.time
        if something_before(line, time, books, trades):
            continue
        at += 1
        if time < line.silent_until:
            continue
        if message.what == BOOK:
            line.best_px = message.ask_px[0]
            if is_due(line, PU_BREAK, time):
                line.last_id += 1 + int(UPDATES * exponential(line.rng))
            else:
                hold(line, message)
            continue
        line.trade_id += 1
        line.trade_ms = time // MS
        if is_due(line, DROP, time):
            line.dropping = geometric(line.rng, DROPPED)
        if line.dropping > 0:
            line.dropping -= 1
        else:
            px = PX_UNITS * message.px
            send_trade(line, time, MARKET, message.side, px, message.qty, trades)
    return at


@kernel
def something_before(line: Line, time: int, books: Int64s, trades: Int64s) -> bool:
    """Let one thing happen that is due by `time`; False when there is none."""
    if line.held_due <= time:
        send_book(line, books)
    elif line.stall_at <= time:
        line.blocked_until = max(line.blocked_until, line.stall_at + line.stall)
        line.stall_at += FUNDING
    elif line.due[HICCUP] <= time:
        until = line.due[HICCUP] + int(HICCUP_MS * MS * exponential(line.rng))
        line.blocked_until = max(line.blocked_until, until)
        schedule(line, HICCUP, line.due[HICCUP])
    elif line.due[SILENCE] <= time:
        line.silent_until = line.due[SILENCE] + SILENCE_S * SECOND
        schedule(line, SILENCE, line.silent_until)
    elif line.due[NA_ROW] <= time:
        send_odd_trade(line, NA_ROW, trades)
    elif line.due[INSURANCE] <= time:
        send_odd_trade(line, INSURANCE, trades)
    else:
        return False
    return True


@kernel
def schedule(line: Line, oddity: int, now: int) -> None:
    """Draw when `oddity` happens next."""
    line.due[oddity] = NEVER
    if line.every[oddity] > 0.0:
        line.due[oddity] = now + 1 + int(line.every[oddity] * exponential(line.rng))


@kernel
def is_due(line: Line, oddity: int, time: int) -> bool:
    """Whether `oddity` happens now; if so, its next time is drawn."""
    if line.due[oddity] > time:
        return False
    schedule(line, oddity, time)
    return True


@kernel
def arrival(line: Line, sent: int) -> int:
    """The receiver's stamp of a frame sent at `sent`: never before that of the frame before."""
    there = sent + int((DELAY_MS + JITTER_MS * exponential(line.rng)) * MS)
    after = line.last_recv + FRAME_NS + int(FRAME_NS * uniform(line.rng))
    line.last_recv = max(there, after, line.blocked_until)
    return line.last_recv - line.clock_slow


@kernel
def stamp(line: Line, block: Int64s, row: int, sent: int, layout: int) -> None:
    """Write what rows of both blocks have, but for E and T."""
    block[SEQ, row] = line.seq
    block[RECV, row] = arrival(line, sent)
    block[LAYOUT, row] = layout
    if uniform(line.rng) < line.extra_key_share:
        block[LAYOUT, row] += EXTRA
    line.seq += 1


@kernel
def repeat(line: Line, block: Int64s, row: int, sent: int) -> int:
    """Perhaps the frame of `row` comes a second time, in the next row; how often it came."""
    if not is_due(line, DUPLICATE, sent):
        return 1
    for k in range(len(block)):
        block[k, row + 1] = block[k, row]
    block[SEQ, row + 1] = line.seq
    block[RECV, row + 1] = arrival(line, sent)
    line.seq += 1
    return 2


@kernel
def send_trade(
    line: Line, time: int, kind: int, side: int, px: int, qty: int, trades: Int64s
) -> None:
    """A trade frame; `px` in units of the wire."""
    row = line.trades
    layout = MARKET_LAYOUT
    if kind == NA:
        layout = NA_LAYOUT
    elif kind == INSURANCE_FUND:
        layout = INSURANCE_LAYOUT
    stamp(line, trades, row, time, layout)
    line.event_ms = max(line.event_ms, (time + TRADE_DELAY) // MS)
    trades[EVENT, row] = line.event_ms * MS
    trades[TXN, row] = time // MS * MS
    trades[TRADE_ID, row] = line.trade_id
    trades[PX, row] = px
    trades[QTY, row] = qty
    trades[SIDE, row] = side
    trades[KIND, row] = kind
    line.trades += repeat(line, trades, row, time)


@kernel
def send_odd_trade(line: Line, oddity: int, trades: Int64s) -> None:
    """An NA row, or an INSURANCE_FUND print off the book; none while there is silence."""
    time = line.due[oddity]
    schedule(line, oddity, time)
    if time < line.silent_until:
        return
    line.trade_id += 1
    if oddity == NA_ROW:
        send_trade(line, time, NA, -1, 0, 0, trades)
        return
    off = INSURANCE_TICKS_MIN + (INSURANCE_TICKS_MAX - INSURANCE_TICKS_MIN) * uniform(line.rng)
    side = 1 if uniform(line.rng) < 0.5 else -1
    px = PX_UNITS * (line.best_px + side * int(off))
    send_trade(line, time, INSURANCE_FUND, side, px, geometric(line.rng, 80.0), trades)


@kernel
def hold(line: Line, book: Message) -> None:
    """Keep a book until it is sent: a little after the instant it shows; a late one after its E."""
    sent = book.time + int(BOOK_DELAY_MS_MAX * MS * uniform(line.rng))
    line.held_late = uniform(line.rng) < line.late_book_share
    line.held_due = sent
    if line.held_late:
        late_ms = LATE_MS_MIN + (LATE_MS_MAX - LATE_MS_MIN) * uniform(line.rng)
        line.held_due += int(late_ms * MS)
    held = line.held
    # A print with T up to the book's is in the book: T is before the instant that is shown.
    last_change_ms = max(book.time // MS - 1 - int(2.0 * uniform(line.rng)), line.trade_ms)
    held[TXN] = last_change_ms * MS
    held[EVENT] = sent // MS * MS
    held[PREV_ID] = line.last_id
    held[FIRST_ID] = line.last_id + 1 + int(UPDATES_BETWEEN * exponential(line.rng))
    line.last_id = held[FIRST_ID] + int(UPDATES * exponential(line.rng))
    held[LAST_ID] = line.last_id
    for k in range(SHOWN):
        held[LEVEL + k] = PX_UNITS * book.bid_px[k]
        held[LEVEL + SHOWN + k] = book.bid_qty[k]
        held[LEVEL + 2 * SHOWN + k] = PX_UNITS * book.ask_px[k]
        held[LEVEL + 3 * SHOWN + k] = book.ask_qty[k]


@kernel
def send_book(line: Line, books: Int64s) -> None:
    """The held book is sent."""
    row = line.books
    if not line.held_late:
        line.event_ms = max(line.event_ms, line.held[EVENT] // MS)
        line.held[EVENT] = line.event_ms * MS
    for k in range(EVENT, BOOK_ROWS):
        books[k, row] = line.held[k]
    stamp(line, books, row, line.held_due, BOOK_LAYOUT)
    line.books += repeat(line, books, row, line.held_due)
    line.held_due = NEVER
