"""A variant of many is filled as a backtest of its own: the same rows, the same bytes of State."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.digest import TRADES
from micropulse.events import Events
from micropulse.instrument import instrument
from micropulse.params import Settings, resolve
from micropulse.run import Core
from micropulse.schema import STRATEGY_FAILED, TRIGGERED
from micropulse.seen import OWN
from micropulse.state import State
from micropulse.strategy import load_strategy
from micropulse.testing import Ran
from micropulse.testing.market import BTC, SECOND, Scale
from micropulse.testing.markets import play, random_market, streams
from micropulse.testing.recorded import split
from micropulse.testing.rows import events_of
from micropulse.trading import Dealings, Trader
from micropulse.variants import Variants
from micropulse.wire import Decoder
from replay.simulator import EVERY_FAULT, START_NS, simulate
from tests.audited import DICE_ORDERS, UNDER_TEST
from tests.oracle.reading import read_frames
from tests.running import REAL, run_through
from tests.test_funding import UNTIL_MIDNIGHT

ROOT = Path(__file__).parents[1]
FAILING = str(UNDER_TEST / "failing.py")
# What the loop over variants remembers beyond State.
REMEMBERED = {"awake", "holds", "below_bid", "above_bid", "below_ask", "above_ask", "failed"}
HOMES = {"trader": "traders", "dealings": "dealings"}
# Cleared before each `decide`, so that nothing of it is kept between events.
SCRATCH = {"intent"}

EAGER = ["entry.spike=false", "entry.acceleration=false", "features.wall_k=2.0"]
EAGER += ["features.wall_floor=1000.0", "features.wall_min_age_ms=100"]


def variants_of(strategy: str, sets: list[list[str]]) -> tuple[Any, list[Settings]]:
    module = load_strategy(strategy)
    return module, [resolve(module.Params, None, one) for one in sets]


class Rows:
    """Keeps what each variant writes."""

    def __init__(self, n: int) -> None:
        self.bytes = [dict.fromkeys(TRADES, b"") for _ in range(n)]

    def take(self, variant: int, *rows: Any) -> None:
        for name, part in zip(TRADES, rows, strict=True):
            self.bytes[variant][name] += part.tobytes()


def swept(
    strategy: Any, wanted: list[Settings], batches: list[Events], scale: Scale = BTC,
    rows: int = 4096,
) -> tuple[Variants, Rows]:  # fmt: skip
    variants = Variants(strategy, symbol_of(scale), wanted, scale.qty_decimals, rows)
    kept = Rows(len(wanted))
    for events in batches:
        variants.feed(events, kept.take)
    return variants, kept


def symbol_of(scale: Scale) -> Any:
    symbol = "BTCUSDT" if scale == BTC else "TINYUSDT"
    return instrument(symbol, scale.px_decimals, scale.qty_decimals)[0]


def assert_each_is_its_own_backtest(
    strategy: str, sets: list[list[str]], batches: list[Events], scale: Scale = BTC
) -> list[Ran]:
    """Compare every variant; the backtests."""
    module, wanted = variants_of(strategy, sets)
    variants, kept = swept(module, wanted, batches, scale)
    runs = []
    for v, one in enumerate(wanted):
        ran = run_through(Core(module, symbol_of(scale), one, scale.qty_decimals), batches)
        alone = ran.out.bytes()
        assert kept.bytes[v] == {name: alone[name] for name in TRADES}
        assert variants.memories[v : v + 1].tobytes() == ran.core.memories.tobytes()
        assert variants.failures.get(v, "") == ran.core.failure
        assert_same_state(variants, v, ran.core.states)
        runs.append(ran)
    return runs


def assert_same_state(variants: Variants, v: int, states: Any) -> None:
    """Market and trader put together are the State of the backtest, field by field."""
    counts = variants.counts(v)
    assert counts == {name: int(states[0].counts[name]) for name in counts}
    for name in State.dtype().names or ():
        if name in SCRATCH or name == "counts" or (v and name not in OWN):
            continue  # the market is the same for all
        home = getattr(variants, HOMES[OWN[name]])[v : v + 1] if name in OWN else variants.markets
        assert np.array_equal(bytes_of(home[name]), bytes_of(states[name])), name


def bytes_of(field: Any) -> Any:
    """A field's bytes, so that NaN equals itself."""
    return np.ascontiguousarray(field).view(np.uint8)


