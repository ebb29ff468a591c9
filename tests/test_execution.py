"""What becomes of an order: each rule of docs/execution.md on a tape made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from micropulse.testing.market import MS
from replay.audit.auditor import Run, audit
from replay.audit.codes import (
    ABOVE_MAX_QTY,
    BAD_STEP,
    BELOW_MIN_NOTIONAL,
    BELOW_MIN_QTY,
    BEYOND_DEPTH,
    EXPIRED,
    FILLED,
    LOST_CONNECTION,
    NO_BOOK,
    NO_NOTE,
    PARTIAL,
    REJECTED,
    SUBMITTED,
    UNKNOWN,
)
from tests.audited import (
    ASKS,
    BIDS,
    NASTY,
    PX,
    TICK,
    Handmade,
    exchange_ns,
    received_ns,
)
from tests.oracle import BUY, SELL, Level

ASK = PX + TICK


def states(run: Run) -> list[tuple[int, int]]:
    """Id and status of each row of orders."""
    return [(int(row["id"]), int(row["status"])) for row in run.orders]


def slices(run: Run, *names: str) -> list[tuple[int, ...]]:
    return [tuple(int(row[name]) for name in names) for row in run.fills]


def clean(run: Run) -> Run:
    """The run, after the auditor."""
    assert audit(run) == []
    return run


# ---- when an order arrives -------------------------------------------------------------------


@pytest.mark.parametrize(("late_ms", "fills_on"), [(50, 1), (51, 2)])
def test_a_book_older_than_the_order_fills_nothing(late_ms: int, fills_on: int) -> None:
    tape = Handmade().book(0).book(150, late_ms=late_ms).book(160)
    run = clean(tape.run("b", 20, "execution.latency=100"))
    assert slices(run, "seq") == [(fills_on,)]
    assert run.orders[0]["arrival"] == exchange_ns(100)


def test_a_stall_of_seconds_fills_nothing_until_fresh_books_come() -> None:
    tape = Handmade().book(0)
    for ms in range(2_100, 3_000, 100):
        tape.book(ms, late_ms=ms - 90)  # all are of the 90th millisecond
    run = clean(tape.book(3_000).run("b", 20, "execution.latency=100"))
    assert slices(run, "seq", "txn") == [(len(tape.rows) - 1, exchange_ns(3_000))]


@pytest.mark.parametrize(("ms", "fills_on"), [(99, 2), (100, 1)])
def test_a_book_received_before_the_order_is_ready_fills_nothing(ms: int, fills_on: int) -> None:
    """However far ahead its T is."""
    tape = Handmade().book(0).book(ms, late_ms=-500).book(700)
    run = clean(tape.run("b", 20, "execution.latency=100"))
    assert slices(run, "seq") == [(fills_on,)]


def test_an_order_never_fills_on_the_book_it_was_decided_on_nor_on_a_duplicate() -> None:
    run = clean(Handmade().book(0).book(10, again=True).book(20).run("b"))
    assert slices(run, "seq") == [(2,)]


def test_tape_jitter_adds_how_late_the_last_row_was() -> None:
    tape = Handmade().book(0).book(10, late_ms=30).book(49).book(50)
    run = clean(tape.run(".b", 20, "execution.latency=10", "execution.tape_jitter=true"))
    assert run.orders[0]["latency_ns"] == 40 * MS
    assert slices(run, "seq") == [(3,)]


def test_the_clock_offset_is_that_of_the_last_minute() -> None:
    """The first row is 500 ms fresher than all others, and a minute old."""
    for start, ahead_ms in ((1, 500), (0, 0)):
        tape = Handmade().book(start, late_ms=-500).book(10).book(60_000).book(60_600)
        run = clean(tape.run("..b"))
        assert run.orders[0]["arrival"] == exchange_ns(60_000 + ahead_ms)


def test_after_a_clock_step_the_next_row_says_when_an_order_arrives() -> None:
    tape = Handmade().book(0).control(10, "CLOCK_STEP").book(200, late_ms=-5_000)
    run = clean(tape.run(".b"))
    assert run.orders["arrival"].tolist() == [UNKNOWN, exchange_ns(10 + 5_000)]
    assert states(run) == [(0, SUBMITTED), (0, FILLED)]


def test_a_clock_step_changes_nothing_for_an_order_under_way() -> None:
    tape = Handmade().book(0).control(10, "CLOCK_STEP").book(20, late_ms=-5_000)
    run = clean(tape.run("b"))
    assert run.orders["arrival"].tolist() == [exchange_ns(0)] * 2


# ---- at what price ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prints", "px"),
    [
        ([(60, ASK + 30, BUY, "MARKET"), (70, ASK + 50, BUY, "MARKET")], ASK + 30),
        ([(60, ASK - 30, BUY, "MARKET"), (70, ASK + 50, BUY, "MARKET")], ASK),
        ([(49, ASK + 30, BUY, "MARKET")], ASK),  # before the order
        ([(50, ASK + 30, BUY, "MARKET")], ASK + 30),
        ([(60, ASK + 30, SELL, "MARKET")], ASK),
        ([(60, ASK + 30, BUY, "RPI")], ASK),
        ([(60, ASK + 30, BUY, "ADL"), (60, ASK + 20, BUY, "MARKET")], ASK + 20),
        ([(101, ASK + 30, BUY, "MARKET")], ASK),  # after the book
    ],
)
def test_a_fill_is_never_better_than_the_first_print(
    prints: list[tuple[int, int, int, str]], px: int
) -> None:
    """Bought at the start, at the exchange from its 50th ms on; the book is of its 100th."""
    tape = Handmade().book(0)
    for i, (ms, print_px, side, kind) in enumerate(prints):
        tape.trade(100 + i, print_px, side, kind, late_ms=100 + i - ms)
    run = clean(tape.book(110, late_ms=10).run("b", 20, "execution.latency=50"))
    assert slices(run, "px", "level_px") == [(px, ASK)]


def test_a_sale_is_bound_by_prints_below() -> None:
    tape = Handmade().book(0).trade(60, PX - 30, SELL).trade(70, PX - 50, SELL).book(100)
    assert slices(clean(tape.run("s")), "px", "level_px") == [(PX - 30, PX)]


def test_an_order_walks_the_levels_and_its_remainder_is_cancelled() -> None:
    run = clean(Handmade().book(0).book(100).book(200).run("b", 300))
    assert slices(run, "seq", "slice_no", "px", "qty") == [
        (1, i, px, qty) for i, (px, qty) in enumerate(ASKS)
    ]
    last = run.orders[-1]
    assert (last["status"], last["note"], last["filled"]) == (EXPIRED, BEYOND_DEPTH, 250)
    assert run.counts.entries_beyond_depth == 1
    assert run.account.qty == 250


def test_the_remainder_of_an_exit_waits_for_the_next_books() -> None:
    tape = Handmade().book(0).book(100)
    thin = [(PX, 30), (PX - TICK, 20)]
    run = clean(tape.book(200, thin).book(300, thin).book(400, BIDS[2:]).run("bx", 100))
    assert states(run)[2:] == [(1, SUBMITTED), (1, PARTIAL), (1, FILLED)]
    assert slices(run, "order_id", "seq", "slice_no", "qty")[2:] == [
        (1, 2, 0, 30), (1, 2, 1, 20), (1, 4, 2, 50),
    ]  # fmt: skip
    assert run.counts.exits_beyond_depth == 2
    assert run.account.qty == 0 and len(run.trips) == 1


def shows(qty: int) -> list[Level]:
    """Asks with so much at the best price; 0: the level is gone."""
    return [(px, q) for px, q in [(ASK, qty), (ASK + TICK, 500)] if q]


OUT_OF_VIEW = [(ASK - TICK, 1)]


@pytest.mark.parametrize(
    ("between", "px"),
    [
        ([shows(50), shows(50)], ASK + TICK),  # ours is gone, the level has not grown
        ([shows(50), shows(51)], ASK),
        ([shows(40), shows(40)], ASK + TICK),
        ([shows(40), shows(50)], ASK),  # ten more than before
        ([shows(0), shows(50)], ASK),
        ([OUT_OF_VIEW, shows(50)], ASK + TICK),
        ([OUT_OF_VIEW, shows(51)], ASK),
    ],
)
def test_depth_we_took_is_not_there_until_it_grows(between: list[Any], px: int) -> None:
    lower = [(bid - 5 * TICK, qty) for bid, qty in BIDS]
    tape = Handmade().book(0, lower).book(100, lower, shows(50))
    for i, asks in enumerate(between):
        tape.book(200 + i, lower, asks)
    run = clean(tape.run("bxb", 50))
    bought = [(fill["px"], fill["qty"]) for fill in run.fills if fill["side"] == BUY]
    assert bought == [(ASK, 50), (px, 50)]


# ---- refused, rejected -----------------------------------------------------------------------


def test_what_must_be_refused_is_refused_and_counted() -> None:
    tape = Handmade().book(0).trade(10, PX).book(20).book(30).book(40).control(50, "DISCONNECT")
    run = clean(tape.run("bbbx" + "xb"))
    counts = run.counts
    assert counts.refused_pending == 1
    assert counts.refused_position == 1
    assert counts.refused_flat == 1
    assert counts.refused_stale == 1
    assert states(run) == [(0, SUBMITTED), (0, FILLED), (1, SUBMITTED), (1, FILLED)]


@pytest.mark.parametrize(
    ("qty", "note"),
    [
        (7, BAD_STEP),
        (5, BELOW_MIN_QTY),
        (2_005, ABOVE_MAX_QTY),
        (10, BELOW_MIN_NOTIONAL),
        (15, NO_NOTE),
        (0, NO_NOTE),
    ],
)
def test_what_the_exchange_would_reject_is_rejected(qty: int, note: int) -> None:
    run = clean(Handmade().book(0).book(100).run("b", qty, limits=NASTY))
    first = run.orders[0]
    assert (first["status"], first["note"]) == (REJECTED if note else SUBMITTED, note)
    assert run.account.rejected == (note != NO_NOTE)
    assert qty or first["qty"] == 15  # the smallest that is taken
    assert len(run.fills) == (note == NO_NOTE)


@pytest.mark.parametrize("asks", [(), ASKS])
def test_without_a_book_of_two_sides_there_is_nothing_to_trade_on(asks: Sequence[Level]) -> None:
    run = clean(Handmade().trade(0, PX).book(1, (), asks).book(2).run("b" + "b"))
    assert run.orders["note"].tolist() == [NO_BOOK, NO_BOOK]


def test_an_exit_need_not_meet_the_minimum_notional() -> None:
    """Ten are left to a position whose entry found no more."""
    tape = Handmade().book(0).book(100, BIDS, [(ASK, 10)]).book(200)
    run = clean(tape.run("bx", 50, limits=NASTY))
    assert states(run)[1:] == [(0, EXPIRED), (1, SUBMITTED), (1, FILLED)]


# ---- when the feed is lost -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["DISCONNECT", "RUN_STOP", "RUN_START"])
def test_an_entry_in_flight_expires_with_the_feed(kind: str) -> None:
    run = clean(Handmade().book(0).control(10, kind).book(100).run("b"))
    assert states(run) == [(0, SUBMITTED), (0, EXPIRED)]
    assert run.orders[-1]["note"] == LOST_CONNECTION
    assert run.orders[-1]["status_ts"] == received_ns(10)
    assert len(run.fills) == 0


def test_an_exit_in_flight_fills_after_the_gap_and_says_so() -> None:
    tape = Handmade().book(0).book(100).control(110, "DISCONNECT").control(5_000, "CONNECT")
    run = clean(tape.book(5_100, late_ms=5_050).book(5_200).run("bx"))
    assert slices(run, "order_id", "seq") == [(0, 1), (1, 5)]
    assert run.orders["after_gap"].tolist() == [0, 0, 0, 1]
    assert run.trips["after_gap"].tolist() == [1]


def test_an_order_survives_the_end_of_one_of_two_connections() -> None:
    tape = Handmade().control(0, "CONNECT", 1).control(0, "CONNECT", 2).book(1)
    run = clean(tape.control(2, "DISCONNECT", 1).book(3).run("..b"))
    assert slices(run, "seq") == [(4,)]


@pytest.mark.parametrize("twice", [("CONNECT", 1), ("DISCONNECT", 2)])
def test_a_connection_event_that_comes_twice_counts_once(twice: tuple[str, int]) -> None:
    tape = Handmade().control(0, "CONNECT", 1).control(0, *twice).book(1)
    run = tape.control(2, "DISCONNECT", 1).book(3).run("..b")
    clean(run)
