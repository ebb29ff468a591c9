"""Live paper trading: killed, resumed, under faults, and still what its own recording says.

The market goes at a multiple of its speed and a session for some seconds of real time, which is
what `ts_recv` shows. Shipped strategies are warm after ten seconds of feed: `obi_revert` trades in
the end. `wall_break` needs sixty for its walls and makes no trade here; its samples, signals and
State are compared all the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micropulse.events import RUN_START
from micropulse.params import resolve
from micropulse.strategy import load_strategy
from micropulse.testing import Lived, accounts_reconcile, live_is_replay, read, sane_orders
from micropulse.testing.live import (
    appended_once,
    is_what_its_recording_says,
    last_seq,
    lines_of,
)
from recorder.folder import tape_folder
from recorder.tape import TapeSource
from replay.live.plan import LiveError, Plan
from replay.live.symbol import Live
from replay.server.background import running_server
from replay.simulator import write
from tests.scripted_server import wait_until

ROOT = Path(__file__).parents[1]
EAGER = ROOT / "tests" / "strategies_under_test" / "eager.py"
DRAWN_RULES = max(1, settings().max_examples // 50)  # each takes some seconds

FAULTS = """
[[fault]]
kind = "drop"
share = 0.01
seed = 3

[[fault]]
kind = "duplicate"
share = 0.01
seed = 4

[[fault]]
kind = "garbage"
share = 0.005
seed = 5

[[fault]]
kind = "close"
at = 8.0
code = 1001

[[fault]]
kind = "cut"
at = 25.0
"""

OFTEN = ("enter_obi=0.6", "stands_ms=20", "time_stop_ms=200", "execution.latency=5")
WARM_S = 13.0  # ten, and three to trade in
SHIPPED: dict[str, tuple[str, ...]] = {"wall_break": (), "obi_revert": OFTEN}


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "faults.toml"
    path.write_text(FAULTS, encoding="utf-8")
    return path


# ---- killed at random instants ---------------------------------------------------------------


def proved(lived: Lived) -> dict[str, Any]:
    """What holds of every live run, besides that its recording explains it."""
    assert accounts_reconcile(lived.run) == lived.summary["fills"]
    assert sane_orders(lived.run) == lived.summary["orders"]
    assert "rebuilt from" in lived.said[-1]
    assert "mid=" in lived.said[-1]
    return lived.summary


@pytest.fixture(scope="module")
def shipped(
    faults: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Lived]]]:
    """Both shipped strategies, each against an exchange of its own. `obi_revert` mostly waits, to
    be warm: whoever asks for this first starts them, and other tests run meanwhile."""
    folders = {name: tmp_path_factory.mktemp(name) for name in SHIPPED}

    def lived(name: str) -> Lived:
        folder, sets = folders[name], SHIPPED[name]
        return live_is_replay(
            name,
            "sim:7",
            sets,
            folder=folder,
            faults=faults,
            kills=1,
            seed=3,
            speed=8.0,
            seconds=WARM_S if sets else 0.3,
        )

    with ThreadPoolExecutor(len(SHIPPED)) as threads:
        yield {name: threads.submit(lived, name) for name in SHIPPED}


RULES = st.fixed_dictionaries(
    {
        "lean": st.floats(0.0, 0.6).map(lambda lean: round(lean, 3)),
        "turn": st.sampled_from((0.0, -2.0, -0.3, 0.2)),
        "time_stop_ms": st.integers(1, 3_000),
        "flow_min": st.sampled_from((0.0, 20.0, 300.0)),
        "pause_ms": st.sampled_from((0, 50, 500)),
        "execution.latency": st.sampled_from((5, 0, 40, 300)),
    }
)
HOLDS = {"turn": -2.0, "time_stop_ms": 700, "execution.latency": 5}  # from exit to exit


@settings(max_examples=DRAWN_RULES)
@example(HOLDS, 1, 5)
@given(RULES, st.integers(1, 2), st.integers(0, 2**16))
def test_any_rule_killed_and_resumed_is_what_its_recording_says(
    faults: Path,
    shipped: object,
    tmp_path_factory: pytest.TempPathFactory,
    rule: dict[str, object],
    kills: int,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("rule")
    sets = [f"{name}={value}" for name, value in rule.items()]
    script = None if rule == HOLDS else faults
    lived = live_is_replay(
        EAGER,
        "sim:7",
        sets,
        folder=folder,
        faults=script,
        kills=kills,
        seed=seed,
        seconds=0.3,
    )
    summary = proved(lived)
    control = read(TapeSource(lived.data, "BTCUSDT")).events.control
    starts = control.ts_recv[control.kind == RUN_START].tolist()
    assert len(starts) == kills + 1
    if rule == HOLDS:  # so it was killed with a position, and left when it was back
        through = [
            trip
            for trip in lines_of(lived.transactions)
            if int(trip["entry_ts"]) < starts[1] < int(trip["exit_ts"])
        ]
        assert [trip["exit_reason"] for trip in through] == ["time_stop"]
        assert through[0]["after_gap"] == "true"
        assert summary["counts"]["events"] > 200


# ---- several symbols, and what is refused ----------------------------------------------------


SYMBOLS = ("BTCUSDT", "ETHUSDT")
BRISK = ["execution.latency=5", "time_stop_ms=100"]


@pytest.fixture(scope="module")
def two_symbols(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of two markets in one frames file."""
    folder = tmp_path_factory.mktemp("markets")
    lines: list[str] = []
    for seed, symbol in zip((7, 8), SYMBOLS, strict=True):
        path = folder / f"{symbol}.jsonl"
        write(path, seed, 1 / 6)
        text = path.read_text(encoding="utf-8").replace("BTCUSDT", symbol)
        lines += text.replace("btcusdt", symbol.lower()).splitlines(keepends=True)
    both = folder / "both.jsonl"
    both.write_text("".join(sorted(lines)), encoding="utf-8")
    return both


