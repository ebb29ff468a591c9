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
from micropulse.schema import Position
from micropulse.seen import OWN
from micropulse.state import State
from micropulse.strategy import load_strategy
from micropulse.trading import Trader
from micropulse.variants import Variants
from tests.oracle.columns import events_of, split
from tests.oracle.reading import read_frames
from tests.running import REAL, run_through
from tests.streams import random_market, streams

ROOT = Path(__file__).parents[1]
# What the loop over variants remembers beyond State.
REMEMBERED = {"awake", "holds", "below_bid", "above_bid", "below_ask", "above_ask", "failed"}
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
    strategy: Any, wanted: list[Settings], batches: list[Events], decimals: tuple[int, int],
    rows: int = 4096,
) -> tuple[Variants, Rows]:  # fmt: skip
    symbol, _ = instrument("BTCUSDT" if decimals == (2, 3) else "TINYUSDT", *decimals)
    variants = Variants(strategy, symbol, wanted, decimals[1], rows)
    kept = Rows(len(wanted))
    for events in batches:
        variants.feed(events, kept.take)
    return variants, kept


def assert_each_is_its_own_backtest(
    strategy: str, sets: list[list[str]], batches: list[Events], decimals: tuple[int, int] = (2, 3),
    rows: int = 4096,
) -> int:  # fmt: skip
    """Compare every variant; how many round trips there were."""
    module, wanted = variants_of(strategy, sets)
    variants, kept = swept(module, wanted, batches, decimals, rows)
    symbol, _ = instrument("BTCUSDT" if decimals == (2, 3) else "TINYUSDT", *decimals)
    trips = 0
    for v, one in enumerate(wanted):
        ran = run_through(Core(module, symbol, one, decimals[1]), batches)
        alone = ran.out.bytes()
        assert kept.bytes[v] == {name: alone[name] for name in TRADES}
        assert variants.memories[v : v + 1].tobytes() == ran.core.memories.tobytes()
        assert_same_state(variants, v, ran.core.states)
        trips += len(ran.out["trips"])
    return trips


def assert_same_state(variants: Variants, v: int, states: Any) -> None:
    """Market and trader put together are the State of the backtest, field by field."""
    counts = variants.counts(v)
    assert counts == {name: int(states[0].counts[name]) for name in counts}
    for name in State.dtype().names or ():
        if name in SCRATCH or name == "counts" or (v and name not in OWN):
            continue  # the market is the same for all
        home = variants.traders[v : v + 1] if name in OWN else variants.markets
        assert np.array_equal(bytes_of(home[name]), bytes_of(states[name])), name


def bytes_of(field: Any) -> Any:
    """A field's bytes, so that NaN equals itself."""
    return np.ascontiguousarray(field).view(np.uint8)


def test_a_trader_is_made_of_fields_of_state() -> None:
    """A new field of State belongs to the market unless it stands in Trader as well: decide!"""
    state, trader = State.dtype(), Trader.dtype()
    assert {name for name in trader.names or () if name not in state.names} == REMEMBERED
    assert all(trader[name] == state[name] for name in OWN - REMEMBERED)
    market = set(state.names) - OWN
    assert market == {
        "instrument", "settings", "clock", "feed", "book", "flow", "features", "removal",
        "bid_walls", "ask_walls", "intent", "spiking", "low", "high", "offset", "jitter_ns",
        "prints", "parents", "trade_ids", "missed", "low_ring", "high_ring", "offset_ring",
    }  # fmt: skip


walls = st.fixed_dictionaries(
    {
        "entry.obi_min": st.sampled_from([-1.0, 0.0, 0.3]),
        "entry.wall_window_ms": st.sampled_from([300, 1500, 20_000]),
        "exit.tp_ticks": st.integers(1, 400),
        "exit.sl_ticks": st.integers(1, 400),
        "exit.time_stop_ms": st.sampled_from([0, 300, 5_000, 45_000]),
        "execution.latency": st.sampled_from([0, 10, 100, 2_000]),
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
        "execution.order_qty": st.sampled_from(['"smallest"', "3", "40"]),
    }
)


def as_sets(drawn: list[dict[str, Any]]) -> list[list[str]]:
    return [[f"{name}={value}" for name, value in one.items()] for one in drawn]


@settings(max_examples=12)
@given(st.integers(1, 30), st.lists(walls, min_size=1, max_size=6))
def test_each_variant_of_wall_break_is_its_own_backtest(seed: int, drawn: list[Any]) -> None:
    sets = [[*EAGER, *one] for one in as_sets(drawn)]
    assert_each_is_its_own_backtest("wall_break", sets, [random_market(seed, 1_500).events])


