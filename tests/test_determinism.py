"""The same events give the same bytes: whatever the batches, the outboxes, the process, the JIT.

And nothing comes from the future: what is out before a cut does not change with what follows it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.events import Events
from micropulse.testing import Ran, Recorded, batch_invariant, no_lookahead, split
from micropulse.testing.markets import Stream, random_market, streams
from micropulse.testing.rows import events_of
from tests.audited import DICE_ORDERS
from tests.oracle.reading import read_frames
from tests.running import REAL, new_core, run_through

ROOT = Path(__file__).parents[1]
EAGER = (
    *("entry.spike=false", "entry.obi=false", "entry.acceleration=false"),
    *("features.wall_k=2.0", "features.wall_floor=1000.0", "features.wall_min_age_ms=100"),
)


SETS = {
    "wall_break": EAGER,
    "obi_revert": ("enter_obi=0.2", "stands_ms=300"),
    DICE_ORDERS: (
        *("execution.latency=20", "execution.jitter=30", "execution.response=60"),
        *("execution.queue=proportional", "qty=25"),
    ),
}


def run_one(batches: list[Events], strategy: str = "wall_break", rows: int = 4096) -> Ran:
    return run_through(new_core(strategy, SETS[strategy], rows=rows), batches)


def market(seed: int = 5, n: int = 5_000) -> Stream:
    return random_market(seed, n)


def recorded() -> Recorded:
    return Recorded("a market", "BTCUSDT", 2, 3, market().events)


@pytest.mark.parametrize("strategy", SETS)
def test_the_market_of_these_tests_makes_trades(strategy: str) -> None:
    ran = run_one([market().events], strategy)
    assert len(ran.out["trips"]) > 2
    assert len(ran.out["signals"]) > 10


@settings(max_examples=12)
@given(st.integers(0, 2**16), st.sampled_from(sorted(SETS)))
def test_any_split_and_any_outbox_give_the_same_bytes(seed: int, strategy: str) -> None:
    batch_invariant(strategy, recorded(), SETS[strategy], splits=4, seed=seed)


@given(streams(), st.sampled_from(["wall_break", DICE_ORDERS]))
def test_nasty_streams_event_by_event_give_the_same_bytes(stream: Stream, strategy: str) -> None:
    whole = run_one([stream.events], strategy)
    single = run_one([events_of([row]) for row in stream.rows], strategy, rows=1)
    assert single.out.bytes() == whole.out.bytes()
    assert single.core.digest() == whole.core.digest()


@settings(max_examples=20)
@given(st.integers(1, 4_999), st.sampled_from(["wall_break", DICE_ORDERS]))
def test_resumed_from_a_snapshot_it_goes_on_with_the_same_bytes(cut: int, strategy: str) -> None:
    events = market().events
    whole = run_one([events], strategy)
    before, after = split(events, [cut])
    first = run_one([before], strategy)
    second = new_core(strategy, SETS[strategy])
    second.restore(first.core.snapshot())
    rest = run_through(second, [after])
    for name, table in whole.out.bytes().items():
        assert first.out.bytes()[name] + rest.out.bytes()[name] == table, name
    assert second.snapshot() == whole.core.snapshot()


@settings(max_examples=12)
@given(st.integers(0, 2**16), st.sampled_from(sorted(SETS)))
def test_nothing_before_a_cut_changes_with_what_follows(seed: int, strategy: str) -> None:
    assert no_lookahead(strategy, recorded(), SETS[strategy], cuts=2, seed=seed) > 0


def in_a_process(
    stream_seed: int, n: int, strategy: str = "wall_break", **environment: str
) -> dict[str, str]:
    """Digest and snapshot hash of a run in a fresh process."""
    code = (
        "import hashlib, json, sys\n"
        "from tests.test_determinism import market, run_one\n"
        "events = market(int(sys.argv[1]), int(sys.argv[2])).events\n"
        "core = run_one([events], sys.argv[3]).core\n"
        "state = hashlib.sha256(core.snapshot()).hexdigest()\n"
        "print(json.dumps({'digest': core.digest(), 'state': state}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(stream_seed), str(n), strategy],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_two_processes_give_the_same_digest() -> None:
    assert in_a_process(5, 5_000, PYTHONHASHSEED="1") == in_a_process(5, 5_000, PYTHONHASHSEED="2")


@pytest.mark.parametrize("strategy", ["wall_break", DICE_ORDERS])
def test_without_the_jit_the_bytes_are_the_same(strategy: str) -> None:
    compiled = in_a_process(5, 4_000, strategy)
    assert in_a_process(5, 4_000, strategy, NUMBA_DISABLE_JIT="1") == compiled


@pytest.mark.parametrize("strategy", ["wall_break", DICE_ORDERS])
def test_no_read_is_out_of_bounds(strategy: str) -> None:
    checked = in_a_process(5, 4_000, strategy, NUMBA_BOUNDSCHECK="1")
    assert checked == in_a_process(5, 4_000, strategy)


def test_real_frames_in_any_split_give_the_same_bytes() -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    assert batch_invariant("wall_break", REAL, EAGER, splits=3) == backtested(REAL)


def backtested(path: Path) -> str:
    """The digest of the oracle's reading of a frames file."""
    whole = run_one([events_of(list(read_frames(path, 2, 3)))])
    assert len(whole.out["trips"]) > 2
    return whole.core.digest()
