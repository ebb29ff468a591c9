"""`compare`: where two runs part, which trades they share, and how far they are apart."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micropulse.params import resolve
from micropulse.schema import ENTRY_REFUSED
from micropulse.strategy import load_strategy
from replay.backtest import Session, backtest
from replay.compare.comparison import CompareError, Comparison, compare
from replay.compare.page import page
from replay.compare.paired import Bucket, _apart, apart
from replay.compare.parting import Change, near
from replay.compare.trades import Trade, match_trades, trades_of
from replay.runs import RunError
from replay.simulator import write
from replay.source import open_source
from tests.browser import chromium, tab
from tests.page_shape import shape_of
from tests.running import Kept

ROOT = Path(__file__).parents[1]
LOW, HIGH = 0.2, 0.4
BASE = ("entry.spike=false", "entry.acceleration=false")
RULES = {
    "low": (*BASE, f"entry.obi_min={LOW}"),
    "again": (*BASE, f"entry.obi_min={LOW}"),
    "high": (*BASE, f"entry.obi_min={HIGH}"),
    "slow": (*BASE, f"entry.obi_min={LOW}", "execution.latency=250", "features.wall_k=4.9"),
}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five simulated minutes."""
    path = tmp_path_factory.mktemp("market") / "market.jsonl"
    write(path, 7, 1 / 12)
    return path


def run_of(source: Path | str, folder: Path, sets: tuple[str, ...], strategy: str) -> Path:
    module = load_strategy(strategy)
    backtest(open_source(str(source)), module, resolve(module.Params, None, list(sets)), folder)
    return folder