@settings(max_examples=12)
@given(st.integers(1, 30), st.lists(leans, min_size=1, max_size=6))
def test_each_variant_of_obi_revert_is_its_own_backtest(seed: int, drawn: list[Any]) -> None:
    events = random_market(seed, 1_500).events
    assert_each_is_its_own_backtest("obi_revert", as_sets(drawn), [events])


@settings(max_examples=25)
@given(streams(), st.lists(leans, min_size=1, max_size=3))
def test_on_nasty_streams_too(stream: Any, drawn: list[Any]) -> None:
    decimals = (stream.scale.px_decimals, stream.scale.qty_decimals)
    for one in drawn:
        one.pop("execution.order_qty")
    assert_each_is_its_own_backtest("obi_revert", as_sets(drawn), [stream.events], decimals)


RESTLESS = [[f"enter_obi={obi}", "stands_ms=100", "time_stop_ms=200"] for obi in (0.05, 0.1, 0.2)]


def test_the_markets_of_these_tests_make_trades() -> None:
    events = [random_market(5, 5_000).events]
    assert assert_each_is_its_own_backtest("obi_revert", RESTLESS, events) > 30
    assert assert_each_is_its_own_backtest("wall_break", [EAGER] * 2, events) > 3


@settings(max_examples=5)
@given(st.lists(st.integers(0, 1_000), max_size=20), st.sampled_from([1, 100]))
def test_any_split_and_any_outbox_give_the_same(cuts: list[int], rows: int) -> None:
    """The smallest outbox is full after most variants that write, in the middle of an event."""
    events = random_market(7, 1_000).events
    module, wanted = variants_of("obi_revert", RESTLESS * 3)
    whole, one = swept(module, wanted, [events], (2, 3))
    parts, other = swept(module, wanted, split(events, sorted(cuts)), (2, 3), rows)
    assert other.bytes == one.bytes and any(one.bytes[0].values())
    assert parts.traders.tobytes() == whole.traders.tobytes()
    assert parts.markets.tobytes() == whole.markets.tobytes()


def test_real_frames_give_each_variant_its_own_backtest() -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    events = events_of(list(read_frames(REAL, 2, 3)))
    sets = [["entry.spike=false", f"exit.tp_ticks={ticks}"] for ticks in (20, 50, 300)]
    assert assert_each_is_its_own_backtest("wall_break", sets, [events]) > 3


def test_without_the_jit_the_bytes_are_the_same() -> None:
    code = (
        "from tests.test_sweep_exact import *\n"
        "events = [random_market(5, 400).events]\n"
        "module, wanted = variants_of('obi_revert', RESTLESS[:2])\n"
        "_, kept = swept(module, wanted, events, (2, 3))\n"
        "assert all(b for one in kept.bytes for b in one.values())\n"
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


FRAGILE = """
from micropulse.record import Record, i8
from micropulse.schema import ENTER, EXIT


class Params(Record):
    breaks_at: i8 = 0
    hold_ms: i8 = 500


class Memory(Record):
    calls: i8


def decide(features, position, memory, params, intent):
    memory.calls += 1
    if params.breaks_at and memory.calls == params.breaks_at:
        memory.calls = 1 // (memory.calls - params.breaks_at)
    if position.side == 0 and not position.pending:
        intent.action = ENTER
        intent.side = 1
    elif position.held_ns > params.hold_ms * 1_000_000:
        intent.action = EXIT
"""


def test_a_variant_that_raises_is_named_and_harms_no_other(tmp_path: Path) -> None:
    (tmp_path / "fragile.py").write_text(FRAGILE)
    module = load_strategy(str(tmp_path / "fragile.py"))
    sets = [["hold_ms=300"], ["breaks_at=400"], ["hold_ms=900"], ["breaks_at=700"]]
    wanted = [resolve(module.Params, None, one) for one in sets]
    events = random_market(5, 2_000).events
    variants, kept = swept(module, wanted, [events], (2, 3))
    assert set(variants.failures) == {1, 3}
    assert "ZeroDivisionError" in variants.failures[1]
    assert variants.memories["calls"][[1, 3]].tolist() == [400, 700]
    sound, alone = swept(module, [wanted[0], wanted[2]], [events], (2, 3))
    assert [kept.bytes[0], kept.bytes[2]] == alone.bytes
    assert variants.traders[[0, 2]].tobytes() == sound.traders.tobytes()


def test_variants_of_other_features_are_no_variants_of_one_market() -> None:
    module, wanted = variants_of("obi_revert", [[], ["features.wall_k=3.0"]])
    with pytest.raises(ValueError, match="one \\[features\\] section"):
        swept(module, wanted, [], (2, 3))


def test_positions_are_where_the_loop_looks_first() -> None:
    assert Trader.dtype().fields["position"][1] == 0
    assert Position.dtype().itemsize == 64
    assert np.dtype(Trader.dtype()).fields["failed"][1] < 128
