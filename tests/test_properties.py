"""The testing kit: each property holds for a good strategy or run, and fails for a bad one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from micropulse.testing import (
    Recorded,
    accounts_reconcile,
    batch_invariant,
    deterministic,
    no_lookahead,
    play,
    sane_orders,
)
from micropulse.testing.live import appended_once
from micropulse.testing.markets import Stream, streams
from micropulse.testing.orders import stale_spans
from replay.backtest import backtest
from replay.compare.trades import trades_of
from replay.runs import Run
from replay.source import open_source
from tests.planted import one_more, planted

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample.jsonl.gz"
EAGER = ROOT / "tests" / "strategies_under_test" / "eager.py"
DICE_ORDERS = EAGER.with_name("dice_orders.py")
SETS = ["execution.latency=20", "turn=-0.5"]


# ---- strategies ------------------------------------------------------------------------------

RULE = """
import os
import sys

from micropulse.record import Record, f8, i8
from micropulse.schema import ENTER, EXIT


class Params(Record):
    lean: f8 = 0.1


class Memory(Record):
    calls: i8


{names}


def decide(features, position, memory, params, intent):
    memory.calls += 1
    {wish}
    if position.side == 0 and wanted:
        intent.action = ENTER
        intent.side = 1
    elif position.side != 0 and not wanted:
        intent.action = EXIT
"""

# What makes `wanted`, and what is defined before. All but the first do what no strategy may.
LEANS = ("", "wanted = features.obi > params.lean")
BY_LOAD = (  # what chance would do, but for certain
    "os.environ['LOADS'] = os.environ.get('LOADS', '') + 'x'\n"
    "LEAN = len(os.environ['LOADS']) % 2 * 4 - 2",
    "wanted = features.obi > LEAN",
)
PEEKS = (
    """
def next_bid():
    at = sys._getframe(2).f_locals
    k, depth = at["out"].cursor.depth, at["events"].depth
    return depth.bid_px[0][k] / 100 if k < len(depth.seq) else 0.0
""",
    "wanted = next_bid() > features.mid",
)
BY_BATCH = (
    "def place():\n    return sys._getframe(2).f_locals['out'].cursor.depth",
    "wanted = place() % 7 < 3",
)
RULES = {"leans": LEANS, "by_load": BY_LOAD, "peeks": PEEKS, "by_batch": BY_BATCH}

IN_PYTHON = """
import json, sys
from micropulse.testing import Recorded, batch_invariant, deterministic, no_lookahead
from micropulse.testing.markets import random_market
market = Recorded("market", "BTCUSDT", 2, 3, random_market(5, 200).events)
checks = {
    "deterministic": lambda path: deterministic(path, market),
    "batch_invariant": lambda path: batch_invariant(path, market, splits=1),
    "no_lookahead": lambda path: no_lookahead(path, market, cuts=[100]),
}
said = {}
for asked in sys.argv[1:]:
    name, path = asked.split(":")
    try:
        checks[name](path)
        said[asked] = ""
    except AssertionError as error:
        said[asked] = str(error)
print(json.dumps(said))
"""

ASKED = (
    *(f"{name}:leans" for name in ("deterministic", "batch_invariant", "no_lookahead")),
    *("deterministic:by_load", "no_lookahead:peeks"),
    *("deterministic:by_batch", "batch_invariant:by_batch"),
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the properties say of each rule. Not compiled: compiled, none of them could cheat."""
    folder = tmp_path_factory.mktemp("rules")
    for name, (names, wish) in RULES.items():
        text = RULE.format(names=names, wish=wish)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    words = [asked.replace(":", f":{folder}/") + ".py" for asked in ASKED]
    done = subprocess.run(
        [sys.executable, "-c", IN_PYTHON, *words],
        cwd=ROOT,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(ASKED, json.loads(done.stdout).values(), strict=True))


def test_a_rule_that_does_nothing_wrong_has_all_properties(judged: dict[str, str]) -> None:
    assert [judged[asked] for asked in ASKED if "leans" in asked] == ["", "", ""]


def test_a_constant_drawn_by_load_is_not_deterministic(judged: dict[str, str]) -> None:
    said = judged["deterministic:by_load"]
    assert "Two runs of the same events differ, first at seq" in said


def test_a_look_at_the_next_book_is_seen(judged: dict[str, str]) -> None:
    said = judged["no_lookahead:peeks"]
    assert "What is out before seq 100 depends on what follows" in said
    assert ", field " in said
    assert " against " in said


def test_a_rule_that_knows_its_place_in_the_batch_is_seen(judged: dict[str, str]) -> None:
    assert "batches with an outbox of" in judged["batch_invariant:by_batch"]
    assert judged["deterministic:by_batch"] == ""


@pytest.mark.parametrize("strategy", ["wall_break", "obi_revert", str(EAGER)])
def test_our_strategies_have_all_properties_on_the_sample(strategy: str) -> None:
    digest = batch_invariant(strategy, SAMPLE, splits=2)
    assert no_lookahead(strategy, SAMPLE, cuts=2) > 10
    if strategy == "obi_revert":
        assert deterministic(strategy, SAMPLE) == digest


