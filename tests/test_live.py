"""Live paper trading: killed, resumed, under faults, and still what its own recording says."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from recorder.entries import read_entries
from recorder.folder import journals, tape_folder
from recorder.tape import TapeSource
from replay.backtest import Session
from replay.live.symbol import Live, LiveError, Plan
from replay.server.background import running_server
from replay.verify import verify

ROOT = Path(__file__).parents[1]
EAGER = ROOT / "tests" / "strategies_under_test" / "eager.py"

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
at = 20.0
code = 1001

[[fault]]
kind = "cut"
at = 45.0
"""


def command(url: str, folder: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "micropulse", "live", "BTCUSDT", "--url", url]
    words += ["--strategy", str(EAGER), "--set", "execution.latency=5"]
    words += ["--data", str(folder / "data"), "--run", str(folder / "run")]
    return [*words, "--transactions", str(folder / "transaction.csv"), *more]


def last_seq(folder: Path) -> int:
    """The last seq that is in the journal."""
    found = [read_entries(path.read_bytes()) for _, path in journals(folder)]
    return max((int(one.table[2].max()) for one in found if one.n), default=-1)


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_killed_and_resumed_it_is_what_its_recording_says(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text(FAULTS, encoding="utf-8")
    chance, kills = random.Random(5), 3
    tape = tape_folder(tmp_path / "data", "BTCUSDT")
    with running_server("sim:7", speed=20.0, faults=tmp_path / "faults.toml") as server:
        for run in range(kills + 1):
            words = command(server.url, tmp_path)
            out = (tmp_path / f"out-{run}").open("wb")
            live = subprocess.Popen(words, cwd=ROOT, stdout=out, stderr=out)
            began, deadline = last_seq(tape), time.monotonic() + 90
            while last_seq(tape) < began + 300:
                assert live.poll() is None, (tmp_path / f"out-{run}").read_text(encoding="utf-8")
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(chance.random())
            live.send_signal(signal.SIGKILL if run < kills else signal.SIGTERM)
            code = live.wait(timeout=60)
            out.close()
            assert code == (-signal.SIGKILL if run < kills else 0)
    verdict = verify(tmp_path / "run")
    assert verdict.same, verdict
    assert verdict.notes == []
    assert verdict.counts["events"] > 300 * (kills + 1)
    appended, rebuilt = (
        lines_of(tmp_path / "transaction.csv"),
        lines_of(tmp_path / "run" / "transaction.csv"),
    )
    assert appended == rebuilt
    assert len(appended) >= 10
    assert "rebuilt from" in (tmp_path / f"out-{kills}").read_text(encoding="utf-8")
    assert "mid=" in (tmp_path / f"out-{kills}").read_text(encoding="utf-8")


def test_a_backtest_of_the_tape_has_the_digest_of_the_live_run(tmp_path: Path) -> None:
    with running_server("sim:9", speed=20.0) as server:
        words = command(server.url, tmp_path, "--duration", "3s", "--json")
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["round_trips"] > 3
    strategy = load_strategy(str(EAGER))
    settings = resolve(strategy.Params, None, ["execution.latency=5"])
    session = Session(TapeSource(tmp_path / "data", "BTCUSDT"), strategy, settings)
    session.run([])
    assert session.core.digest() == summary["digest"]
    assert verify(tmp_path / "run").digest == summary["digest"]


def test_another_rule_in_the_same_run_is_refused(tmp_path: Path) -> None:
    with running_server("sim:9", speed=20.0) as server:
        words = command(server.url, tmp_path, "--duration", "1s")
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    strategy = load_strategy(str(EAGER))
    run, data = tmp_path / "run", tmp_path / "data"
    other = resolve(strategy.Params, None, ["lean=0.5"])
    with pytest.raises(LiveError, match="another set of parameters"):
        Live(Plan("BTCUSDT", data, run, strategy, other), lambda session: [])
    idle = load_strategy("idle")
    with pytest.raises(LiveError, match="another strategy"):
        Live(Plan("BTCUSDT", data, run, idle, resolve(idle.Params)), lambda session: [])
    fresh = Live(Plan("BTCUSDT", data, run, strategy, other), lambda session: [], fresh=True)
    assert fresh.rebuilt == 0
