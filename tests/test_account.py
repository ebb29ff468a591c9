"""Money and positions: every number by hand once, and the sums over whole markets to the unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given

from micropulse.schema import SECOND
from micropulse.testing.market import BTC, CLOCK_OFFSET, MS, START, TINY
from micropulse.testing.markets import Stream, play, random_market, streams
from replay.audit.auditor import audit, replay
from replay.audit.ledger import Shown
from tests.audited import (
    ASKS,
    BIDS,
    PX,
    RHYTHM,
    TICK,
    Audited,
    Die,
    Handmade,
    planned,
    received_ns,
    trade_with,
)
from tests.oracle import BUY, SELL, Book, Event, Level

ASK = PX + TICK
UNIT = 1_000  # money in one price unit x one quantity unit: 10⁻⁸ / (10⁻² x 10⁻³)
FUNDING = 8 * 3_600 * SECOND


def moved(ticks: int) -> tuple[list[Level], list[Level]]:
    """The usual book so many ticks higher."""
    up = ticks * TICK
    return [(px + up, qty) for px, qty in BIDS], [(px + up, qty) for px, qty in ASKS]


# ---- by hand ---------------------------------------------------------------------------------


def test_a_round_trip_by_hand() -> None:
    tape = Handmade().book(0).book(1_000, *moved(3)).book(2_000, *moved(7)).book(3_000, *moved(5))
    run = tape.run("b.x", 60)
    assert audit(run) == []
    (trip,) = run.trips
    paid = ((ASK + 30) * 50 + (ASK + 40) * 10) * UNIT
    got = ((PX + 50) * 50 + (PX + 40) * 10) * UNIT
    fees = (paid + got) // 2_000  # 0.05 %, and nothing to round here
    assert trip["entry_notional"] == paid and trip["exit_notional"] == got
    assert trip["gross"] == got - paid and trip["fees"] == fees
    assert trip["net"] == trip["gross"] - fees == run.account.cash
    assert (trip["entry_ts"], trip["exit_ts"]) == (received_ns(1_000), received_ns(3_000))
    assert (trip["entry_reason"], trip["exit_reason"]) == (1, 2)


def test_a_fee_is_rounded_up_on_every_slice() -> None:
    run = Handmade().book(0).book(100).run("b", 51, "execution.taker_fee=0.00012347")
    assert [int(fill["fee"]) for fill in run.fills] == [
        38_152_292,  # 6,180,010 x 50 x 1,000 x 0.00012347 is 38,152,291.7…
        763_048,  # 6,180,020 x 1 x 1,000 x 0.00012347 is 763,047.0…
    ]
    assert audit(run) == []


def test_slippage_is_what_was_lost_against_the_mid_at_the_decision() -> None:
    """Half a spread at each end, and what the market moved under way."""
    tape = Handmade().book(0).book(100, *moved(3)).book(200, *moved(3)).book(300, *moved(-2))
    (trip,) = tape.run("b.x", 20).trips
    assert trip["entry_slippage"] == (TICK // 2 + 3 * TICK) * 20 * UNIT
    assert trip["exit_slippage"] == (TICK // 2 + 5 * TICK) * 20 * UNIT


def test_slippage_can_be_a_gain() -> None:
    (trip,) = Handmade().book(0).book(1, *moved(2)).book(2, *moved(0)).run("sx", 20).trips
    assert trip["entry_slippage"] == (TICK // 2 - 2 * TICK) * 20 * UNIT
    assert trip["exit_slippage"] == (TICK // 2 - 2 * TICK) * 20 * UNIT


@pytest.mark.parametrize(("side", "leaves"), [("b", SELL), ("s", BUY)])
def test_the_extremes_are_those_of_prices_we_could_have_left_at(side: str, leaves: int) -> None:
    """MAE and MFE: of new books and of MARKET prints on our exit's side, younger than the entry."""
    up = 1 if side == "b" else -1
    best = PX if side == "b" else ASK
    tape = Handmade().book(0).book(100)
    tape.trade(110, best + 900 * up, leaves, late_ms=10)  # as old as the book we came in on
    tape.trade(120, best + 900 * up, -leaves).trade(130, best - 900 * up, leaves, "RPI")
    tape.book(140, *moved(500), again=True)
    tape.trade(150, best + 70 * up, leaves).trade(160, best - 80 * up, leaves)
    tape.book(170, *moved(-4 * up)).book(180, *moved(6 * up)).book(190, *moved(99 * up))
    run = tape.run(f"{side}........x", 20)
    assert audit(run) == []
    (trip,) = run.trips
    assert trip["worst_px"] == best - 80 * up
    assert trip["best_px"] == best + 70 * up
    assert trip["exit_seq"] == len(tape.rows) - 1  # what the exit's own book shows is no extreme


def test_the_extremes_of_one_trip_are_not_those_of_the_next() -> None:
    tape = Handmade().book(0).book(100).book(200, *moved(50)).book(300)
    first, second = tape.book(400, *moved(20)).book(500).run("b.xb" + "x", 20).trips
    assert (first["worst_px"], first["best_px"]) == (PX, PX + 500)
    assert (second["worst_px"], second["best_px"]) == (PX + 200, PX + 200)


