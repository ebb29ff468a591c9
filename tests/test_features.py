"""Every feature of every row equals the slow, obvious version: no tolerance."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from micropulse.events import Events
from micropulse.testing.market import BTC, TINY
from micropulse.testing.markets import Stream, random_market, streams
from micropulse.testing.rows import events_of
from tests.oracle.features import Parameters, features
from tests.oracle.reading import read_frames
from tests.running import REAL, feature_rows, new_core, parameters, run_through


def as_sets(wanted: Parameters) -> list[str]:
    """The oracle's parameters as --set."""
    return [f"features.{name}={value}".replace("True", "true").replace("False", "false")
            for name, value in vars(wanted).items()]  # fmt: skip


def differences(stream: Stream, wanted: Parameters | None = None) -> list[str]:
    wanted = wanted or Parameters()
    decimals = (stream.scale.px_decimals, stream.scale.qty_decimals)
    core = new_core("idle", as_sets(wanted), decimals, sample_every=0)
    ran = run_through(core, [stream.events])
    slow = list(features(stream.rows, *decimals, wanted))
    fast = list(feature_rows(ran.out["samples"]))
    assert len(fast) == len(slow)
    return [
        f"seq {row['seq']} {name}: {row[name]} is {truth[name]}"
        for row, truth in zip(fast, slow, strict=True)
        for name in truth
        if row[name] != truth[name]
    ]


@given(streams(), parameters())
def test_nasty_streams_give_the_oracles_features(stream: Stream, wanted: Parameters) -> None:
    assert differences(stream, wanted) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [BTC, TINY], ids=["btc", "tiny"])
def test_a_long_market_gives_the_oracles_features(seed: int, scale: object) -> None:
    assert differences(random_market(seed, 4_000, scale)) == []  # type: ignore[arg-type]


def test_real_frames_give_the_oracles_features() -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    rows = tuple(read_frames(REAL, 2, 3))
    assert differences(Stream(BTC, rows)) == []


def test_non_prints_change_no_feature_but_pass_time() -> None:
    market = random_market(7, 3_000)
    odd = [
        row for row in market.rows if getattr(row, "kind", "") in ("NA", "INSURANCE_FUND", "ADL")
    ]
    assert odd, "the market must have non-prints for this test to say anything"
    core = new_core("idle", sample_every=0)
    before_after = list(feature_rows(run_through(core, [market.events]).out["samples"]))
    seqs = {row.seq for row in odd}
    still = ("mid", "spread", "microprice", "obi", "cvd", "bid_wall_px", "removed_wall_ts")
    for before, after in pairwise(before_after):
        if after["seq"] in seqs:
            assert [after[name] for name in still] == [before[name] for name in still]


def test_a_batch_may_hold_twenty_levels() -> None:
    market = random_market(3, 1_500)
    deep: Events = events_of(market.rows)
    five = run_through(new_core("idle", sample_every=0), [market.events])
    again = run_through(new_core("idle", sample_every=0), [deep])
    assert five.out.bytes() == again.out.bytes()
