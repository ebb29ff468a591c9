"""`verify`: a run is what its recording says, and a planted difference is found where it begins."""

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
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from replay.backtest import backtest
from replay.simulator import write
from replay.source import open_source
from replay.tape_files import import_frames
from replay.verify import VerifyError, compare_runs, verify

ROOT = Path(__file__).parents[1]
RULE = (ROOT / "strategies" / "obi_revert.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.jsonl"
    write(path, 7, 1 / 12)
    return path


def run_of(source: Path, folder: Path, strategy: str = "wall_break", sets: Any = None) -> Path:
    module = load_strategy(strategy)
    backtest(open_source(str(source)), module, resolve(module.Params, None, sets), folder)
    return folder


@pytest.mark.parametrize("strategy", ["wall_break", "obi_revert"])
def test_a_backtest_is_rebuilt_to_the_last_bit(market: Path, tmp_path: Path, strategy: str) -> None:
    verdict = verify(run_of(market, tmp_path / "run", strategy))
    assert verdict.same, verdict
    assert verdict.notes == []
    said = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert verdict.digest == said["digest"]
    assert said["counts"]["events"] > 10_000


def test_a_run_of_a_tape_and_of_a_part_of_it_are_rebuilt(market: Path, tmp_path: Path) -> None:
    import_frames(market, tmp_path / "data")
    assert verify(run_of(tmp_path / "data", tmp_path / "whole")).same
    module = load_strategy("wall_break")
    (events,) = open_source(str(tmp_path / "data"))
    start, stop = (int(events.trades.ts_recv[k]) for k in (2_000, 8_000))
    part = open_source(str(tmp_path / "data"), None, start, stop)
    backtest(part, module, resolve(module.Params), tmp_path / "part")
    verdict = verify(tmp_path / "part")
    assert verdict.same
    assert 6_000 <= verdict.counts["trades"] < 10_000


def test_a_users_strategy_and_a_moved_source_are_found(market: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "my_rule.py").write_text(RULE, encoding="utf-8")
    shutil.copy(market, there / "market.jsonl")
    run_of(there / "market.jsonl", tmp_path / "run", str(there / "my_rule.py"))
    shutil.move(there / "market.jsonl", tmp_path / "elsewhere.jsonl")
    shutil.rmtree(there)
    assert verify(tmp_path / "run", str(tmp_path / "elsewhere.jsonl")).same


def test_a_changed_parameter_is_seen_at_its_first_effect(market: Path, tmp_path: Path) -> None:
    run = run_of(market, tmp_path / "run")
    said = json.loads((run / "run.json").read_text(encoding="utf-8"))
    said["params"]["strategy"]["entry"]["obi_min"] = -1.0
    (run / "run.json").write_text(json.dumps(said), encoding="utf-8")
    verdict = verify(run)
    assert not verdict.same
    found = verdict.divergence
    assert found is not None
    other = run_of(market, tmp_path / "other", sets=["entry.obi_min=-1.0"])
    signals = [pq.read_table(folder / "signals.parquet") for folder in (run, other)]
    first = next(
        row
        for row, (a, b) in enumerate(zip(*(t["kind"].to_pylist() for t in signals), strict=False))
        if a != b or signals[0]["reason"][row].as_py() != signals[1]["reason"][row].as_py()
    )
    assert found.seq is not None
    assert found.seq <= signals[0]["seq"][first].as_py()
    assert found.frame is not None
    assert '"stream"' in found.frame


def edited(path: Path, column: str, row: int) -> tuple[Any, Any]:
    """Change one value of a Parquet file by its last bit; (old, new)."""
    table = pq.read_table(path)
    values = np.array(table[column].to_numpy(), copy=True)
    old = values[row]
    values[row] = np.nextafter(old, np.inf) if values.dtype.kind == "f" else old + 1
    at = table.schema.get_field_index(column)
    new = pa.array(values).cast(table.schema.field(column).type)
    pq.write_table(table.set_column(at, column, new), path, store_decimal_as_integer=True)
    return old, values[row]


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [("samples", "obi", 77), ("signals", "age_s", 5), ("orders", "books", 1), ("fills", "seq", 0)],
)
def test_one_bit_in_a_result_is_found_in_its_place(
    market: Path, tmp_path: Path, table: str, column: str, row: int
) -> None:
    run = run_of(market, tmp_path / "run")
    old, new = edited(run / f"{table}.parquet", column, row)
    assert old != new
    found = verify(run).divergence
    assert found is not None
    assert (found.table, found.row, found.field) == (table, row, column)
    assert found.one != found.other


def test_an_edited_round_trip_is_found(market: Path, tmp_path: Path) -> None:
    run = run_of(market, tmp_path / "run")
    path = run / "transaction.csv"
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") > 1
    path.write_text(text.replace("flow_reversed", "take_profit", 1), encoding="utf-8")
    found = verify(run).divergence
    assert found is not None
    assert (found.table, found.field) == ("transaction.csv", "exit_reason")
    path.write_text(text.partition("\n")[0] + "\n", encoding="utf-8")
    found = verify(run).divergence
    assert found is not None
    assert found.one == "no row"


