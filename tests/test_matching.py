"""Orders of every kind on made-up and on real markets: the slow exchange agrees, row by row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.params import ParamsError
from micropulse.testing.market import TINY
from micropulse.testing.markets import Stream, random_market, streams
from replay.audit.auditor import Run, audit
from replay.audit.codes import SUBMITTED
from tests.audited import DICE_ORDERS, SCRIPTED, UNDER_TEST, Step, trade_with
from tests.oracle import Trade
from tests.oracle.reading import read_frames
from tests.running import REAL

MAKER = str(UNDER_TEST / "maker.py")


def rules() -> st.SearchStrategy[list[str]]:
    """`[execution]` settings; shrinks to no latency at all."""
    return st.builds(
        lambda latency, jitter, response, queue: [
            *(f"execution.latency={latency}", f"execution.jitter={jitter}"),
            *(f"execution.response={response}", f"execution.queue={queue}"),
        ],
        st.sampled_from((0, 10, 100)),
        st.sampled_from((0, 0, 60)),
        st.sampled_from((0, 0, 50, 2_000)),
        st.sampled_from(("pessimistic", "proportional")),
    )


def thrown(stream: Stream, seed: int, sets: list[str], ticks: int = 4) -> Run:
    """A run of the die over a stream, with orders as large as its levels."""
    die = [f"seed={seed}", f"qty={max(1, stream.scale.lot // 2)}", f"spread_ticks={ticks}"]
    return trade_with(DICE_ORDERS, stream.rows, [*die, *sets], stream.scale).run


@settings(max_examples=20)
@given(streams(), st.integers(1, 2**31 - 1), rules())
def test_any_order_in_any_stream_is_as_the_slow_exchange_has_it(
    stream: Stream, seed: int, sets: list[str]
) -> None:
    assert audit(thrown(stream, seed, ["faces=9", *sets])) == []


@pytest.mark.parametrize("seed", [1, 5])
def test_any_order_in_a_long_market_is(seed: int) -> None:
    sets = [f"execution.queue={('pessimistic', 'proportional')[seed % 2]}"]
    sets += [f"execution.latency={(0, 20, 120)[seed % 3]}", f"execution.response={20 * seed}"]
    stream = random_market(seed, 1_500, TINY) if seed == 5 else random_market(seed, 1_500)
    run = thrown(stream, seed + 1, sets, ticks=(3, 9)[seed % 2])
    assert audit(run) == []
    check_fills(run)
    makers = run.fills["maker"].sum()
    assert makers > 5 and len(run.fills) - makers > 20 and len(run.trips) > 5


@pytest.mark.parametrize("queue", ["pessimistic", "proportional"])
def test_real_frames_are_matched_as_the_slow_exchange_does(queue: str) -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    rows = list(read_frames(REAL, 2, 3))[:3_000]
    sets = ["faces=40", f"execution.queue={queue}", "execution.latency=20"]
    for strategy, given_sets in ((DICE_ORDERS, sets), (MAKER, sets[1:])):
        run = trade_with(strategy, rows, given_sets, sample_every=10**9).run
        assert audit(run) == []
        check_fills(run)
        assert run.fills["maker"].sum() > 5


def check_fills(run: Run) -> None:
    """What can be said of every fill without the queue."""
    rows = {row.seq: row for row in run.events}
    limits = {int(row["id"]): row for row in run.orders}
    shared: dict[int, int] = {}
    for fill in run.fills:
        order, event = limits[int(fill["order_id"])], rows[int(fill["seq"])]
        side, limit = int(fill["side"]), int(order["px"])
        if fill["maker"]:
            assert isinstance(event, Trade) and event.kind == "MARKET"
            assert fill["px"] == limit and side * event.px <= side * limit
            shared[event.seq] = shared.get(event.seq, 0) + int(fill["qty"])
            assert shared[event.seq] <= event.qty
        else:
            assert not isinstance(event, Trade)
            assert side * fill["px"] >= side * fill["level_px"] or fill["px"] == limit
            assert order["kind"] != 1 or side * fill["px"] <= side * limit
    for row in run.orders:
        event = rows[int(row["status_seq"])]
        if row["status"] in (2, 3) and isinstance(event, Trade):
            assert row["ahead"] == 0  # it never fills before its queue is gone
    signed = (run.fills["side"] * run.fills["qty"]).sum()
    unit = int(run.instrument.notional_unit)
    paid = sum(int(f["side"] * f["px"] * f["qty"]) * unit + int(f["fee"]) for f in run.fills)
    assert (run.account.qty, run.account.cash) == (signed, -paid)


@settings(max_examples=20)
@given(st.integers(0, 3), st.integers(100, 400), st.integers(-3, 3), st.sampled_from((10, 150)))
def test_an_order_with_less_latency_is_never_later(
    seed: int, at: int, ticks: int, latency: int
) -> None:
    """The event of its first change after it was sent."""
    stream = random_market(seed, 500)
    px = stream.scale.px + ticks * stream.scale.tick
    happened = []
    for ms in (0, latency):
        step = Step(at, qty=20, px=px).sets("a")
        run = trade_with(SCRIPTED, stream.rows, [*step, f"execution.latency={ms}"]).run
        after = [int(row["status_seq"]) for row in run.orders if row["status"] != SUBMITTED]
        happened.append(min(after, default=500))
    assert happened[0] <= happened[1]


def test_the_maker_quotes_and_takes_its_quotes_away() -> None:
    stream = random_market(3, 3_000)
    run, core = trade_with(MAKER, stream.rows, ["execution.latency=20"])
    assert audit(run) == []
    memory: Any = core.memories[0]
    assert memory["quotes"] > 100 and memory["cancels"] > 100
    assert run.fills["maker"].sum() > 10
    assert run.counts.cancels_too_late > 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("execution.queue=hopeful", "pessimistic, proportional"),
        ("execution.tier=vip10", "vip9"),
        ("execution.jitter=-1", "from 0 to 4000"),
        ("execution.response=nan", "from 0 to 60000"),
        ("execution.maker_fee=-0.0001", "no rebates"),
    ],
)
def test_a_setting_that_cannot_be_is_named(wrong: str, said: str) -> None:
    with pytest.raises(ParamsError, match=said):
        trade_with(MAKER, [], [wrong])


def test_fees_are_those_of_the_tier_unless_given() -> None:
    def rates(*sets: str) -> tuple[int, int]:
        execution = trade_with(MAKER, [], sets).run.execution
        return int(execution["maker_fee_e8"]), int(execution["taker_fee_e8"])

    assert rates() == (20_000, 50_000)
    assert rates("execution.tier=vip9") == (0, 17_000)
    assert rates("execution.tier=vip1", "execution.maker_fee=0.0001") == (10_000, 40_000)
