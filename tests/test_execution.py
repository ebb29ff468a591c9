"""What becomes of an order: the auditor finds nothing, each rule by hand, and it can find things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audited import (
    ASKS,
    BIDS,
    NASTY,
    PX,
    RHYTHM,
    TICK,
    Die,
    Handmade,
    exchange_ns,
    received_ns,
    trade_with,
    well_formed,
)
from tests.oracle import BUY, SELL, Level
from tests.oracle.audit import Run, audit
from tests.oracle.exchange import (
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
from tests.oracle.market import MS, SECOND
from tests.oracle.reading import read_frames
from tests.running import REAL
from tests.streams import BTC, Stream, random_market, streams

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


# ---- nothing is wrong, whatever happens ------------------------------------------------------


def execution_sets() -> st.SearchStrategy[list[str]]:
    return st.builds(
        lambda latency, jitter, fee: [
            f"execution.latency={latency}",
            f"execution.tape_jitter={str(jitter).lower()}",
            f"execution.taker_fee={fee}",
        ],
        st.sampled_from((0, 10, 100, 2_500)),
        st.booleans(),
        st.sampled_from(("0.0005", "0.00012345")),
    )


@given(
    streams(),
    execution_sets(),
    st.builds(
        Die, st.sampled_from((4, 6, 16)), st.sampled_from((1, 3)), st.sampled_from((60, 1_000))
    ),
    st.sampled_from((None, NASTY)),
    st.sampled_from((0, -1, SECOND)),
)
def test_nasty_streams_pass_the_audit(
    stream: Stream, sets: list[str], die: Die, limits: Any, sample_every: int
) -> None:
    rows = well_formed(stream.rows)
    scale = stream.scale
    run, _ = trade_with(RHYTHM, rows, [*sets, *die.sets], scale, sample_every, limits)
    assert audit(run, die.asks(rows)) == []


@pytest.mark.parametrize("latency", [0, 10, 100, 2_500])
@pytest.mark.parametrize("jitter", ["true", "false"])
def test_long_markets_pass_the_audit(latency: int, jitter: str) -> None:
    stream, die = random_market(latency, 3_000), Die(30)
    sets = [f"execution.latency={latency}", f"execution.tape_jitter={jitter}", *die.sets]
    run, _ = trade_with(RHYTHM, stream.rows, sets)
    assert len(run.trips) > 5
    assert run.counts.entries_beyond_depth and run.counts.exits_beyond_depth
    assert audit(run, die.asks(stream.rows)) == []


@pytest.mark.parametrize(
    ("strategy", "sets"),
    [
        (RHYTHM, Die(300).sets),
        (RHYTHM, [*Die(200).sets, "execution.latency=10", "execution.tape_jitter=true"]),
        ("wall_break", ["exit.tp_ticks=12"]),
        ("obi_revert", []),
    ],
)
def test_real_frames_pass_the_audit(strategy: str, sets: list[str]) -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    rows = list(read_frames(REAL, 2, 3))
    run, _ = trade_with(strategy, rows, sets, sample_every=SECOND)
    assert len(run.trips) > 0
    clean(run)


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
    for i, (ms, *trade) in enumerate(prints):
        tape.trade(100 + i, *trade, late_ms=100 + i - ms)
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
    assert states(run)[2:] == [(1, SUBMITTED), (1, PARTIAL), (1, PARTIAL), (1, FILLED)]
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
        (-5, BELOW_MIN_QTY),
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


@pytest.mark.xfail(reason="the core counts connections, it does not know which are open")
@pytest.mark.parametrize("twice", [("CONNECT", 1), ("DISCONNECT", 2)])
def test_a_connection_event_that_comes_twice_counts_once(twice: tuple[str, int]) -> None:
    tape = Handmade().control(0, "CONNECT", 1).control(0, *twice).book(1)
    run = tape.control(2, "DISCONNECT", 1).book(3).run("..b")
    clean(run)


# ---- the auditor finds what is wrong ---------------------------------------------------------


def market_run() -> Run:
    stream, die = random_market(5, 1_500), Die(30)
    return trade_with(RHYTHM, stream.rows, [*die.sets, "execution.latency=10"]).run


@pytest.mark.parametrize(
    ("table", "field", "by"),
    [
        *(("fills", field, 1) for field in ("seq", "ts", "txn", "px", "level_px", "qty", "fee")),
        ("fills", "px", -TICK),
        ("fills", "fee", -1),
        ("orders", "arrival", -1),
        ("orders", "ready_ts", -1),
        ("orders", "mid2", 1),
        ("orders", "books", 1),
        ("orders", "note", 1),
        ("orders", "status_seq", 1),
        ("orders", "after_gap", 1),
        *(("trips", field, 1) for field in ("gross", "fees", "net", "entry_ts", "exit_ts")),
        *(("trips", field, 1) for field in ("entry_slippage", "exit_slippage")),
        *(("trips", field, TICK) for field in ("worst_px", "best_px")),
        *(("trips", field, 1) for field in ("entry_reason", "exit_reason")),
        *(("samples", field, 1) for field in ("cash", "qty", "equity")),
    ],
)
def test_the_auditor_sees_a_number_that_is_off(table: str, field: str, by: int) -> None:
    run = market_run()
    row = getattr(run, table)[-1]
    row[field] += by
    (sentence,) = audit(run)
    assert f"{field} expected {row[field] - by}, seen {row[field]}" in sentence


@pytest.mark.parametrize("table", ["fills", "orders", "trips"])
def test_the_auditor_sees_a_row_too_few_and_a_row_too_many(table: str) -> None:
    run = market_run()
    rows = getattr(run, table)
    assert ["expected a row" in s for s in audit(run._replace(**{table: rows[:-1]}))] == [True]
    more = rows[[*range(len(rows)), -1]]
    assert ["expected no row" in s for s in audit(run._replace(**{table: more}))] == [True]


def test_the_auditor_sees_a_slice_moved_to_a_later_book() -> None:
    run = market_run()
    filled = int(run.fills[-1]["seq"])
    later = next(row for row in run.events[filled + 1 :] if hasattr(row, "bids"))
    for field, value in (("seq", later.seq), ("ts", later.ts_recv), ("txn", later.ts_txn)):
        run.fills[-1][field] = value
    order = int(run.fills[-1]["order_id"])
    found = audit(run)
    assert found and all(sentence.startswith(f"fill of order {order}") for sentence in found)
    assert f"seq expected {filled}, seen {later.seq}" in found[0]


def test_the_auditor_sees_an_order_that_had_to_be_refused() -> None:
    run = Handmade().book(0).book(100).book(200).run("b")
    first, last = run.orders
    again = run.orders[[0, 1, 0]]
    again[2]["id"], again[2]["seq"], again[2]["status_seq"] = 1, 1, 1
    assert (first["id"], last["id"]) == (0, 0)
    found = audit(run._replace(orders=again))
    assert "1 orders were taken that must be refused_position" in found


@pytest.mark.parametrize("field", ["cash", "fees", "gross", "fills", "trips", "orders"])
def test_the_auditor_sees_totals_that_are_off(field: str) -> None:
    run = market_run()
    run.account[field] += 1
    (sentence,) = audit(run)
    assert sentence.startswith(f"{field} expected")


def test_the_auditor_sees_a_refusal_that_was_not_counted() -> None:
    run, die = market_run(), Die(30)
    run.counts["refused_flat"] -= 1
    assert audit(run) == []
    assert "refused_flat expected" in audit(run, die.asks(run.events))[0]