def rows_of(runs: list[Ran], table: str) -> Any:
    """A table of all runs."""
    return np.concatenate([ran.out[table] for ran in runs])


def counted(runs: list[Ran], name: str) -> int:
    return sum(int(ran.core.state.counts[name]) for ran in runs)


def test_a_trader_is_made_of_fields_of_state() -> None:
    """A new field of State belongs to the market unless it stands in Trader as well: decide!"""
    state, own = State.dtype(), {"trader": Trader.dtype(), "dealings": Dealings.dtype()}
    assert set(OWN) - set(state.names or ()) == REMEMBERED
    assert all(own[OWN[name]][name] == state[name] for name in set(OWN) - REMEMBERED)
    market = set(state.names or ()) - set(OWN)
    assert market == {
        "instrument", "settings", "clock", "feed", "book", "mark", "flow", "features", "removal",
        "bid_walls", "ask_walls", "intent", "spiking", "low", "high", "offset", "jitter_ns",
        "prints", "parents", "trade_ids", "missed", "low_ring", "high_ring", "offset_ring",
    }  # fmt: skip


# ---- rules that trade at the market ----------------------------------------------------------

walls = st.fixed_dictionaries(
    {
        "entry.obi_min": st.sampled_from([-1.0, 0.0, 0.3]),
        "entry.wall_window_ms": st.sampled_from([300, 1500, 20_000]),
        "exit.tp_ticks": st.integers(1, 400),
        "exit.sl_ticks": st.integers(1, 400),
        "exit.time_stop_ms": st.sampled_from([0, 300, 5_000, 45_000]),
        "execution.latency": st.sampled_from([0, 10, 100, 2_000]),
        "execution.response": st.sampled_from([0, 0, 300]),
        "execution.tape_jitter": st.sampled_from(["true", "false"]),
        "execution.taker_fee": st.sampled_from(["0.0005", "0.0001"]),
        "execution.order_qty": st.sampled_from(['"smallest"', "0.5", "40", "0.001"]),
    }
)
leans = st.fixed_dictionaries(
    {
        "enter_obi": st.sampled_from([0.05, 0.2, 0.5]),
        "stands_ms": st.sampled_from([0, 300, 2_000]),
        "leave_obi": st.sampled_from([-0.5, 0.1, 0.9]),
        "time_stop_ms": st.sampled_from([100, 3_000, 30_000]),
        "execution.latency": st.sampled_from([0, 10, 100, 2_000]),
        "execution.response": st.sampled_from([0, 0, 300]),
    }
)


def as_sets(drawn: list[dict[str, Any]]) -> list[list[str]]:
    return [[f"{name}={value}" for name, value in one.items()] for one in drawn]


@settings(max_examples=6)
@given(st.integers(1, 30), st.lists(walls, min_size=1, max_size=4))
def test_each_variant_of_wall_break_is_its_own_backtest(seed: int, drawn: list[Any]) -> None:
    sets = [[*EAGER, *one] for one in as_sets(drawn)]
    assert_each_is_its_own_backtest("wall_break", sets, [random_market(seed, 1_000).events])


@settings(max_examples=8)
@given(streams(), st.lists(leans, min_size=1, max_size=3))
def test_on_nasty_streams_too(stream: Any, drawn: list[Any]) -> None:
    """On these, depth that was taken is what a flat variant meets."""
    assert_each_is_its_own_backtest("obi_revert", as_sets(drawn), [stream.events], stream.scale)


RESTLESS = [[f"enter_obi={obi}", "stands_ms=100", "time_stop_ms=200"] for obi in (0.05, 0.1, 0.2)]


