"""Everything counted, odd or not."""

from __future__ import annotations

from micropulse.record import Record, i8


class Counts(Record):
    """Everything counted, odd or not; run.json shows it all."""

    events: i8
    books: i8
    trades: i8
    prints: i8
    controls: i8
    not_prints: i8
    duplicate_books: i8
    duplicate_trades: i8
    late_trades: i8
    missed_trades: i8
    pu_breaks: i8
    crossed_books: i8
    one_sided_books: i8
    clock_backwards: i8
    clock_steps: i8
    time_jumps: i8  # of more than thirty days: not sampled
    disconnects: i8
    window_full: i8
    queue_full: i8
    walls_full: i8
    connections_full: i8
    walls: i8
    walls_cancelled: i8
    walls_eaten: i8
    walls_slid: i8
    walls_lost: i8
    refused_pending: i8
    refused_position: i8
    refused_stale: i8
    refused_flat: i8
    refused_sideless: i8
    refused_full: i8  # no slot is free for an order
    refused_cancel: i8  # a cancel or replace of what is no open order
    entries_beyond_depth: i8
    exits_beyond_depth: i8
    taken_full: i8
    limits_beyond_depth: i8  # a limit order took all that is visible and rests better than the rest
    queues_unseen: i8  # orders that came to rest where the book does not show
    queues_retaken: i8  # orders that rested through a gap
    prints_unseen: i8  # at the price of a resting order that is out of view: without effect
    prints_late: i8  # at the price of one, not later than the last book: without effect
    cancels_too_late: i8  # the order was filled or triggered before
    reports_full: i8  # news of orders that waited for the next
    marks: i8
    late_marks: i8  # mark prices older than the one before, as of another connection
    fundings: i8  # funding stamps that a position paid or received at
    funding_unknown: i8  # funding stamps crossed with a position and no rate
    band_unknown: i8  # prices that no mark price was there to judge
