"""The same events give the same bytes: whatever the batches, the outboxes, the process, the JIT.

And nothing comes from the future: what is out before a cut does not change with what follows it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.events import DEPTHS, Events, joined, no_depth, no_events
from micropulse.run import Core
from micropulse.testing import Ran, Recorded, batch_invariant, no_lookahead, split
from micropulse.testing.markets import Stream, random_market, streams
from micropulse.testing.rows import events_of
from tests.audited import DICE_ORDERS
from tests.effort import few
from tests.oracle.reading import read_frames
from tests.running import REAL, new_core, run_through

ROOT = Path(__file__).parents[1]
WALLS = ("features.wall_k=2.0", "features.wall_floor=1000.0", "features.wall_min_age_ms=100")
EAGER = ("entry.spike=false", "entry.obi=false", "entry.acceleration=false", *WALLS)


SETS = {
    "wall_break": EAGER,
    "obi_revert": ("enter_obi=0.2", "stands_ms=300"),
    DICE_ORDERS: (
        *("execution.latency=20", "execution.jitter=30", "execution.response=60"),
        *("execution.queue=proportional", "qty=25", *WALLS),
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


@few(6)
@given(st.integers(0, 2**16), st.sampled_from(sorted(SETS)))
def test_any_split_and_any_outbox_give_the_same_bytes(seed: int, strategy: str) -> None:
    batch_invariant(strategy, recorded(), SETS[strategy], splits=4, seed=seed)


@few(30)
@given(streams(), st.sampled_from(["wall_break", DICE_ORDERS]))
def test_nasty_streams_event_by_event_give_the_same_bytes(stream: Stream, strategy: str) -> None:
    # As deep as it gets: each depth of a batch compiles the loop anew, for 6 CPU-s.
    events = joined([no_events()._replace(depth=no_depth(max(DEPTHS))), stream.events])
    whole = run_one([events], strategy)
    single = run_one(split(events, [row.seq for row in stream.rows]), strategy, rows=1)
    assert single.out.bytes() == whole.out.bytes()
    assert single.core.digest() == whole.core.digest()


@few(12)
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


@few(8)
@given(st.integers(0, 2**16), st.sampled_from(sorted(SETS)))
def test_nothing_before_a_cut_changes_with_what_follows(seed: int, strategy: str) -> None:
    assert no_lookahead(strategy, recorded(), SETS[strategy], cuts=2, seed=seed) > 0


def said_of(core: Core) -> dict[str, str]:
    """Digest and snapshot hash of a run."""
    return {"digest": core.digest(), "state": hashlib.sha256(core.snapshot()).hexdigest()}


def in_a_process(n: int, strategy: str, **environment: str) -> dict[str, str]:
    """The same of a run in a fresh process."""
    code = (
        "import json, sys\n"
        "from tests.test_determinism import market, run_one, said_of\n"
        "core = run_one([market(n=int(sys.argv[1])).events], sys.argv[2]).core\n"
        "print(json.dumps(said_of(core)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(n), strategy],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def here(n: int, strategy: str) -> dict[str, str]:
    """The same of a run in this process, whatever its hash seed."""
    return said_of(run_one([market(n=n).events], strategy).core)


def test_two_processes_give_the_same_digest() -> None:
    mine = os.environ.get("PYTHONHASHSEED")
    seed = "2" if mine == "1" else "1"
    assert in_a_process(5_000, "wall_break", PYTHONHASHSEED=seed) == here(5_000, "wall_break")


# Walls stand from about event 1,800 on; 3,000 events are 3 round trips, 2,000 of the dice 56.
@pytest.mark.parametrize(("strategy", "n"), [("wall_break", 3_000), (DICE_ORDERS, 2_000)])
def test_without_the_jit_the_bytes_are_the_same(strategy: str, n: int) -> None:
    assert in_a_process(n, strategy, NUMBA_DISABLE_JIT="1") == here(n, strategy)


def test_no_read_is_out_of_bounds() -> None:
    """Of the one strategy that asks for every kind of order; walls are watched for any."""
    checked = in_a_process(4_000, DICE_ORDERS, NUMBA_BOUNDSCHECK="1")
    assert checked == here(4_000, DICE_ORDERS)


def test_real_frames_in_any_split_give_the_same_bytes() -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    assert batch_invariant("wall_break", REAL, EAGER, splits=3) == backtested(REAL)


def backtested(path: Path) -> str:
    """The digest of the oracle's reading of a frames file."""
    whole = run_one([events_of(list(read_frames(path, 2, 3)))])
    assert len(whole.out["trips"]) > 2
    return whole.core.digest()