@pytest.fixture(scope="module")
def several(two_symbols: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which both symbols were traded by one command, into its default places."""
    folder = tmp_path_factory.mktemp("several")
    tapes = [tape_folder(folder / "data", symbol) for symbol in SYMBOLS]
    with running_server(two_symbols, speed=20.0) as server, (folder / "said").open("wb") as out:
        words = [sys.executable, "-m", "micropulse", "live", *SYMBOLS, "--strategy", str(EAGER)]
        words += ["--url", server.url, *(word for one in BRISK for word in ("--set", one))]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        live = subprocess.Popen(words, cwd=folder, env=environment, stdout=out, stderr=out)
        try:
            wait_until(
                lambda: live.poll() is not None or min(map(last_seq, tapes)) >= 1_000, seconds=60
            )
            assert live.poll() is None, (folder / "said").read_text(encoding="utf-8")
            live.terminate()
            assert live.wait(timeout=60) == 0, (folder / "said").read_text(encoding="utf-8")
        finally:
            live.kill()
    return folder


def test_several_symbols_at_once_are_each_what_their_recording_says(several: Path) -> None:
    strategy = load_strategy(str(EAGER))
    wanted = resolve(strategy.Params, None, BRISK)
    runs = [several / "runs" / f"live-{symbol}-eager" for symbol in SYMBOLS]
    for run, symbol in zip(runs, SYMBOLS, strict=True):
        summary = is_what_its_recording_says(run, strategy, wanted, several / "data", symbol)
        assert summary["symbol"] == symbol
        assert summary["round_trips"] > 1
        accounts_reconcile(run)
        sane_orders(run, str(several / "data"))
    appended_once(several / "transaction.csv", *runs)


def test_several_symbols_are_told_apart_in_what_is_printed(several: Path) -> None:
    printed = (several / "said").read_text(encoding="utf-8").splitlines()
    lines = [line for line in printed if "mid=" in line or " -- " in line or " == " in line]
    assert {line.split()[1] for line in lines} == set(SYMBOLS)


def test_another_rule_in_the_same_run_is_refused(several: Path) -> None:
    strategy = load_strategy(str(EAGER))
    run, data = several / "runs" / "live-BTCUSDT-eager", several / "data"
    other = resolve(strategy.Params, None, ["lean=0.5"])
    with pytest.raises(LiveError, match="another set of parameters"):
        Live(Plan("BTCUSDT", data, run, strategy, other), lambda session: [])
    idle = load_strategy("idle")
    with pytest.raises(LiveError, match="another strategy"):
        Live(Plan("BTCUSDT", data, run, idle, resolve(idle.Params)), lambda session: [])
    fresh = Live(Plan("BTCUSDT", data, run, strategy, other), lambda session: [], fresh=True)
    assert fresh.rebuilt == 0


# ---- the shipped strategies, which were under way all the time --------------------------------


@pytest.mark.parametrize("strategy", SHIPPED)
def test_a_shipped_strategy_killed_and_resumed_is_what_its_recording_says(
    shipped: dict[str, Future[Lived]], strategy: str
) -> None:
    lived = shipped[strategy].result()
    summary = proved(lived)
    assert summary["strategy"] == strategy
    assert summary["events"] > 400
    assert {"drop", "duplicate"} <= {done["kind"] for done in lived.injected}
    if strategy == "obi_revert":
        assert summary["round_trips"] > 0
        assert len(lines_of(lived.transactions)) == summary["round_trips"]
