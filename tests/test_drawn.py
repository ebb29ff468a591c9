"""Markets that the testing kit draws, and the page that tells how to use it."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.digest import InputDigest
from micropulse.testing import Recorded, batch_invariant, live_is_replay, no_lookahead, read
from micropulse.testing.drawn import (
    Changes,
    changed,
    lively_markets,
    nasty_markets,
    perturbed,
    slices,
)
from tests.effort import few

ROOT = Path(__file__).parents[1]
EAGER = ROOT / "tests" / "strategies_under_test" / "eager.py"
SAMPLE = read(ROOT / "data" / "sample.jsonl.gz")


def input_digest(recorded: Recorded) -> str:
    digest = InputDigest()
    digest.update(recorded.events)
    return digest.hexdigest()


@given(slices(SAMPLE, 50))
def test_a_slice_is_a_stretch_without_holes(part: Recorded) -> None:
    whole, seqs = SAMPLE.seqs(), part.seqs()
    assert 1 <= len(seqs) <= 50
    first = whole.index(seqs[0])
    assert whole[first : first + len(seqs)] == seqs


@given(st.integers(0, 2**16))
def test_no_change_leaves_a_recording_as_it_was(seed: int) -> None:
    assert input_digest(changed(SAMPLE, Changes(seed=seed))) == input_digest(SAMPLE)


@given(perturbed(SAMPLE, 300))
def test_a_perturbed_recording_is_one_that_could_have_been_received(market: Recorded) -> None:
    """In the order of receipt, and within a stream as it was sent."""
    assert market.seqs() == list(range(market.events.n))
    seqs, stamps = (
        np.concatenate([getattr(table, name) for table in market.events])
        for name in ("seq", "ts_recv")
    )
    assert (np.diff(stamps[np.argsort(seqs)]) >= 0).all()
    assert (np.diff(market.events.depth.last_id) >= 0).all()
    assert (np.diff(market.events.trades.trade_id) >= 0).all()


def test_each_change_is_made() -> None:
    depth, trades = SAMPLE.events.depth, SAMPLE.events.trades
    up = changed(SAMPLE, Changes(up_ticks=3)).events
    assert (up.trades.px - trades.px == 30 * (trades.px > 0)).all()  # 0 is no price
    assert (up.depth.bid_px[4] - depth.bid_px[4] == 30).all()
    larger = changed(SAMPLE, Changes(larger=10)).events
    assert (larger.depth.ask_qty[0] == depth.ask_qty[0] * 10).all()
    fewer = changed(SAMPLE, Changes(dropped=0.5)).events
    assert 0.4 < len(fewer.trades.seq) / len(trades.seq) < 0.6
    twice = changed(SAMPLE, Changes(doubled=0.5)).events
    assert 1.4 < len(twice.trades.seq) / len(trades.seq) < 1.6
    late = changed(SAMPLE, Changes(delayed=0.1, late_ms=86)).events
    assert (late.trades.ts_recv >= trades.ts_recv).all()
    assert late.trades.ts_recv.max() - trades.ts_recv.max() <= 86_000_000
    assert (late.depth.seq != depth.seq).any()  # trades came before books that they came after


@few(5)
@given(perturbed(SAMPLE, 500) | nasty_markets() | lively_markets(500), st.integers(0, 2**16))
def test_on_drawn_markets_a_strategy_has_its_properties(market: Recorded, seed: int) -> None:
    batch_invariant(EAGER, market, ["execution.latency=5"], splits=1, seed=seed)
    no_lookahead(EAGER, market, ["execution.latency=5"], cuts=1, seed=seed)


# ---- docs/testing.md -------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)  # indented: tests/test_pages.py


def found_in(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(block, "docs/testing.md", "exec"), names)
    return {name: test for name, test in names.items() if name.startswith("test_")}


@pytest.mark.parametrize("block", [block for block in BLOCKS if "live_is_replay" not in block])
def test_the_tests_on_the_page_pass_as_they_stand(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(EAGER, tmp_path / "my_rule.py")
    shutil.copy(ROOT / "data" / "sample.jsonl.gz", tmp_path / "night.jsonl.gz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = found_in(block)
    assert found
    for test in found.values():
        asked = inspect.signature(test).parameters
        here = {"tmp_path": tmp_path, "recording": SAMPLE}
        test(**{name: value for name, value in here.items() if name in asked})


def test_the_live_test_on_the_page_asks_for_what_there_is() -> None:
    (block,) = [block for block in BLOCKS if "live_is_replay" in block]
    assert len(found_in(block)) == 1
    given_there = set(re.findall(r"(\w+)=", block.partition("live_is_replay(\n")[2]))
    there = set(inspect.signature(live_is_replay).parameters)
    assert {"folder", "faults", "kills", "seed"} <= given_there - {"lean"}
    assert given_there - {"lean"} <= there