def test_the_end_of_a_source_closes_nothing() -> None:
    """The position is marked at the last mid, which a book with one side does not change."""
    run = Handmade().book(0).book(100).book(200, *moved(9)).book(300, BIDS, ()).run("b", 20)
    assert len(run.trips) == 0 and run.account.qty == 20
    mark = 20 * (PX + 90 + TICK // 2) * UNIT
    assert run.samples[-1]["equity"] == run.account.cash + mark
    assert run.account.cash == -20 * ASK * UNIT - run.account.fees


@pytest.mark.parametrize("sample_every", [SECOND, 700 * MS])
def test_a_funding_stamp_crossed_with_a_position_is_counted_when_samples_are(
    sample_every: int,
) -> None:
    assert funding_unknown(sample_every) == 1


def test_a_funding_stamp_crossed_with_a_position_is_counted() -> None:
    assert funding_unknown(sample_every=0) == 1


def funding_unknown(sample_every: int) -> int:
    until = FUNDING - (START + CLOCK_OFFSET) % FUNDING
    moves = [(0, "show"), (until - SECOND, "show"), (1, "show"), (2 * SECOND, "show")]
    stream = play(BTC, moves)
    run, _ = trade_with(RHYTHM, stream.rows, [planned("b")], BTC, sample_every)
    assert run.account.qty > 0
    return int(run.counts.funding_unknown)


# ---- over whole markets ----------------------------------------------------------------------


def market(seed: int, sample_every: int = 0) -> Audited:
    stream = random_market(seed, 2_000, (BTC, TINY)[seed % 2])
    return trade_with(RHYTHM, stream.rows, die(stream).sets, stream.scale, sample_every)


def die(stream: Stream) -> Die:
    """Sizes that a book of this scale has, and some that it has not."""
    lot = stream.scale.lot
    return Die(24, max(1, lot // 50), lot, 2_000 * lot)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("sample_every", [0, SECOND])
def test_cash_and_position_reconcile_to_the_unit_at_every_sample(
    seed: int, sample_every: int
) -> None:
    """From the fills that were written down and the books alone."""
    run, _ = market(seed, sample_every)
    unit = int(run.instrument.notional_unit)
    assert len(run.fills) > 20
    fills, mids = list(run.fills), last_mids(run.events)
    cash = qty = 0
    for sample in run.samples:
        while fills and fills[0]["seq"] <= sample["seq"]:
            fill = fills.pop(0)
            cash -= int(fill["side"] * fill["px"] * fill["qty"]) * unit + int(fill["fee"])
            qty += int(fill["side"] * fill["qty"])
        assert (sample["cash"], sample["qty"]) == (cash, qty)
        assert sample["equity"] == cash + qty * mids[int(sample["seq"])] * unit // 2
    assert not fills


def last_mids(events: Sequence[Event]) -> dict[int, int]:
    """Twice the mid of the newest book, by seq. Every book of a long market has two sides."""
    mids, newest, mid2 = {}, 0, 0
    for row in events:
        if isinstance(row, Book) and row.last_id > newest:
            newest, mid2 = row.last_id, row.bids[0][0] + row.asks[0][0]
        mids[row.seq] = mid2
    return mids


@pytest.mark.parametrize("seed", [2, 3])
def test_trips_orders_and_fills_add_up(seed: int) -> None:
    run, _ = market(seed)
    fills = {int(row["order_id"]): run.fills[run.fills["order_id"] == row["order_id"]]
             for row in run.fills}  # fmt: skip
    assert len(run.trips) > 5
    for trip in run.trips:
        ins, outs = fills[int(trip["entry_order"])], fills[int(trip["exit_order"])]
        assert ins["qty"].sum() == outs["qty"].sum() == trip["qty"]
        assert ins["fee"].sum() + outs["fee"].sum() == trip["fees"]
    for order in run.orders:
        if order["status"] not in (1, 3):
            slices = fills.get(int(order["id"]), run.fills[:0])
            assert slices["qty"].sum() == order["filled"] and len(slices) == order["slices"]
    closed = run.trips["net"].sum()
    last = run.trips[-1]["exit_order"]
    held = [fill for fill in run.fills if fill["order_id"] > last]
    unit = run.instrument.notional_unit
    spent = sum(fill["side"] * fill["px"] * fill["qty"] * unit + fill["fee"] for fill in held)
    assert run.account.cash == closed - spent


# ---- what a strategy sees --------------------------------------------------------------------


def shown_digest(shown: Sequence[Shown]) -> tuple[int, int, float]:
    """As the rhythm strategy folds what it sees."""
    digest, gains = 0, [call.gain_ticks for call in shown if call.gain_ticks is not None]
    for call in shown:
        held = (call.entry_ts, call.held_ns, call.entry_reason) if call.side else ()
        for value in (call.side + 1, call.qty, int(call.pending), *held):
            digest = (digest * 31 + value) % 1_000_003
    return digest, len(gains), sum(gains)


def check_shown(ran: Audited) -> None:
    memory = ran.core.memories[0]
    digest, gains, gain_sum = shown_digest(replay(ran.run).shown)
    assert (memory["digest"], memory["gains"]) == (digest, gains)
    assert math.isclose(memory["gain_sum"], gain_sum, rel_tol=1e-9, abs_tol=1e-6)


@given(streams())
def test_a_strategy_sees_the_position_the_fills_make(stream: Stream) -> None:
    check_shown(trade_with(RHYTHM, stream.rows, die(stream).sets, stream.scale))


@pytest.mark.parametrize("seed", [4, 5])
def test_in_a_long_market_too(seed: int) -> None:
    ran = market(seed)
    assert ran.core.memories[0]["gains"] > 100
    check_shown(ran)
