"""`check`: each fault that is planted is found and named, and what is shipped has none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from micropulse.params import Settings, resolve
from micropulse.strategy import load_strategy
from micropulse.testing.ran import Ran, play
from replay.audit.auditor import audit
from replay.audit.rows import rows_of
from replay.simulator import write
from replay.source import open_source
from replay.strategy_check.activity import activity
from replay.strategy_check.check import check
from replay.strategy_check.costs import costs
from replay.strategy_check.dead import dead_parameters
from replay.strategy_check.deeds import Deeds, deeds_of
from replay.strategy_check.elsewhere import knows_from_elsewhere
from replay.strategy_check.fills import audited_fills, run_of
from replay.strategy_check.findings import Finding
from replay.strategy_check.future import sees_the_future
from replay.strategy_check.repeat import is_the_same_again, without_the_jit
from replay.strategy_check.stretch import Stretch, first_stretch
from replay.strategy_check.warm_up import depends_on_the_start

ROOT = Path(__file__).parents[1]
FAULTY = ROOT / "tests" / "strategies_under_test" / "faulty.py"
HONEST, BY_TIME, BY_COUNT, BY_CHANCE, SINCE_START, NEVER, ALWAYS, TOO_LARGE = range(8)


class Checked:
    """A strategy with a fault over the market, and what the questions need."""

    def __init__(self, strategy: ModuleType, stretch: Stretch, sets: list[str]) -> None:
        self.strategy, self.stretch = strategy, stretch
        self.settings: Settings = resolve(strategy.Params, None, sets)
        self.ran: Ran = play(strategy, stretch.recorded, self.settings)
        self.deeds: Deeds = deeds_of(self.ran.out)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five simulated minutes."""
    path = tmp_path_factory.mktemp("market") / "market.jsonl"
    write(path, 7, 1 / 12)
    return path


@pytest.fixture(scope="module")
def stretch(market: Path) -> Stretch:
    return first_stretch(open_source(str(market)))