def test_the_markets_of_these_tests_make_trades() -> None:
    events = [random_market(5, 4_000).events]
    for strategy, sets, least in (("obi_revert", RESTLESS, 30), ("wall_break", [EAGER] * 2, 3)):
        assert (
            len(rows_of(assert_each_is_its_own_backtest(strategy, sets, events), "trips")) > least
        )


@settings(max_examples=3)
@given(st.lists(st.integers(0, 600), max_size=20), st.sampled_from([1, 100]))
def test_any_split_and_any_outbox_give_the_same(cuts: list[int], rows: int) -> None:
    """The smallest outbox is full after most variants that write, in the middle of an event."""
    events = random_market(7, 600).events
    module, wanted = variants_of(DICE_ORDERS, [dice(seed, "faces=9") for seed in range(1, 5)])
    whole, one = swept(module, wanted, [events])
    parts, other = swept(module, wanted, split(events, sorted(cuts)), BTC, rows)
    assert other.bytes == one.bytes and any(one.bytes[0].values())
    assert parts.traders.tobytes() == whole.traders.tobytes()
    assert parts.dealings.tobytes() == whole.dealings.tobytes()
    assert parts.markets.tobytes() == whole.markets.tobytes()


def test_real_frames_give_each_variant_its_own_backtest() -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    events = events_of(list(read_frames(REAL, 2, 3)))
    sets = [["entry.spike=false", f"exit.tp_ticks={ticks}"] for ticks in (20, 50, 300)]
    assert len(rows_of(assert_each_is_its_own_backtest("wall_break", sets, [events]), "trips")) > 3


# ---- orders of every kind --------------------------------------------------------------------


def dice(seed: int, *sets: str, lot: int = 50) -> list[str]:
    """A die's parameters."""
    return [f"seed={seed}", f"qty={lot}", *sets]


throws = st.builds(
    lambda seed, faces, by_mark, latency, jitter, response, queue, rate: [
        *(f"seed={seed}", f"faces={faces}", f"by_mark={by_mark}", f"execution.latency={latency}"),
        *(f"execution.jitter={jitter}", f"execution.response={response}"),
        *(f"execution.queue={queue}", f"execution.funding_rate={rate}"),
    ],
    st.integers(1, 2**31 - 1),
    st.sampled_from((9, 12, 40)),
    st.sampled_from((0, 1)),
    st.sampled_from((0, 10, 100)),
    st.sampled_from((0, 60)),
    st.sampled_from((0, 50, 2_000)),
    st.sampled_from(("pessimistic", "proportional")),
    st.sampled_from(("recorded", "0.0001")),
)


@settings(max_examples=12)
@given(streams(), st.lists(throws, min_size=1, max_size=3))
def test_any_order_of_any_variant_is_as_in_its_own_backtest(stream: Any, drawn: list[Any]) -> None:
    lot = f"qty={max(1, stream.scale.lot // 2)}"
    sets = [[*one, lot] for one in drawn]
    assert_each_is_its_own_backtest(DICE_ORDERS, sets, [stream.events], stream.scale)


EVERY_KIND = [
    dice(1, "faces=9", "execution.latency=0"),
    dice(2, "faces=12", "execution.response=50", "execution.jitter=60", "by_mark=1"),
    dice(3, "faces=400", "execution.response=2000", "execution.latency=10"),
]


def test_a_long_market_with_lost_connections_meets_all_that_can_happen_to_orders() -> None:
    events = random_market(36, 2_500).events
    runs = assert_each_is_its_own_backtest(DICE_ORDERS, EVERY_KIND, [events])
    assert set(rows_of(runs, "orders")["status"].tolist()) == set(range(1, 10))
    assert rows_of(runs, "fills")["maker"].sum() > 20
    for name in ("disconnects", "queues_retaken", "cancels_too_late", "refused_cancel"):
        assert counted(runs, name) > 0, name


