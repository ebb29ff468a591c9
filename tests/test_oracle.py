"""The oracle's book, flow and move columns on logs small enough to work out by hand.

Each test holds the oracle to one sentence of docs/features.md; walls are in test_oracle_walls.py.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from micropulse.testing import split
from micropulse.testing.market import BTC
from micropulse.testing.markets import Stream, random_market, streams
from micropulse.testing.rows import rows_of
from tests.oracle import SELL, Book
from tests.oracle.features import Parameters, features
from tests.oracle.log import MS, Log, S
from tests.oracle.reading import read_frames
from tests.running import parameters

REAL = Path(__file__).parents[2] / "shared/data/btcusdt_usdm_20240808_235415_depth5_trade.gz"


# Ground rules.


def test_one_row_for_each_book_and_trade_and_none_for_control() -> None:
    log = Log().control(0, "RUN_START").book(1).trade(2).control(3, "TICK").trade(4, kind="NA")
    assert log.each("seq") == [1, 2, 4]
    assert log.each("event") == ["depth", "trade", "trade"]


def test_time_never_runs_back() -> None:
    log = Log().trade(20 * S, qty=3).trade(5 * S, qty=4).trade(29 * S)
    assert log.each("ts_recv") == [20 * S, 20 * S, 29 * S]
    assert log.each("buy_10s") == [3.0, 7.0, 8.0]  # the second counts as received at 20 s


def test_control_events_move_time_on() -> None:
    log = Log().trade(0, qty=3).control(10 * S, "TICK").trade(0, kind="NA")
    assert log.last("ts_recv", "buy_10s") == (10 * S, 0.0)


@pytest.mark.parametrize(("age", "inside"), [(10 * S - 1, 1.0), (10 * S, 0.0)])
def test_windows_exclude_their_old_border(age: int, inside: float) -> None:
    assert Log().trade(S).trade(S + age, kind="NA").last("buy_10s") == inside


def test_values_are_the_nearest_double() -> None:
    # 0.1 + 0.2 units of quantity: 0.3 and not 0.30000000000000004.
    log = Log().trade(0, qty=1).trade(1, qty=2)
    rows = list(features(log.events, 1, 1))
    assert rows[-1]["cvd"] == 0.3
    assert rows[-1]["avg_size_10s"] == 0.15


def test_a_duplicate_trade_gets_a_row_and_changes_nothing_but_time() -> None:
    log = Log().trade(0, qty=5, trade_id=7).trade(S, qty=9, trade_id=7)
    assert log.each("cvd") == [5.0, 5.0]
    assert log.each("tps_1s") == [1.0, 0.0]


def test_an_id_is_forgotten_when_a_younger_one_takes_its_slot() -> None:
    log = Log().trade(0, trade_id=1).trade(0, trade_id=1 + 65_536).trade(0, trade_id=1)
    assert log.each("tps_10s") == [0.1, 0.2, 0.2]  # older than what its slot remembers


def test_a_duplicate_book_changes_nothing() -> None:
    log = Log().book(0, u=5).book(0, asks={300: 1}, u=5).book(0, asks={300: 1}, u=4)
    assert log.each("mid") == [100.5, 100.5, 100.5]
    assert log.book(0, asks={300: 1}, u=6).last("mid") == 200.0


@pytest.mark.parametrize(
    ("kind", "px", "qty", "counts"),
    [
        ("MARKET", 101, 5, True),
        ("RPI", 101, 5, True),
        ("NA", 101, 5, False),
        ("INSURANCE_FUND", 101, 5, False),
        ("ADL", 101, 5, False),
        ("OTHER", 101, 5, False),
        ("MARKET", 0, 5, False),
        ("MARKET", 101, 0, False),
    ],
)
def test_only_prints_are_flow(kind: str, px: int, qty: int, counts: bool) -> None:
    log = Log().trade(0, qty, px=px, kind=kind)
    assert log.last("cvd", "tps_1s") == ((5.0, 1.0) if counts else (0.0, 0.0))


# Book.


def test_book_columns() -> None:
    log = Log().book(0, bids={100: 30, 99: 10}, asks={102: 10, 103: 30, 104: 40})
    # microprice (102 x 30 + 100 x 10) / 40 = 101.5; obi (40 - 80) / 120.
    assert log.last("mid", "spread", "microprice", "obi") == (101.0, 2.0, 101.5, -1 / 3)


def test_columns_of_a_book_without_quantities() -> None:
    log = Log().book(0, bids={100: 0}, asks={101: 0})
    assert log.last("mid", "microprice", "obi") == (100.5, 100.5, None)


def test_book_columns_are_null_before_a_book_and_when_a_side_is_empty() -> None:
    log = Log().trade(0).book(0, asks={}).book(0, bids={})
    for column in ("mid", "spread", "microprice", "obi"):
        assert log.each(column) == [None, None, None]


def test_a_book_is_stale_after_the_last_open_connection_until_the_next_book() -> None:
    log = Log().control(0, "CONNECT", 1).book(0).control(1, "CONNECT", 2)
    log.control(2, "DISCONNECT", 1).trade(3)  # one is still open
    log.control(4, "DISCONNECT", 2).trade(5).book(6, u=1).book(7)  # u=1: a duplicate
    assert log.each("book_stale") == [False, False, True, True, False]
    assert log.each("mid") == [100.5] * 5


@pytest.mark.parametrize("kind", ["RUN_START", "RUN_STOP"])
def test_a_start_or_stop_of_the_recorder_closes_every_connection(kind: str) -> None:
    log = Log().control(0, "CONNECT", 1).control(0, "CONNECT", 2).book(0).control(1, kind)
    assert log.trade(2).last("book_stale") is True


# Flow.


def test_volumes_by_side() -> None:
    log = Log().trade(0, 5).trade(6 * S, 3, SELL).trade(12 * S, 4)
    assert log.last("cvd", "buy_10s", "sell_10s", "cvd_10s") == (6.0, 4.0, 3.0, 1.0)


def test_rates_and_sizes() -> None:
    log = Log().trade(0, 9).trade(5 * S, 2).trade(9 * S, 4).trade(9 * S, 6, txn=9 * S)
    log.trade(9 * S + 500 * MS, 3)
    # 10 s: five prints, four parents (the two at 9 s are one of 10). 1 s: three and two.
    assert log.last("tps_1s", "tps_10s", "ops_1s", "ops_10s") == (3.0, 0.5, 2.0, 0.4)
    assert log.last("avg_size_10s", "avg_order_10s") == (4.8, 6.0)
    assert log.last("acceleration", "order_acceleration") == (6.0, 5.0)


def test_averages_are_null_and_accelerations_zero_without_prints() -> None:
    log = Log().trade(0, kind="NA")
    assert log.last("avg_size_10s", "avg_order_10s") == (None, None)
    assert log.last("acceleration", "order_acceleration") == (0.0, 0.0)


def test_a_parent_is_one_t_and_side() -> None:
    log = Log().trade(0, txn=1).trade(0, txn=1).trade(0, side=SELL, txn=1).trade(0, side=SELL)
    assert log.each("ops_1s") == [1.0, 1.0, 2.0, 3.0]


def test_a_print_between_splits_a_parent_but_a_no_print_does_not() -> None:
    log = Log().trade(0, txn=1).trade(0, txn=2).trade(0, txn=1)
    assert log.last("ops_1s") == 3.0
    log = Log().trade(0, txn=1).trade(0, txn=2, kind="NA").trade(0, txn=1)
    assert log.last("ops_1s") == 1.0


def test_a_disconnect_ends_a_parent() -> None:
    log = Log().control(0, "CONNECT").trade(0, txn=1).control(0, "DISCONNECT").trade(0, txn=1)
    assert log.last("ops_1s") == 2.0


def test_a_parent_counts_at_its_first_print_with_all_its_volume() -> None:
    log = Log().trade(0, 2, txn=1).trade(6 * S, 4, txn=1)
    assert log.last("ops_10s", "avg_order_10s") == (0.1, 6.0)
    log.trade(10 * S, 8, txn=1)  # its first print has left the window: no parent, yet volume
    assert log.last("ops_10s", "avg_order_10s", "buy_10s") == (0.0, None, 12.0)


@pytest.mark.parametrize(("age", "warm"), [(10 * S - 1, False), (10 * S, True)])
def test_warm_ten_seconds_after_the_first_event(age: int, warm: bool) -> None:
    log = Log().control(0, "RUN_START").book(5 * S).trade(5 * S + age)
    assert log.last("warm_10s") is warm


def test_a_disconnect_makes_cold_until_ten_seconds_after_the_next_event() -> None:
    log = Log().control(0, "CONNECT").book(0).trade(10 * S).control(11 * S, "DISCONNECT")
    log.trade(30 * S).trade(39 * S).trade(40 * S)
    assert log.each("warm_10s") == [False, True, False, False, True]


def test_a_jump_of_ids_is_missed_for_ten_seconds() -> None:
    log = Log().trade(0, trade_id=10).trade(S, trade_id=14).trade(11 * S - 1).trade(11 * S)
    assert log.each("missed_10s") == [0.0, 3.0, 3.0, 0.0]


def test_a_no_print_counts_as_an_id() -> None:
    log = Log().trade(0, trade_id=10).trade(0, trade_id=11, kind="NA").trade(0, trade_id=12)
    assert log.last("missed_10s") == 0.0


def test_a_late_id_takes_one_back_and_is_flow() -> None:
    log = Log().trade(0, trade_id=10).trade(0, trade_id=13).trade(0, trade_id=11)
    assert log.each("missed_10s") == [0.0, 2.0, 1.0]
    assert log.last("cvd") == 3.0
    log.trade(0, trade_id=5)  # below the first: nobody missed it
    assert log.last("missed_10s", "cvd") == (1.0, 4.0)


def test_a_jump_is_pending_while_two_connections_are_open() -> None:
    log = Log().control(0, "CONNECT", 1).trade(0, trade_id=10).control(0, "CONNECT", 2)
    log.trade(S, trade_id=15).trade(2 * S, trade_id=12).control(20 * S, "DISCONNECT", 1)
    log.trade(20 * S, trade_id=16).trade(30 * S, trade_id=17)
    # 11, 13 and 14 have not come when the connections are one again, at 20 s.
    assert log.each("missed_10s") == [0.0, 0.0, 0.0, 3.0, 0.0]


# Moves.


def test_spikes_measure_the_mid_against_the_window() -> None:
    log = Log().book(0, {99: 1}, {101: 1}).book(S // 2, {109: 1}, {111: 1})
    assert log.last("spike_up", "spike_down") == (0.1, 0.0)
    log.book(S - 1, {98: 1}, {100: 1})  # mid 99 against 100 and 110
    assert log.last("spike_up", "spike_down") == (0.0, 0.1)
    log.book(S, {101: 1}, {103: 1})  # mid 102; the first book has left, 99 is the lowest
    assert log.last("spike_up", "spike_down") == (float(Fraction(3, 99)), float(Fraction(8, 110)))


def test_spikes_are_null_when_the_window_holds_no_book() -> None:
    log = Log().trade(0).book(0).trade(S - 1).trade(S)
    assert log.each("spike_up") == [None, 0.0, 0.0, None]


def test_duplicates_and_one_sided_books_are_no_books_to_a_spike() -> None:
    log = Log().book(0, {99: 1}, {101: 1}).book(S // 2, {1: 1}, {3: 1}, u=1)
    log.book(S // 2, {104: 1}, {})
    assert log.last("mid", "spike_up") == (None, 0.0)  # by the last known mid
    assert log.trade(S).last("spike_up") is None


def test_the_spike_window_is_a_parameter() -> None:
    log = Log(Parameters(spike_window_ms=2000)).book(0, {99: 1}, {101: 1})
    assert log.book(2 * S - 1, {109: 1}, {111: 1}).last("spike_up") == 0.1


# The streams other tests are made of, and reading.


@settings(max_examples=40, deadline=None)
@given(stream=streams(), chosen=parameters())
def test_any_stream_gives_a_row_for_each_book_and_trade(stream: Stream, chosen: Parameters) -> None:
    scale = stream.scale
    rows = list(features(stream.rows, scale.px_decimals, scale.qty_decimals, chosen))
    assert [row["seq"] for row in rows] == [r.seq for r in stream.rows if hasattr(r, "ts_txn")]
    assert rows_of(stream.events) == list(stream.rows)


def test_a_stream_split_by_seq_is_the_same_stream() -> None:
    stream = random_market(1, 500)
    batches = split(stream.events, [0, 120, 120, 333])
    assert [batch.n for batch in batches] == [0, 120, 0, 213, 167]
    assert [row for batch in batches for row in rows_of(batch)] == list(stream.rows)


def test_walls_come_and_end_both_ways_in_a_random_market() -> None:
    stream = random_market(1, 6000)
    rows = list(features(stream.rows, BTC.px_decimals, BTC.qty_decimals))
    assert {row["removed_wall_kind"] for row in rows} == {None, "cancelled", "eaten"}
    assert sum(row["bid_wall_px"] is not None for row in rows) > 100


def test_the_real_capture_reads() -> None:
    if not REAL.exists():
        pytest.skip("the recorded capture is not here; see docs on where to put it")
    events = list(read_frames(REAL, 2, 3))
    assert len(events) == 24_746
    assert events[0] == Book(
        seq=0,
        ts_recv=1723161255290658066,
        ts_event=1723161256560 * MS,
        ts_txn=1723161256559 * MS,
        first_id=5123107850310,
        last_id=5123107856210,
        prev_id=5123107850146,
        conn=0,
        depth=5,
        bids=((6180020, 2890), (6180010, 696), (6180000, 20004), (6179990, 4), (6179970, 1795)),
        asks=((6180030, 1088), (6180070, 2), (6180100, 3), (6180200, 2), (6180280, 586)),
    )
    rows = list(features(events[:2000], 2, 3))
    assert rows[0]["mid"] == 61800.25
    assert rows[0]["obi"] == float(Fraction(25389 - 1681, 25389 + 1681))
    assert (rows[1]["cvd"], rows[1]["event"]) == (0.003, "trade")
