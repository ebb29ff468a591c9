"""Funding at its stamps: by hand to the unit, and over nasty streams as fractions say it."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.funding import quotient_of
from micropulse.jit import entry
from micropulse.mark import outside_band
from micropulse.params import ParamsError, execution_record, resolve
from micropulse.schema import LOST_CONNECTION
from micropulse.testing.market import BTC, CLOCK_OFFSET, MS, SECOND, START, Market
from micropulse.testing.markets import Stream, play, random_market, streams
from micropulse.testing.recorded import split
from micropulse.testing.rows import events_of
from replay.audit.auditor import audit
from tests.audited import RHYTHM, Audited, Die, planned, trade_with
from tests.oracle import Control, Event, Mark
from tests.running import new_core, run_through

HOUR_MS = 3_600_000
UNTIL_MIDNIGHT = 8 * 3_600 * SECOND - (START + CLOCK_OFFSET) % (8 * 3_600 * SECOND)
GIVEN = "execution.funding_rate=0.0001"


def held_over(side: str, *before: tuple[Any, ...], sets: tuple[str, ...] = ()) -> Audited:
    """A position of 0.060 held from the second book on, over midnight UTC by the exchange's clock.

    `before` are moves in the ten seconds before it; the last book comes a second after it.
    """
    waited = sum(move[0] for move in before)
    moves: list[tuple[Any, ...]] = [(0, "show"), (UNTIL_MIDNIGHT - 10 * SECOND, "show")]
    moves += [*before, (11 * SECOND - waited, "show"), (SECOND, "show")]
    found = trade_with(RHYTHM, play(BTC, moves).rows, [planned(side), "usual_qty=60", *sets])
    assert audit(found.run) == []
    return found


def marked(rate: int, due_ms: int = 10_000) -> tuple[Any, ...]:
    """A mark price of 61,800.20 ten seconds before midnight."""
    return (0, "mark", 0, due_ms, rate)


# ---- by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "rate", "received"),
    [
        ("b", 5_353, -ceil(Fraction(6_180_020 * 60 * 1_000 * 5_353, 10**8))),
        ("s", 5_353, floor(Fraction(6_180_020 * 60 * 1_000 * 5_353, 10**8))),
        ("b", -5_353, floor(Fraction(6_180_020 * 60 * 1_000 * 5_353, 10**8))),
        ("s", -5_353, -ceil(Fraction(6_180_020 * 60 * 1_000 * 5_353, 10**8))),
        ("b", 0, 0),
        ("b", 1, -ceil(Fraction(6_180_020 * 60 * 1_000, 10**8))),
    ],
)
def test_a_long_pays_a_positive_rate_and_nobody_gains_by_rounding(
    side: str, rate: int, received: int
) -> None:
    run = held_over(side, marked(rate)).run
    assert run.account.funding == received
    assert (run.counts.fundings, run.counts.funding_unknown) == (1, 0)
    fill = run.fills[0]
    spent = int(fill["side"]) * 1_000 * sum(int(f["px"]) * int(f["qty"]) for f in run.fills)
    assert run.account.cash == -spent - run.account.fees + received


def test_a_trip_has_its_funding_in_its_net_and_the_next_one_does_not() -> None:
    moves: list[tuple[Any, ...]] = [(0, "show"), (UNTIL_MIDNIGHT - 10 * SECOND, "show")]
    moves += [marked(10_000), *[(11 * SECOND, "show")] * 6]
    rows = play(BTC, moves).rows
    run = trade_with(RHYTHM, rows, [planned("b..x.b.x"), "usual_qty=60"]).run
    assert audit(run) == []
    first, second = run.trips
    assert first["funding"] == run.account.funding < 0 and second["funding"] == 0
    for trip in run.trips:
        assert trip["net"] == trip["gross"] - trip["fees"] + trip["funding"]
    assert run.account.cash == first["net"] + second["net"]


@pytest.mark.parametrize(
    "before",
    [(), ((0, "mark", 50_001, 60_001, 10_000),)],  # a minute and a millisecond before the stamp
    ids=["no mark", "too old"],
)
def test_without_a_rate_for_the_stamp_it_is_unknown_and_nothing_is_booked(
    before: tuple[Any, ...],
) -> None:
    run = held_over("b", *before).run
    assert (run.account.funding, run.counts.fundings) == (0, 0)
    assert run.counts.funding_unknown == 1


def test_the_stamp_is_the_one_that_the_mark_frames_name() -> None:
    run = held_over("b", marked(10_000, due_ms=8 * HOUR_MS)).run
    assert (run.counts.fundings, run.counts.funding_unknown) == (0, 0)
    run = held_over("b", marked(10_000, due_ms=5_000)).run
    assert (run.counts.fundings, run.counts.funding_unknown) == (1, 0)


def test_a_contract_without_funding_pays_none_and_none_is_unknown() -> None:
    run = held_over("b", (0, "mark", 0, 0, 10_000)).run
    assert (run.account.funding, run.counts.fundings, run.counts.funding_unknown) == (0, 0, 0)


def test_a_given_rate_stands_in_at_the_mid_and_never_for_a_recorded_one() -> None:
    mid2 = 2 * 6_180_020 + 10
    assert held_over("b", sets=(GIVEN,)).run.account.funding == -ceil(
        Fraction(mid2 * 60 * 500, 10**4)
    )
    recorded = held_over("b", marked(5_353), sets=(GIVEN,)).run
    assert recorded.account.funding == held_over("b", marked(5_353)).run.account.funding


def test_a_position_opened_after_the_stamp_pays_nothing() -> None:
    moves = [(UNTIL_MIDNIGHT, "mark", 1, 1, 10_000), (0, "show"), (SECOND, "show")]
    run = trade_with(RHYTHM, play(BTC, moves).rows, [planned(".b"), "usual_qty=60"]).run
    assert run.account.qty == 60 and run.account.funding == 0


def test_a_late_frame_of_another_connection_does_not_charge_twice() -> None:
    again = ((10 * SECOND, "show"), (0, "mark", 1, 1, 10_000), (SECOND, "show"))
    run = held_over("b", marked(10_000), *again[:2]).run
    assert run.counts.fundings == 1


@pytest.mark.parametrize("rate", ["0.2", "much", 1])
def test_a_rate_that_none_can_be_is_refused(rate: str | float) -> None:
    from micropulse.strategy import load_strategy

    execution = resolve(load_strategy("idle").Params).execution
    with pytest.raises(ParamsError, match="funding_rate"):
        execution_record(type(execution)(funding_rate=rate), 3)


def test_a_socket_of_mark_prices_does_not_keep_a_lost_feed_alive() -> None:
    """The order to enter expires when the socket of books closes, whatever else is open."""
    moves: list[tuple[Any, ...]] = [(0, "control", "CONNECT", 1), (0, "control", "CONNECT", 2)]
    moves += [(0, "via", 1), (0, "show"), (0, "via", 2), marked(1), (0, "via", 1), (0, "show")]
    lost = [(MS, "control", "DISCONNECT", 1), (SECOND, "show")]
    run = trade_with(RHYTHM, play(BTC, [*moves, *lost]).rows, [planned("...b")]).run
    assert audit(run) == []
    assert [int(order["note"]) for order in run.orders] == [0, LOST_CONNECTION]
    aside = [(MS, "control", "DISCONNECT", 2), (SECOND, "show")]
    run = trade_with(RHYTHM, play(BTC, [*moves, *aside]).rows, [planned("...b")]).run
    assert audit(run) == [] and run.account.qty > 0


# ---- whatever happens ------------------------------------------------------------------------


@given(streams(), st.booleans(), st.sampled_from((4, 16)))
def test_nasty_streams_with_marks_pass_the_audit(stream: Stream, given_: bool, faces: int) -> None:
    die = Die(faces, 1, 60 * stream.scale.lot // BTC.lot, 2_000 * stream.scale.lot)
    sets = [*die.sets, *([GIVEN] if given_ else [])]
    run = trade_with(RHYTHM, stream.rows, sets, stream.scale).run
    assert audit(run, die.asks(stream.rows)) == []


def with_marks(n: int, every: int) -> list[Event]:
    """A lively market in which funding is due every few seconds."""
    market = Market(BTC)
    rows: list[Event] = []
    for row in random_market(3, n).rows:
        rows.append(row._replace(seq=len(rows)))
        if not isinstance(row, Control) and row.seq % every == 0:
            late = row.ts_event - 5 * MS
            due = (row.ts_event // (3 * SECOND) + 1) * 3 * SECOND
            rate = (-1) ** (row.seq // every) * (10_000 + row.seq)
            px = 6_180_020 * 10**6 + 7 * row.seq
            mark = Mark(len(rows), row.ts_recv, late, due, px, px, px, px, rate, market.conn)
            rows.append(mark)
    return rows


def test_many_stamps_reconcile_to_the_unit_in_batches_of_any_size() -> None:
    rows, die = with_marks(3_000, 20), Die(30)
    run = trade_with(RHYTHM, rows, die.sets).run
    assert audit(run, die.asks(rows)) == []
    assert run.counts.fundings > 10 and run.counts.funding_unknown == 0
    spent = sum(int(f["side"]) * int(f["px"]) * int(f["qty"]) for f in run.fills) * 1_000
    assert run.account.cash == -spent - run.account.fees + run.account.funding
    assert sum(run.trips["funding"]) + run.account.open.funding * (run.account.qty != 0) == (
        run.account.funding
    )
    whole = run_through(new_core(RHYTHM, die.sets), [events_of(rows)])
    for cuts in (range(1, len(rows)), [7, 500, 501]):
        parts = run_through(new_core(RHYTHM, die.sets), split(events_of(rows), list(cuts)))
        assert parts.out.bytes() == whole.out.bytes()
        assert parts.core.digest() == whole.core.digest()
        assert parts.core.input_digest.hexdigest() == whole.core.input_digest.hexdigest()


def test_what_was_booked_does_not_change_with_what_follows() -> None:
    rows, die = with_marks(1_000, 10), Die(30)
    whole = trade_with(RHYTHM, rows, die.sets).run
    cut = trade_with(RHYTHM, rows[:700], die.sets).run
    before = whole.samples[: len(cut.samples)]
    assert cut.samples.tobytes() == before.tobytes()


# ---- the kernels -----------------------------------------------------------------------------


@entry
def quotient(a: int, b: int, c: int, d: int, up: int) -> int:
    return quotient_of(a, b, c, d, up)


@given(
    st.integers(0, 10**18),
    st.integers(0, 10**9),
    st.integers(0, 10**8),
    st.sampled_from((1, 10**5, 10**8)),
    st.sampled_from((1, -1)),
)
def test_a_product_beyond_64_bits_is_exact(a: int, b: int, c: int, d: int, up: int) -> None:
    exact = Fraction(a * b * c * d, 10**16)
    whole = ceil(exact) if up > 0 else floor(exact)
    if whole < 2**62:
        assert quotient(a, b, c, d, up) == whole


@entry
def is_outside(states: Any, px: int, side: int) -> bool:
    return outside_band(states[0], px, side)


@settings(max_examples=30)
@given(st.integers(1, 10**14), st.integers(-2, 2), st.sampled_from((1, -1)))
def test_the_band_is_exact_to_the_unit(mark_e8: int, off: int, side: int) -> None:
    core = new_core("idle")
    core.state.mark.known, core.state.mark.px = True, mark_e8
    bound = Fraction(mark_e8 * (105 if side > 0 else 95), 100 * 10**6)
    px = floor(bound) + off
    beyond = px > bound if side > 0 else px < bound
    assert bool(is_outside(core.states, px, side)) == beyond
    assert core.state.counts.band_unknown == 0


def test_without_a_fresh_mark_price_the_band_is_unknown_and_counted() -> None:
    core = new_core("idle")
    assert not is_outside(core.states, 10**9, 1)
    core.state.mark.known, core.state.mark.px = True, 61_800 * 10**8
    assert is_outside(core.states, 10**9, 1)
    core.state.clock.now = 60 * SECOND + 1
    assert not is_outside(core.states, 10**9, 1)
    assert core.state.counts.band_unknown == 2