def test_mark_prices_and_a_funding_stamp_on_a_simulated_market_with_faults() -> None:
    decoder = Decoder("BTCUSDT", 2, 3)
    before_a_stamp = START_NS + 8 * 3_600 * SECOND - 20 * SECOND
    chunks = simulate(5, 1 / 60, before_a_stamp, EVERY_FAULT, 1_000, marks=True)
    batches = [decoder.decode(frames).events for frames in chunks]
    sets = [[*one, "by_mark=1"] for one in EVERY_KIND]
    runs = assert_each_is_its_own_backtest(DICE_ORDERS, sets, batches)
    assert counted(runs, "marks") > 30 and counted(runs, "fundings") > 0
    marked = rows_of(runs, "orders")
    assert (marked["by_mark"] & (marked["status"] == TRIGGERED)).any()


@pytest.mark.parametrize("mark", [True, False])
def test_each_pays_at_a_funding_stamp_what_it_holds(mark: bool) -> None:
    """With and without a recorded rate, also where several stamps pass at once."""
    moves: list[tuple[Any, ...]] = [(0, "show")] * 40
    moves += [(UNTIL_MIDNIGHT - 10 * SECOND, "mark", 0, 10_000, 5_353)] if mark else []
    moves += [
        (11 * SECOND + (0 if mark else UNTIL_MIDNIGHT), "show"),
        (17 * 3_600 * SECOND, "show"),
    ]
    events = [play(BTC, moves).events]
    sets = [dice(seed, "faces=9", f"execution.funding_rate={rate}", "execution.latency=0")
            for seed in (1, 2, 3) for rate in ("recorded", "-0.0001")]  # fmt: skip
    runs = assert_each_is_its_own_backtest(DICE_ORDERS, sets, events)
    assert counted(runs, "fundings") > 3 and counted(runs, "funding_unknown") > 3


# ---- strategies that fail --------------------------------------------------------------------


def test_a_variant_that_fails_is_closed_as_a_backtest_is_and_harms_no_other() -> None:
    events = random_market(3, 1_000).events
    sets = [["how=1", "execution.latency=0"], ["how=9"], ["how=2", "after=3"],
            ["how=3", "reason=999", "execution.response=500"]]  # fmt: skip
    runs = assert_each_is_its_own_backtest(FAILING, sets, [events])
    assert [bool(ran.core.failure) for ran in runs] == [True, False, True, True]
    reasons = [ran.out["trips"]["exit_reason"].tolist() for ran in runs]
    assert reasons == [[STRATEGY_FAILED], [], [STRATEGY_FAILED], [STRATEGY_FAILED]]
    module, wanted = variants_of(FAILING, sets)
    variants, kept = swept(module, wanted, [events])
    assert variants.failures[2].endswith("ZeroDivisionError: integer division by zero")
    parts, other = swept(module, wanted, split(events, list(range(0, 1_000, 7))), BTC, 1)
    assert other.bytes == kept.bytes and parts.failures == variants.failures


def test_without_the_jit_the_bytes_are_the_same() -> None:
    code = (
        "from tests.test_sweep_exact import *\n"
        "events = [random_market(5, 120).events]\n"
        "module, wanted = variants_of(DICE_ORDERS, EVERY_KIND[:2])\n"
        "_, kept = swept(module, wanted, events)\n"
        "assert kept.bytes[0]['fills']\n"
        "print(hash(tuple(b for one in kept.bytes for b in one.values())))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": "1", "NUMBA_DISABLE_JIT": off},
            capture_output=True, text=True, check=True,
        ).stdout
        for off in ("0", "1")
    }  # fmt: skip
    assert len(said) == 1


def test_variants_of_other_features_are_no_variants_of_one_market() -> None:
    module, wanted = variants_of("obi_revert", [[], ["features.wall_k=3.0"]])
    with pytest.raises(ValueError, match="one \\[features\\] section"):
        swept(module, wanted, [])


def test_what_is_read_at_every_event_lies_close_together() -> None:
    names = Trader.dtype().names or ()
    assert names.index("failed") < 8 and names[-1] == "position"
    assert Trader.dtype().itemsize < 1_280
