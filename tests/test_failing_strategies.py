"""A strategy that is wrong: where, before anything begins; and what becomes of its position."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from micropulse.params import ParamsError, resolve
from micropulse.schema import FAILED, STRATEGY_FAILED
from micropulse.strategy import StrategyError, load_strategy
from micropulse.testing.markets import random_market
from replay.backtest import Session
from replay.live.plan import Plan
from replay.live.symbol import Live
from replay.server.background import running_server
from replay.source import open_source
from replay.verify import verify
from tests.running import Kept, new_core

ROOT = Path(__file__).parents[1]
FAILING = ROOT / "tests" / "strategies_under_test" / "failing.py"
HEAD = """from micropulse.record import Record, i8
class Params(Record):
    a: i8
class Memory(Record):
    n: i8
"""
MARKET = random_market(3, 2_000).events
SIGNATURE = "def decide(features, position, memory, params, intent):\n"


def ran(*sets: str) -> tuple[Any, Kept]:
    core = new_core(str(FAILING), ["execution.latency=0", *sets])
    out = Kept()
    core.feed(MARKET, [out])
    return core, out


def begin_live(strategy: Path, folder: Path) -> None:
    module = load_strategy(str(strategy))
    plan = Plan("BTCUSDT", folder, folder / "run", module, resolve(module.Params))
    Live(plan, lambda session: [])


def wait_for(happened: Callable[[], bool], live: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while not happened():
        assert live.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def journaled(folder: Path) -> int:
    """Bytes of the journal."""
    return sum(path.stat().st_size for path in (folder / "data").glob("**/*.journal"))


def line_of(text: str) -> int:
    return FAILING.read_text(encoding="utf-8").split(text)[0].count("\n") + 1


# ---- before anything begins ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        (SIGNATURE + "    memory.n += params.missing\n", 7, "no field 'missing'"),
        (SIGNATURE + "    x = memory.n + 'a'\n    memory.n = x\n", 7, "memory.n + 'a'"),
        (SIGNATURE + "    with open('f') as f:\n        memory.n = 1\n", 6, "does not compile"),
        ("def decide(features, position):\n    pass\n", 6, "five arguments"),
    ],
)
def test_what_cannot_run_is_named_with_file_and_line_before_a_connection(
    tmp_path: Path, body: str, line: int, said: str
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(HEAD + body, encoding="utf-8")
    with pytest.raises(StrategyError) as caught:
        begin_live(path, tmp_path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert said in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_reason_beyond_its_range_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    reason = "from enum import IntEnum\nclass Reason(IntEnum):\n    MUCH = 255\n"
    path.write_text(HEAD + reason + SIGNATURE + "    pass\n", encoding="utf-8")
    with pytest.raises(StrategyError, match=r"Reason\.MUCH is 255"):
        load_strategy(str(path))


@pytest.mark.parametrize("wrong", ["exit.sl_ticks=-5", "entry.obi_min=1.5", "entry.obi_min=nan"])
def test_a_parameter_out_of_its_range_is_named_with_its_path(wrong: str) -> None:
    with pytest.raises(ParamsError, match=rf"at `\$\.{wrong.partition('=')[0]}`"):
        resolve(load_strategy("wall_break").Params, None, [wrong])


# ---- while it runs ---------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "said"), [(1, "raise ValueError"), (2, "memory.held = 5 //")])
def test_one_that_raises_is_asked_no_more_and_its_position_is_closed(how: int, said: str) -> None:
    core, out = ran(f"how={how}")
    failed = out["signals"][out["signals"]["kind"] == FAILED]
    assert len(failed) == 1
    assert failed["seq"][0] == core.state.failure.seq
    assert core.failure.startswith(f"{FAILING}:{line_of(said)}: ")
    assert out["trips"]["exit_reason"].tolist() == [STRATEGY_FAILED]
    assert core.state.account.qty == 0
    assert core.memories[0].held in (50, 51)
    assert out["orders"]["seq"].max() < core.state.clock.seq - 500  # nothing was asked later


@example((1, 1, 2**62, 0, 0))
@example((0, 0, 0, 0, 300))
@example((2, 0, 0, -1, 0))
@given(
    st.tuples(
        st.integers(-3, 4),
        st.integers(-3, 3),
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-300, 600),
        st.integers(-300, 600),
    )
)
def test_what_nobody_can_do_is_a_failure_and_anything_else_is_not(
    asked: tuple[int, int, int, int, int],
) -> None:
    action, side, qty, reason, refused = asked
    names = ("action", "side", "qty", "reason", "refused")
    sets = [f"{name}={value}" for name, value in zip(names, asked, strict=True)]
    core, out = ran("how=3", "after=5", *sets)
    mid2_max = 4 * 10**7
    sane = action in (0, 1, 2) and side in (-1, 0, 1) and qty >= 0
    sane = sane and 0 <= reason < STRATEGY_FAILED and 0 <= refused < STRATEGY_FAILED
    if qty <= 2**62 // mid2_max or not sane:
        assert bool(core.state.failure.why) == (not sane)
    if core.state.failure.why:
        assert "nonsense" in core.failure
        assert str(action) in core.failure
        assert core.state.account.qty == 0
        assert out["trips"]["exit_reason"].tolist() == [STRATEGY_FAILED]


def test_live_the_recording_goes_on_and_the_run_verifies(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "micropulse", "live", "BTCUSDT", "--strategy", str(FAILING)]
    words += ["--data", str(tmp_path / "data"), "--run", str(tmp_path / "run"), "--json"]
    words += ["--set", "execution.latency=0", "--transactions", str(tmp_path / "t.csv")]
    said = tmp_path / "said"
    with running_server("sim:7", speed=20.0) as server, said.open("w") as errors:
        live = subprocess.Popen(
            [*words, "--url", server.url], cwd=ROOT, stdout=subprocess.PIPE, stderr=errors
        )
        wait_for(lambda: "Recording goes on" in said.read_text(encoding="utf-8"), live)
        written = journaled(tmp_path)
        wait_for(lambda: journaled(tmp_path) > written + 100_000, live)
        live.send_signal(signal.SIGTERM)
        out, _ = live.communicate(timeout=60)
    assert live.returncode == 1
    summary = json.loads(out.splitlines()[-1])
    assert f"{FAILING}:{line_of('raise ValueError')}" in summary["strategy_failed"]
    verdict = verify(tmp_path / "run")
    assert verdict.same
    session = Session(
        open_source(str(tmp_path / "data")),
        load_strategy(str(FAILING)),
        resolve(load_strategy(str(FAILING)).Params, None, ["execution.latency=0"]),
    )
    session.run([])
    failure = session.core.state.failure
    assert session.core.state.clock.seq > failure.seq + 200
    assert "strategy_failed" in (tmp_path / "t.csv").read_text(encoding="utf-8")
