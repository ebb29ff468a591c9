"""The ledger of every variant that was ever tried on a data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from replay.backtest import backtest
from replay.report.card import variants_tried
from replay.runs import Run
from replay.simulator import write
from replay.source import open_source
from replay.sweep.ledger import LEDGER, LedgerError, enter, tried


def test_a_backtest_is_entered_too_and_a_report_says_how_many_were_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        write(tmp_path / f"day{seed}.jsonl", seed, 0.02)
    strategy = load_strategy("obi_revert")
    for obi in (0.3, 0.6, 0.6):
        wanted = resolve(strategy.Params, None, [f"enter_obi={obi}"])
        backtest(open_source("day1.jsonl"), strategy, wanted, tmp_path / "run", ledger=LEDGER)
    backtest(open_source("day2.jsonl"), strategy, wanted, tmp_path / "other")
    assert variants_tried(Run(tmp_path / "run")) == 2
    assert variants_tried(Run(tmp_path / "other")) is None


def test_a_torn_line_of_the_ledger_is_passed_over_and_a_strange_one_is_named(
    tmp_path: Path,
) -> None:
    ledger = tmp_path / "runs" / "ledger.jsonl"
    enter(ledger, "day", "mine", ["b", "a"])
    with ledger.open("a") as file:
        file.write('{"data": "day", "stra')
    enter(ledger, "day", "mine", ["a", "c"])
    assert tried(ledger, ["day"]) == {"a", "b", "c"}
    with ledger.open("a") as file:
        file.write("{}\n")
    with pytest.raises(LedgerError, match="Line 4 of"):
        tried(ledger, ["day"])