@pytest.fixture(scope="module")
def faulty(stretch: Stretch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The faulty strategy beside its table: the best side five seconds ahead, every ten seconds."""
    folder = tmp_path_factory.mktemp("cheat")
    text = FAULTY.read_text(encoding="utf-8")
    drawn = text.replace(
        "return 0  # test_check.py draws", "return int(np.random.random() < 0.01)  #"
    )
    assert drawn != text
    (folder / "faulty.py").write_text(drawn, encoding="utf-8")
    table = stretch.events.depth
    call = {seq: k + 1 for k, seq in enumerate(stretch.recorded.seqs())}
    rows = []
    for row in range(600, len(table.seq) - 60, 100):
        rises = table.bid_px[0][row + 50] > table.bid_px[0][row]
        rows.append((table.ts_recv[row], call[int(table.seq[row])], 1 if rises else -1))
    np.save(folder / "answers.npy", np.array(rows, np.int64))
    return folder / "faulty.py"


@pytest.fixture(scope="module")
def with_fault(faulty: Path, stretch: Stretch) -> Callable[[int], Checked]:
    strategy = load_strategy(str(faulty))
    return lambda fault: Checked(strategy, stretch, [f"fault={fault}"])


def elsewhere(case: Checked, watched: Any = None) -> list[Finding]:
    given = (case.strategy, case.settings, case.stretch, case.deeds, watched)
    return list(knows_from_elsewhere(*given))


def wrong(findings: list[Finding]) -> list[str]:
    return [finding.what for finding in findings if finding.wrong]


# ---- each fault is named ---------------------------------------------------------------------


def test_a_table_of_the_future_keyed_by_time_is_found(
    with_fault: Callable[[int], Checked],
) -> None:
    case = with_fault(BY_TIME)
    assert len(case.deeds.entries()) > 10
    # It was made from the whole recording: what follows a cut changes nothing before it.
    assert list(sees_the_future(case.strategy, case.settings, case.stretch, case.deeds)) == []
    found = elsewhere(case)
    assert wrong(found) == ["by the date"]
    assert found[-1].seq == case.deeds.entries()[0][0]


def test_a_table_of_the_future_keyed_by_calls_is_found(
    with_fault: Callable[[int], Checked],
) -> None:
    case = with_fault(BY_COUNT)
    assert len(case.deeds.entries()) > 10
    found = elsewhere(case)
    assert wrong(found) == ["by the count"]
    assert {"reaches out", "large constant"} <= {finding.what for finding in found}


def test_the_file_it_reads_is_named_with_its_line(with_fault: Callable[[int], Checked]) -> None:
    case = with_fault(HONEST)
    watched, found = without_the_jit(case.strategy, case.settings, case.stretch, case.deeds)
    assert found == []
    assert watched is not None
    (touched,) = [one for one in watched.touched if one.event == "open"]
    line = FAULTY.read_text().splitlines()[touched.line - 1]
    assert "np.load(FILE)" in line
    (finding, *_) = elsewhere(case, watched)
    assert finding.wrong and finding.what == "outside knowledge"
    assert "answers.npy" in finding.where and f"line {touched.line}" in finding.where


def test_chance_is_found(with_fault: Callable[[int], Checked]) -> None:
    case = with_fault(BY_CHANCE)
    found = list(is_the_same_again(case.strategy, case.settings, case.stretch))
    assert wrong(found) == ["not deterministic"]
    assert found[0].seq is not None
    assert f"seq {found[0].seq}" in found[0].where


def test_a_count_since_the_start_is_found(with_fault: Callable[[int], Checked]) -> None:
    case = with_fault(SINCE_START)
    figures, found = depends_on_the_start(case.strategy, case.settings, case.stretch, case.ran.out)
    assert figures["warm_starts"] == 2
    assert figures["other"] > 0.1 * figures["entries"] > 0
    assert wrong(found) == ["warm-up"]


@pytest.mark.parametrize(
    ("fault", "what", "is_wrong"),
    [
        (NEVER, "never trades", False),
        (ALWAYS, "always trades", False),
        (TOO_LARGE, "never fills", True),
    ],
)
def test_one_that_never_or_always_trades_is_found(
    with_fault: Callable[[int], Checked], fault: int, what: str, is_wrong: bool
) -> None:
    case = with_fault(fault)
    figures, found = activity(case.strategy, case.ran)
    assert [(finding.what, finding.wrong) for finding in found] == [(what, is_wrong)]
    if fault == TOO_LARGE:
        assert figures["order_notes"] == {
            "quantity above the maximum of a market order": figures["entries"]
        }


def test_a_memory_that_is_not_empty_is_found(
    stretch: Stretch, with_fault: Callable[[int], Checked], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = with_fault(HONEST)
    filled = case.strategy.Memory.zeros(1)
    filled[0].rest_until = 7
    monkeypatch.setattr(case.strategy.Memory, "zeros", lambda n: filled)
    assert "memory" in wrong(elsewhere(case))


def test_one_that_numba_cannot_compile_is_told_so(stretch: Stretch, tmp_path: Path) -> None:
    rule = tmp_path / "clocked.py"
    text = FAULTY.read_text().replace("memory.calls += 1", "memory.calls += time.time_ns()")
    rule.write_text(text.replace("import numpy as np", "import time\n\nimport numpy as np"))
    strategy = load_strategy(str(rule))
    checked = check(strategy, resolve(strategy.Params), open_source("sim:7"))
    assert wrong(checked.findings) == ["does not compile"]
    assert checked.figures == {}


# ---- and nothing else is -----------------------------------------------------------------------


def test_the_honest_rule_has_no_fault_but_the_file(with_fault: Callable[[int], Checked]) -> None:
    case = with_fault(HONEST)
    given = (case.strategy, case.settings, case.stretch)
    assert len(case.deeds.entries()) > 5
    assert list(sees_the_future(*given, case.deeds)) == []
    assert list(is_the_same_again(*given)) == []
    assert wrong(elsewhere(case)) == []
    assert wrong(depends_on_the_start(*given, case.ran.out)[1]) == []
    dead, found = dead_parameters(*given, case.deeds, lambda share: None)
    assert dead == ["unused"]
    assert found[0].where == "unused"


def test_obi_revert_is_clean(stretch: Stretch) -> None:
    case = Checked(load_strategy("obi_revert"), stretch, ["enter_obi=0.6", "stands_ms=300"])
    given = (case.strategy, case.settings, case.stretch)
    assert list(sees_the_future(*given, case.deeds)) == []
    assert list(is_the_same_again(*given)) == []
    figures, found = depends_on_the_start(*given, case.ran.out)
    assert figures["entries"] > 5
    assert wrong(found) == []
    figures, found = audited_fills(*given, case.ran)
    assert figures["fills"] > 10
    assert found == []


def test_idle_is_only_said_to_be_idle(stretch: Stretch) -> None:
    case = Checked(load_strategy("idle"), stretch, [])
    (finding,) = activity(case.strategy, case.ran)[1]
    assert (finding.what, finding.wrong) == ("never trades", False)
    assert "none were considered" in finding.where
    assert wrong(elsewhere(case)) == []


def test_costs_are_those_of_runs_with_these_costs(with_fault: Callable[[int], Checked]) -> None:
    case = with_fault(HONEST)
    figures, _ = costs(case.strategy, case.settings, case.stretch, case.ran)
    sets = ["fault=0", "execution.taker_fee=0.001", "execution.latency=100"]
    double = play(case.strategy, case.stretch.recorded, resolve(case.strategy.Params, None, sets))
    net = float(figures["net_by_fees"]["2 x"])
    assert net == pytest.approx(double.out["trips"]["net"].sum() / 1e8, abs=1e-6)
    late = resolve(case.strategy.Params, None, ["fault=0", "execution.latency=350"])
    net = play(case.strategy, case.stretch.recorded, late).out["trips"]["net"].sum()
    assert float(figures["net_by_latency"]["+250 ms"]) == net / 1e8


def test_a_fill_that_could_not_be_had_is_found(with_fault: Callable[[int], Checked]) -> None:
    case = with_fault(HONEST)
    figures, found = audited_fills(case.strategy, case.settings, case.stretch, case.ran)
    assert (figures["wrong"], found) == (0, [])
    assert figures["fills"] == len(case.ran.out["fills"]) > 10
    run = run_of(case.ran, rows_of(case.stretch.events))
    run.fills["px"][3] -= run.fills["side"][3] * 10  # a tick better
    sentences = audit(run)
    assert sentences[0].startswith(f"fill of order {run.fills['order_id'][3]}")


# ---- the command -------------------------------------------------------------------------------


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "micropulse", "check", *map(str, words)]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, env=environment)


def test_the_command_names_the_cheat_and_ends_with_3(market: Path, faulty: Path) -> None:
    done = command(faulty, market, "--set", f"fault={BY_TIME}", "--json")
    assert done.returncode == 3, done.stderr
    said = json.loads(done.stdout)
    found = [finding["what"] for finding in said["findings"] if finding["wrong"]]
    assert sorted(found) == ["by the date", "outside knowledge"]
    assert said["wrong"] == 2
    assert all(finding["means"] and finding["to_do"] for finding in said["findings"])


def test_the_command_says_what_is_good_and_ends_with_0(market: Path) -> None:
    sets = ("--set", "entry.spike=false", "--set", "features.wall_k=3.0")
    done = command("wall_break", market, *sets)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing wrong" in done.stdout
    assert "WRONG" not in done.stdout
    audited = re.search(r"audited +(\d+) fills", done.stdout)
    assert audited is not None and int(audited[1]) > 10