@pytest.fixture(scope="module")
def runs(market: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("runs")
    made = {name: run_of(market, home / name, sets, "wall_break") for name, sets in RULES.items()}
    return made | {"other": run_of(market, home / "other", ("enter_obi=0.6",), "obi_revert")}


@pytest.fixture(scope="module")
def low_high(runs: dict[str, Path]) -> Comparison:
    return compare(runs["low"], runs["high"])


# ---- the parting, by brute force -------------------------------------------------------------


Did = dict[int, list[tuple[int, ...]]]


def walked(market: Path, sets: tuple[str, ...]) -> tuple[Any, Did]:
    """A row of features an event, and what was done at each: decisions, orders, fills."""
    module, kept = load_strategy("wall_break"), Kept()
    settings = resolve(module.Params, None, list(sets))
    Session(open_source(str(market)), module, settings, sample_every=0).run([kept])
    did: Did = {int(seq): [] for seq in kept["samples"]["seq"]}
    for row in kept["signals"]:
        if row["kind"] >= ENTRY_REFUSED:
            did[int(row["seq"])].append((int(row["kind"]), int(row["reason"])))
    for row in kept["orders"]:
        did[int(row["status_seq"])].append(tuple(int(row[n]) for n in ("id", "status", "filled")))
    for row in kept["fills"]:
        did[int(row["seq"])].append(tuple(int(row[n]) for n in ("px", "qty", "fee")))
    return kept["samples"], did


def test_two_thresholds_part_where_a_walk_over_every_event_says(
    market: Path, low_high: Comparison
) -> None:
    (samples, one), (_, other) = (walked(market, RULES[name]) for name in ("low", "high"))
    first = next(seq for seq in one if one[seq] != other[seq])
    parting = low_high.partings[0]
    assert (parting.what, parting.seq) == ("decision", first)
    seen = samples["features"][list(one).index(first)]
    assert parting.values["obi"] == (seen["obi"], seen["obi"])
    assert LOW <= abs(seen["obi"]) < HIGH
    assert "obi" in parting.near
    assert low_high.changes == [Change("strategy.entry.obi_min", LOW, HIGH)]
    assert [(cause.path, cause.makes) for cause in parting.causes] == [
        ("strategy.entry.obi_min", "b")
    ]
    assert low_high.features_part is None
    acts = next(seq for seq in one if orders_in(one[seq]) != orders_in(other[seq]))
    assert low_high.places[-1] == ("order" if acts != first else "decision", acts)


def orders_in(did: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Orders and fills: rows of three."""
    return [row for row in did if len(row) == 3]


def test_the_frame_is_that_of_the_event(market: Path, low_high: Comparison) -> None:
    lines = market.read_text(encoding="utf-8").splitlines()
    for parting in low_high.partings:
        assert lines[parting.seq].partition(" ")[2] == parting.frame


def test_a_latency_parts_at_the_fill_and_is_named_as_the_cause(runs: dict[str, Path]) -> None:
    found = compare(runs["low"], runs["slow"])
    first = found.partings[0]
    assert any("filled" in line for line in first.a_did)
    assert first.b_did == ["nothing"]
    makes = {cause.path: cause.makes for cause in first.causes}
    assert makes == {"features.wall_k": "a", "execution.latency": "b"}
    assert any("[execution] and [features]" in note for note in found.notes)


def test_a_run_against_itself_and_against_its_twin_differs_in_nothing(
    runs: dict[str, Path],
) -> None:
    for other in ("low", "again"):
        found = compare(runs["low"], runs[other])
        assert found.same
        assert (found.places, found.partings, found.changes) == ([], [], [])
        assert all(figure.difference in (0, None) for figure in found.figures)
        trades = found.trades
        assert (trades.only_a, trades.only_b, trades.different) == ([], [], [])
        assert len(trades.same) == len(trades_of(found.a)) > 5
        assert found.agreed is not None


def test_two_strategies_are_compared_without_causes(runs: dict[str, Path]) -> None:
    found = compare(runs["low"], runs["other"])
    assert "The runs differ in their strategy." in found.notes
    assert found.partings[0].causes == []
    assert not found.same


def test_without_the_recording_the_rest_is_still_told(
    market: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    copy, folders = tmp_path / "copy.jsonl", [tmp_path / "a", tmp_path / "b"]
    shutil.copy(market, copy)
    for folder, name in zip(folders, ("low", "high"), strict=True):
        run_of(copy, folder, RULES[name], "wall_break")
    copy.unlink()
    found = compare(*folders)
    assert found.partings == [] and len(found.places) > 0 and not found.same
    assert any("cannot be looked at again" in note for note in found.notes)
    assert compare(*folders, str(market)).partings[0].frame is not None


# ---- trades ----------------------------------------------------------------------------------


def test_trades_are_matched_as_two_loops_match_them(low_high: Comparison) -> None:
    a, b = trades_of(low_high.a), trades_of(low_high.b)
    found = match_trades(a, b)
    both = [(x, y) for x in a for y in b if (x.seq, x.side) == (y.seq, y.side)]
    assert len(found.same) + len(found.different) == len(both) > 0
    assert len(found.only_a) == len(a) - len(both)
    assert len(found.only_b) == len(b) - len(both)
    assert found.only_a and found.only_b
    assert [pair for pair in both if pair[0] != pair[1]] == [p[:2] for p in found.different]
    trips = low_high.a.trips
    closed = [trade for trade in a if trade.net is not None]
    assert sum((t.net for t in closed if t.net), Decimal(0)) == trips["net"].sum()
    assert [t.exit_fill_seq for t in closed] == trips["exit_seq"].to_list()
    entered = low_high.a.orders.filter(status="submitted", closes=False)["seq"].to_list()
    assert [t.seq for t in a] == [seq for seq in entered if seq in {t.seq for t in a}]


def trade(**changes: Any) -> Trade:
    plain = Trade(7, 1, "long", Decimal(1), 8, Decimal(100), "why", Decimal("0.1"))
    return plain._replace(**changes)


def test_another_exit_is_a_difference_and_another_side_another_trade() -> None:
    closed = trade(exit_seq=9, exit_px=Decimal(101))
    found = match_trades([closed, trade(seq=20)], [trade(exit_seq=11), trade(seq=20, side="short")])
    (pair,) = found.different
    assert pair.fields == ("exit_seq", "exit_px")
    assert (len(found.only_a), len(found.only_b), found.same) == (1, 1, [])


# ---- figures ---------------------------------------------------------------------------------


def test_buckets_add_up_to_the_totals(low_high: Comparison) -> None:
    totals = {figure.name: figure for figure in low_high.figures}
    for side, run in (("a", low_high.a), ("b", low_high.b)):
        sums = {m: sum(getattr(k, side)[m] for k in low_high.buckets) for m in ("net", "fees")}
        assert sums["net"] == getattr(totals["net, open marked"], side)
        assert sums["fees"] == Decimal(run.summary["fees"])
    assert all(one.plain()["paired"] is None for one in low_high.apart)  # one bucket, or two


def buckets_of(a: np.ndarray, b: np.ndarray) -> list[Bucket]:
    def side(value: float) -> dict[str, Decimal]:
        return dict.fromkeys(("net", "gross", "fees", "trades"), Decimal(str(value)))

    return [Bucket(k, side(x), side(y)) for k, (x, y) in enumerate(zip(a, b, strict=True))]


def test_a_paired_interval_is_narrower_by_what_the_market_did_to_both() -> None:
    chance = np.random.default_rng(3)
    market = chance.normal(0, 10, 144)
    a, b = market + chance.normal(0, 1, 144), market + chance.normal(0.5, 1, 144)
    found = apart(buckets_of(a.round(6), b.round(6)))[0]
    assert found.paired.mid == pytest.approx((b - a).sum())
    assert found.paired.low < found.paired.mid < found.paired.high
    assert found.unpaired[0] < found.paired.low < found.paired.high < found.unpaired[1]
    assert found.narrower is not None and found.narrower > 4
    # What is independent gains nothing by pairing.
    free = apart(buckets_of(a.round(6), chance.permutation(b).round(6)))[0]
    assert free.narrower is not None and 0.6 < free.narrower < 1.6
    assert _apart("net", buckets_of(a[:5], b[:5])).plain()["paired"] is None


def test_what_lies_between_two_thresholds_is_near() -> None:
    values: dict[str, tuple[Any, Any]] = {
        **{"obi": (-0.3, -0.3), "mid": (6e4, 6e4), "avg": (0.25, 0.25), "gone": (None, None)}
    }
    assert near([Change("entry.obi_min", 0.2, 0.4)], values) == ["obi", "avg"]
    assert near([Change("entry.wall", True, False), Change("x", "tokyo", 5)], values) == []


# ---- what is refused ---------------------------------------------------------------------------


def test_other_events_other_symbols_and_no_runs_are_refused(
    market: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    part = tmp_path / "part.jsonl"
    text = market.read_text(encoding="utf-8").splitlines(keepends=True)
    part.write_text("".join(text[:3_000]), encoding="utf-8")
    short = run_of(part, tmp_path / "short", RULES["low"], "wall_break")
    with pytest.raises(CompareError, match="did not read the same events"):
        compare(runs["low"], short)
    other = "".join(text[:3_000]).replace("BTCUSDT", "ETHUSDT").replace("btcusdt", "ethusdt")
    part.write_text(other, encoding="utf-8")
    eth = run_of(part, tmp_path / "eth", RULES["low"], "wall_break")
    with pytest.raises(CompareError, match="two symbols"):
        compare(short, eth)
    with pytest.raises(RunError, match="no run folder"):
        compare(runs["low"], tmp_path)


# ---- the page and the command ------------------------------------------------------------------


def test_the_page_stands_alone_and_has_the_same_figures(low_high: Comparison) -> None:
    text = page(low_high)
    assert len(text) < 3_000_000
    shape_of(text)
    said = low_high.plain()
    for figure in said["figures"]:
        assert f"<td>{figure['difference']}</td>" in text
    assert str(said["partings"][0]["seq"]) in text
    assert f"Only in A ({len(said['trades']['only_a'])})" in text


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_the_chart_is_drawn_in_both_themes_and_on_a_phone(
    low_high: Comparison, tmp_path: Path
) -> None:
    path = tmp_path / "compare.html"
    path.write_text(page(low_high), encoding="utf-8")
    only_in = len(low_high.trades.only_a) > 0, len(low_high.trades.only_b) > 0
    with tab(tmp_path / "profile") as browser:
        for dark, width in ((False, 1200), (True, 390)):
            browser.open(path, dark=dark, width=width)
            drawn = browser.value("document.querySelectorAll('#chart-time .trace').length")
            assert drawn == 4 + sum(only_in)
            assert browser.value("document.body.scrollWidth <= window.innerWidth")
        assert browser.complaints == []
        assert [one for one in browser.requests if not one.startswith(("file:", "data:"))] == []


def test_runs_without_a_trade_or_without_events_have_a_page(tmp_path: Path) -> None:
    module = load_strategy("idle")
    for from_ns in (None, 2**62):
        source = open_source("sim:3", None, from_ns)
        backtest(source, module, resolve(module.Params), tmp_path / "idle")
        found = compare(tmp_path / "idle", tmp_path / "idle")
        assert found.same
        assert len(found.buckets) == (1 if from_ns is None else 0)
        assert "did the same" in page(found)


def test_the_command_backtests_both_rules_of_a_source(
    market: Path, low_high: Comparison, tmp_path: Path
) -> None:
    sets = [w for s in RULES["low"] for w in ("--set-a", s)]
    sets += [w for s in RULES["high"] for w in ("--set-b", s)]
    words = ["compare", str(market), *sets, "-o", str(tmp_path / "out"), "--json"]
    line = [sys.executable, "-m", "micropulse", *words]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    said, expected = json.loads(done.stdout), json.loads(json.dumps(low_high.plain()))
    for name in ("figures", "buckets", "trades", "parameters", "partings", "agreed"):
        assert said[name] == expected[name], name
    assert (tmp_path / "out" / "compare.html").stat().st_size > 2_000_000
    assert (tmp_path / "out" / "a" / "run.json").is_file()
    wrong = subprocess.run([*line[:4], str(tmp_path), str(tmp_path), "--set-a", "x=1"], cwd=ROOT)
    assert wrong.returncode == 2