# ---- runs ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    strategy = load_strategy(str(EAGER))
    wanted = resolve(strategy.Params, None, [*SETS, "execution.order_qty=4.0"])
    backtest(open_source(str(SAMPLE)), strategy, wanted, folder)
    return folder


def test_a_run_reconciles_and_its_orders_are_sane(run: Path) -> None:
    fills, orders = accounts_reconcile(run), sane_orders(run)
    made = Run(run)
    assert fills == len(made.fills) > 50
    assert orders > 20
    assert max(made.fills["slice"].to_list()) > 0  # some orders took several levels
    assert {"submitted", "filled", "expired"} <= set(made.orders["status"].to_list())


def test_a_run_with_orders_that_rest_does_too(tmp_path: Path) -> None:
    strategy = load_strategy(str(DICE_ORDERS))
    sets = ["qty=25", "faces=40", "execution.latency=20", "execution.tier=vip3"]
    wanted = resolve(strategy.Params, None, sets)
    backtest(open_source(str(SAMPLE)), strategy, wanted, tmp_path / "run")
    fills, orders = accounts_reconcile(tmp_path / "run"), sane_orders(tmp_path / "run")
    made = Run(tmp_path / "run")
    assert (fills, orders) == (len(made.fills), made.orders["order_id"].n_unique())
    assert made.fills["maker"].sum() > 20 and made.fees == ("0.00012", "0.00032")
    assert len(trades_of(made)) - len(made.trips) in (0, 1) and len(made.trips) > 20


@pytest.mark.parametrize(
    ("table", "row", "field", "said"),
    [
        ("fills", 3, "fee", "field fee"),
        ("fills", 5, "px", "field fee"),
        ("fills", 4, "qty", "field fee"),
        ("samples", 40, "cash", "sample 40, field cash"),
        ("samples", 40, "position", "sample 40, field position"),
        ("samples", 40, "equity", "sample 40, field equity"),
        ("orders", 1, "filled", "field filled"),
    ],
)
def test_a_number_that_is_off_by_a_unit_is_found(
    run: Path, tmp_path: Path, table: str, row: int, field: str, said: str
) -> None:
    bad = planted(run, tmp_path / "bad", table, row, field, one_more)
    with pytest.raises(AssertionError, match=said):
        accounts_reconcile(bad)


@pytest.mark.parametrize("field", ["gross", "net", "fees"])
def test_totals_that_are_not_the_sums_are_found(run: Path, tmp_path: Path, field: str) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(run, bad)
    summary = json.loads((bad / "summary.json").read_text(encoding="utf-8"))
    summary[field] = "1.00000000"
    (bad / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(AssertionError, match=f"field {field}"):
        accounts_reconcile(bad)


def test_an_edited_round_trip_is_found(run: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(run, bad)
    path = bad / "transaction.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = lines[2].split(",")
    cells[lines[0].split(",").index("net")] = "0.00000001"
    lines[2] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="round trip 1, field net: it is 1, and must be"):
        accounts_reconcile(bad)


@pytest.mark.parametrize(
    ("table", "row", "field", "change", "said"),
    [
        ("orders", 2, "side", lambda side: {"buy": "sell", "sell": "buy"}[side], "field side"),
        ("orders", 2, "seq", lambda seq: 0, "while the order before was in flight"),
        ("orders", 2, "status", lambda status: "rejected", "field status"),
        ("orders", 1, "note", lambda note: None, "expired and does not say why"),
        ("fills", 0, "seq", lambda seq: 0, "on its own event"),
        ("fills", 0, "side", lambda side: "sell" if side == "buy" else "buy", "field"),
    ],
)
def test_an_order_that_could_not_be_is_found(
    run: Path, tmp_path: Path, table: str, row: int, field: str, change: Any, said: str
) -> None:
    bad = planted(run, tmp_path / "bad", table, row, field, change)
    with pytest.raises(AssertionError, match=said):
        sane_orders(bad)


@given(streams())
def test_the_kit_and_the_core_agree_on_when_the_book_is_stale(stream: Stream) -> None:
    """One walks over the events' columns, the other is the fold."""
    strategy = load_strategy("idle")
    recorded = Recorded("drawn", "BTCUSDT", 2, 3, stream.events)
    if not recorded.events.n:
        return
    samples = play(strategy, recorded, resolve(strategy.Params), sample_every=0).out["samples"]
    spans = stale_spans([recorded.events])
    for sample in samples:
        seq = int(sample["seq"])
        stale = any(first <= seq < end for first, end in spans)
        assert bool(sample["features"]["book_stale"]) == stale, (seq, spans)


def test_a_round_trip_twice_and_one_that_is_missing_are_found(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "transaction.csv"
    lines = (run / "transaction.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines), encoding="utf-8")
    appended_once(file, run)
    file.write_text("".join([*lines, lines[3]]), encoding="utf-8")
    with pytest.raises(AssertionError, match="twice"):
        appended_once(file, run)
    file.write_text("".join([*lines[:3], *lines[4:]]), encoding="utf-8")
    with pytest.raises(AssertionError, match="row 2, field id"):
        appended_once(file, run)