def test_two_swapped_events_are_found(market: Path, tmp_path: Path) -> None:
    lines = market.read_text(encoding="utf-8").splitlines(keepends=True)
    source = tmp_path / "market.jsonl"
    source.write_text("".join(lines), encoding="utf-8")
    run = run_of(source, tmp_path / "run")
    trades = [k for k, line in enumerate(lines) if "@trade" in line]
    at = next(k for k in trades[5_000:] if k + 1 in trades and k + 2 in trades)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    source.write_text("".join(lines), encoding="utf-8")
    verdict = verify(run)
    assert not verdict.same
    assert "is not the file that was read" in verdict.notes[0]
    assert verdict.divergence is not None


def test_a_harmed_tape_is_named(market: Path, tmp_path: Path) -> None:
    import_frames(market, tmp_path / "data")
    run = run_of(tmp_path / "data", tmp_path / "run")
    path = next((tmp_path / "data").glob("**/trades-*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table, path)
    verdict = verify(run)
    assert any("is harmed" in note and path.name in note for note in verdict.notes)


def swapped(table: pa.Table, k: int) -> pa.Table:
    """Two neighbours change places: all but their `seq` and when they came."""
    order = np.arange(len(table))
    order[[k, k + 1]] = k + 1, k
    moved = table.take(order)
    for name in ("seq", "ts_recv"):
        at = table.schema.get_field_index(name)
        moved = moved.set_column(at, table.schema.field(name), table[name])
    return moved


def one_unit_more(table: pa.Table, k: int) -> pa.Table:
    """The quantity of a row is another by its last digit."""
    qty = table["qty"].to_pylist()
    qty[k] += Decimal("0.001")
    at, field = table.schema.get_field_index("qty"), table.schema.field("qty")
    return table.set_column(at, field, pa.array(qty, field.type))


@pytest.mark.parametrize("change", [swapped, one_unit_more])
def test_an_event_of_the_tape_that_is_not_as_it_was_is_found_in_its_place(
    market: Path, tmp_path: Path, change: Any
) -> None:
    """The last trade before a sample: that sample is the first thing that it changes."""
    import_frames(market, tmp_path / "data")
    run = run_of(tmp_path / "data", tmp_path / "run")
    path = next((tmp_path / "data").glob("**/trades-*.parquet"))
    table = pq.read_table(path)
    seq, ts = table["seq"].to_numpy(), table["ts_recv"].cast(pa.int64()).to_numpy()
    second, qty = -(-ts // 10**9), table["qty"].to_pylist()
    k = next(
        k
        for k in range(6_000, len(seq) - 1)
        if seq[k + 1] == seq[k] + 1 and second[k] != second[k + 1] and qty[k] != qty[k + 1]
    )
    pq.write_table(change(table, k), path, store_decimal_as_integer=True)
    verdict = verify(run)
    assert "is harmed" in verdict.notes[0]
    found = verdict.divergence
    assert found is not None
    assert (found.table, found.field, found.seq) == ("samples", "cvd", seq[k])
    assert found.frame is not None and '@trade"' in found.frame


def test_a_source_that_is_not_there_any_more_is_asked_for(market: Path, tmp_path: Path) -> None:
    shutil.copy(market, tmp_path / "market.jsonl")
    run = run_of(tmp_path / "market.jsonl", tmp_path / "run")
    (tmp_path / "market.jsonl").unlink()
    with pytest.raises(VerifyError, match=r"is not here any more\. .*--data"):
        verify(run)


def test_two_runs_are_compared(market: Path, tmp_path: Path) -> None:
    one, same = run_of(market, tmp_path / "one"), run_of(market, tmp_path / "same")
    other = run_of(market, tmp_path / "other", sets=["exit.time_stop_ms=1500"])
    assert compare_runs(one, same).same
    verdict = compare_runs(one, other)
    assert not verdict.same
    assert verdict.notes == ["The runs differ in their params."]


def test_two_runs_are_compared_where_their_source_is_gone(market: Path, tmp_path: Path) -> None:
    shutil.copy(market, tmp_path / "market.jsonl")
    one = run_of(tmp_path / "market.jsonl", tmp_path / "one")
    other = run_of(tmp_path / "market.jsonl", tmp_path / "other", sets=["exit.time_stop_ms=1500"])
    (tmp_path / "market.jsonl").unlink()
    found = compare_runs(one, other).divergence
    assert found is not None
    assert found.seq is not None and found.frame is None


def test_a_run_that_has_not_ended_is_refused(market: Path, tmp_path: Path) -> None:
    run = run_of(market, tmp_path / "run")
    said = json.loads((run / "run.json").read_text(encoding="utf-8"))
    said |= {"state": "running", "source": {"name": str(market), "first_seq": 0}}
    (run / "run.json").write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(VerifyError, match="has not ended"):
        verify(run)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="no run folder"):
        verify(tmp_path)


def test_the_command_says_it_and_its_exit_code_too(market: Path, tmp_path: Path) -> None:
    run = run_of(market, tmp_path / "run")

    def command(*more: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "micropulse", "verify", str(run), *more]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=os.environ)

    good = command()
    assert (good.returncode, good.stdout.split(",")[0]) == (0, "identical")
    edited(run / "samples.parquet", "cvd", 3)
    bad = command("--json")
    assert bad.returncode == 4
    assert json.loads(bad.stdout)["divergence"]["field"] == "cvd"
    words = command()
    assert "DIFFERENT, first in samples, row 3, field cvd" in words.stdout
