"""The auditor finds nothing wrong with a run, whatever happens, and finds what is made wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.testing.market import BTC, SECOND
from micropulse.testing.markets import Stream, random_market, streams
from replay.audit.auditor import Run, audit
from replay.audit.codes import ACCEPTED
from tests.audited import DICE_ORDERS, NASTY, RHYTHM, TICK, Die, Handmade, trade_with
from tests.oracle import Book
from tests.oracle.reading import read_frames
from tests.running import REAL

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
    st.sampled_from((4, 6, 16)),
    st.sampled_from((50, 60, 1_000)),
    st.sampled_from((None, NASTY)),
    st.sampled_from((0, -1, SECOND)),
)
def test_nasty_streams_pass_the_audit(
    stream: Stream, sets: list[str], faces: int, usual: int, limits: Any, sample_every: int
) -> None:
    lot = stream.scale.lot
    die = Die(faces, 1, usual * lot // BTC.lot, 2_000 * lot)
    sets += die.sets
    run, _ = trade_with(RHYTHM, stream.rows, sets, stream.scale, sample_every, limits)
    assert audit(run, die.asks(stream.rows)) == []


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
    ids=["rhythm", "rhythm-jitter", "wall_break", "obi_revert"],
)
def test_real_frames_pass_the_audit(strategy: str, sets: list[str]) -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    rows = list(read_frames(REAL, 2, 3))
    run, _ = trade_with(strategy, rows, sets, sample_every=SECOND)
    assert len(run.trips) > 0
    assert audit(run) == []


# ---- the auditor finds what is wrong ---------------------------------------------------------


def market_run() -> Run:
    stream, die = random_market(5, 800), Die(20)
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


@pytest.mark.parametrize(
    ("table", "field", "by"),
    [("fills", "maker", -1), ("fills", "qty", 1), ("orders", "ahead", 1), ("orders", "px", TICK)],
)
def test_the_auditor_sees_a_number_of_a_resting_order_that_is_off(
    table: str, field: str, by: int
) -> None:
    run = trade_with(DICE_ORDERS, random_market(5, 800).rows, ["execution.latency=10"]).run
    rows = getattr(run, table)
    rested = (rows["maker"] if table == "fills" else rows["status"] == ACCEPTED).nonzero()[0]
    rows[rested[-1]][field] += by
    assert any(f"{field} expected" in sentence for sentence in audit(run))


@pytest.mark.parametrize("table", ["fills", "orders", "trips"])
def test_the_auditor_sees_a_row_too_few_and_a_row_too_many(table: str) -> None:
    run = market_run()
    rows = getattr(run, table)
    assert ["expected a row" in s for s in audit(run._replace(**{table: rows[:-1]}))] == [True]
    more = rows[[*range(len(rows)), -1]]
    assert ["expected no row" in s for s in audit(run._replace(**{table: more}))] == [True]


def test_the_auditor_sees_a_slice_moved_to_a_later_book() -> None:
    run = market_run()
    filled = int(run.fills[-9]["seq"])
    later = next(row for row in run.events if row.seq > filled and isinstance(row, Book))
    for field, value in (("seq", later.seq), ("ts", later.ts_recv), ("txn", later.ts_txn)):
        run.fills[-9][field] = value
    order = int(run.fills[-9]["order_id"])
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
    run, die = market_run(), Die(20)
    run.counts["refused_flat"] -= 1
    assert audit(run) == []
    assert "refused_flat expected" in audit(run, die.asks(run.events))[0]
