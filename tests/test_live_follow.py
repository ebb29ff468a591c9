"""Paper trading on the tape of a recorder that is already running, which records all there is."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from recorder.folder import tape_folder
from recorder.following import end_of
from recorder.tape import TapeSource
from replay.backtest import Session
from replay.live.follow import data_folder
from replay.live.plan import LiveError, Plan
from replay.live.symbol import Live
from replay.server.background import running_server
from replay.verify import verify
from tests.test_live import EAGER, ROOT, lines_of

CLI = [sys.executable, "-m", "micropulse"]


def following(folder: Path, *more: str) -> list[str]:
    words = [*CLI, "live", "BTCUSDT", "--follow", str(folder / "data"), "--strategy", str(EAGER)]
    words += ["--set", "execution.latency=5", "--run", str(folder / "run")]
    return [*words, "--transactions", str(folder / "transaction.csv"), *more]


@contextmanager
def recorder(url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running `micropulse record`, ended in order."""
    words = [*CLI, "record", "BTCUSDT", "--url", url, "--data", str(folder / "data")]
    with (folder / "recorder.log").open("ab") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(what: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_killed_and_resumed_it_is_what_the_recording_says_while_that_goes_on(
    tmp_path: Path,
) -> None:
    chance, kills = random.Random(3), 2
    tape = tape_folder(tmp_path / "data", "BTCUSDT")
    with running_server("sim:7", speed=20.0) as server, recorder(server.url, tmp_path) as recording:
        wait_for(lambda: end_of(tape) > 200)
        for run in range(kills + 1):
            out = (tmp_path / f"out-{run}").open("wb")
            live = subprocess.Popen(following(tmp_path), cwd=ROOT, stdout=out, stderr=out)
            said = tmp_path / f"out-{run}"
            wait_for(lambda said=said: said.read_text().count("mid=") > 2)
            time.sleep(chance.random())
            live.send_signal(signal.SIGKILL if run < kills else signal.SIGTERM)
            code = live.wait(timeout=60)
            out.close()
            assert code == (-signal.SIGKILL if run < kills else 0), said.read_text()
        ran = json.loads((tmp_path / "run" / "run.json").read_text())
        assert 200 < ran["source"]["first_seq"] < ran["source"]["last_seq"]
        wait_for(lambda: end_of(tape) > ran["source"]["last_seq"] + 3)
        assert recording.poll() is None
        verdict = verify(tmp_path / "run")  # the tape has grown past the run, and still does
        assert verdict.same, verdict
        assert verdict.notes == []
    sealed = verify(tmp_path / "run")  # and now it is sealed
    assert (sealed.same, sealed.digest, sealed.notes) == (True, verdict.digest, [])
    appended = lines_of(tmp_path / "transaction.csv")
    assert appended == lines_of(tmp_path / "run" / "transaction.csv")
    assert len(appended) >= 10
    assert "present end of the tape" in (tmp_path / "out-0").read_text()
    assert "rebuilt from" in (tmp_path / f"out-{kills}").read_text()


def test_a_recorder_that_dies_stops_or_starts_again_is_said(tmp_path: Path) -> None:
    said = tmp_path / "out"
    with running_server("sim:9", speed=20.0) as server:
        out = said.open("wb")
        live = subprocess.Popen(following(tmp_path), cwd=ROOT, stdout=out, stderr=out)
        wait_for(lambda: "there is no tape" in said.read_text())
        with recorder(server.url, tmp_path) as recording:
            wait_for(lambda: "the tape goes on" in said.read_text())
            wait_for(lambda: "mid=" in said.read_text())
            recording.kill()
            recording.wait()
            wait_for(lambda: "it was killed" in said.read_text())
        with recorder(server.url, tmp_path) as recording:
            wait_for(lambda: said.read_text().count("its recorder begins") == 2)
            os.kill(recording.pid, signal.SIGSTOP)
            wait_for(lambda: "writes nothing" in said.read_text())
            os.kill(recording.pid, signal.SIGCONT)
            wait_for(lambda: said.read_text().count("the tape goes on") == 3)
        wait_for(lambda: "has stopped in order" in said.read_text())
        live.send_signal(signal.SIGINT)
        assert live.wait(timeout=30) == 130
        out.close()
    verdict = verify(tmp_path / "run")
    assert verdict.same, verdict
    strategy = load_strategy(str(EAGER))
    settings = resolve(strategy.Params, None, ["execution.latency=5"])
    session = Session(TapeSource(tmp_path / "data", "BTCUSDT"), strategy, settings)
    session.run([])  # it was there from the first entry on, so it is the backtest of the tape
    assert session.core.digest() == verdict.digest


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    strategy = load_strategy("idle")
    plan = Plan("BTCUSDT", tmp_path, tmp_path / "run", strategy, resolve(strategy.Params))
    first = Live(plan, lambda session: [])
    with pytest.raises(LiveError, match="another process"):
        Live(plan, lambda session: [])
    first.discard()
    Live(plan, lambda session: []).discard()


def test_a_line_is_printed_when_it_comes_not_when_many_have(tmp_path: Path) -> None:
    script = "from replay.live.eyes import Eyes; import sys; eyes = Eyes(); eyes.show('one\\n'); "
    script += "sys.stdin.read(); eyes.close()"
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shown:
        assert shown.stdout is not None
        assert shown.stdin is not None
        assert shown.stdout.readline() == b"one\n"  # while it waits for its stdin to end
        shown.stdin.close()
        assert shown.stdout.read() == b""


@pytest.mark.parametrize(
    "more", [["--url", "ws://x"], ["--streams", "trade"], ["--health-port", "0"], ["--data", "d"]]
)
def test_what_a_recorder_is_told_is_a_usage_error(tmp_path: Path, more: list[str]) -> None:
    done = subprocess.run(following(tmp_path, *more), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert more[0] in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_folder_may_be_that_of_all_tapes_or_of_one(tmp_path: Path) -> None:
    tape = tape_folder(tmp_path / "data", "BTCUSDT")
    assert data_folder(tmp_path / "data", "BTCUSDT") == tmp_path / "data"  # not there yet
    (tape / "journal").mkdir(parents=True)
    (tape / "journal" / "000001.journal").touch()
    for folder in (tmp_path, tmp_path / "data", tape.parent, tape):
        assert data_folder(folder, "BTCUSDT") == tmp_path / "data"
    with pytest.raises(LiveError, match="not the tape of ETHUSDT"):
        data_folder(tape, "ETHUSDT")
