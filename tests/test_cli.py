"""The commands, as people and programs use them: in processes of their own."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

import micropulse
from micropulse.schema import FEATURE_COLUMNS
from tests.running import REAL

ROOT = Path(__file__).parents[1]
EAGER = (
    *("--set", "entry.spike=false", "--set", "entry.obi=false"),
    *("--set", "entry.acceleration=false", "--set", "features.wall_min_age_ms=200"),
)


def command(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `python -m micropulse …` and expect an exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "micropulse", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half minutes of the simulated market."""
    path = tmp_path_factory.mktemp("market") / "market.jsonl.gz"
    command("simulate", "-o", path, "--hours", "0.0417", "--seed", "7")
    return path


def test_help_is_quick_and_needs_no_numba() -> None:
    code = "import sys, micropulse.cli as c\ntry: c.app(['--help'])\nexcept SystemExit: pass\n"
    code += "assert 'numba' not in sys.modules and 'pyarrow' not in sys.modules"
    started = time.process_time(), os.times().children_user
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    assert os.times().children_user - started[1] < 1.0  # 0.4 s on a quiet machine


def test_the_version_is_the_packages() -> None:
    assert command("--version").stdout.strip() == micropulse.__version__


def test_backtest_prints_the_promised_figures_and_leaves_a_run_folder(
    market: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    figures = json.loads(command("backtest", market, "-o", run, "--json", *EAGER).stdout)
    promised = (
        "digest input_digest run source symbol strategy params events books trades prints counts "
        "orders rejected fills round_trips gross fees funding net"
    )
    assert set(promised.split()) <= set(figures)
    assert figures["round_trips"] > 0
    assert Decimal(figures["gross"]) - Decimal(figures["fees"]) == Decimal(figures["net"])
    trips = list(csv.DictReader((run / "transaction.csv").read_text().splitlines()))
    assert len(trips) == figures["round_trips"]
    if not figures["open_position"]:
        assert sum(Decimal(trip["net"]) for trip in trips) == Decimal(figures["net"])
    assert json.loads((run / "summary.json").read_text())["digest"] == figures["digest"]
    assert json.loads((run / "run.json").read_text())["digest"] == figures["digest"]
    for name in ("samples", "signals", "orders", "fills", "checkpoints"):
        assert isinstance(pl.read_parquet(run / f"{name}.parquet"), pl.DataFrame)
    fills = pl.read_parquet(run / "fills.parquet")
    assert len(fills) == figures["fills"]
    assert fills["fee"].sum() == Decimal(figures["fees"])


def test_the_digest_is_the_same_each_time_and_another_with_another_parameter(
    market: Path, tmp_path: Path
) -> None:
    def digest(*words: str) -> tuple[str, str]:
        done = command("backtest", market, "-o", tmp_path / "r", "--json", *words)
        found = json.loads(done.stdout)
        return found["digest"], found["input_digest"]

    first, again, other = digest(), digest(), digest("--set", "exit.tp_ticks=12")
    assert first == again
    assert first[0] != other[0]
    assert first[1] == other[1]
    assert digest("--strategy", "obi_revert")[0] not in (first[0], other[0])


def test_a_folder_that_is_not_ours_is_refused_and_left_alone(market: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = command("backtest", market, "-o", tmp_path, code=1)
    assert "is no run folder" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backtest", "absent.jsonl"), "cannot be read"),
        (("backtest", "sim:x"), "sim:7"),
        (("backtest", "sim:1", "--strategy", "nobody"), "shipped ones are"),
        (("backtest", "sim:1", "--set", "exit.tp_tick=1"), "unknown field `tp_tick`"),
        (("backtest", "sim:1", "--set", "exit.tp_ticks=soon"), "$.exit.tp_ticks"),
        (("backtest", "sim:1", "--set", "execution.taker_fee=0"), "never 0"),
        (("backtest", "sim:1", "--set", "execution.order_qty=0.0001"), "decimals"),
        (("backtest", "sim:1", "--set", "execution.latency=moon"), "tokyo"),
        (("backtest", "sim:1", "--params", "absent.toml"), "no file absent.toml"),
        (("replay", "sim:1", "--symbol", "ETHUSDT"), "no ETHUSDT"),
    ],
)
def test_a_mistake_gets_a_sentence_and_no_traceback(words: tuple[str, ...], said: str) -> None:
    done = command(*words, code=1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [("--from", "noon"), ("--speed", "fast"), ("--speed", "-1"), ("--nothing",)]
)
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    assert "Usage" in command("replay", "sim:1", *words, code=2).stderr


def test_replay_prints_the_original_words(market: Path) -> None:
    lines = command("replay", market).stdout.splitlines()
    metrics = [line for line in lines if " mid=" in line]
    assert len(metrics) == pytest.approx(150, abs=3)
    words = "mid obi spk_up spk_down buy10s sell10s cvd tps avg removed_wall"
    for word in words.split():
        assert f"{word}=" in metrics[-1]
    first = json.loads(command("replay", market, "--json").stdout.splitlines()[0])
    assert set(FEATURE_COLUMNS) <= set(first)


def test_replay_at_speed_keeps_the_pace_of_the_recording(tmp_path: Path) -> None:
    lines = [
        f'{1_723_161_255 + second} {{"stream":"btcusdt@trade","data":{{"e":"trade",'
        f'"E":{1_723_161_255_000 + second * 1000},"T":{1_723_161_255_000 + second * 1000},'
        f'"s":"BTCUSDT","t":{second + 1},"p":"61800.30","q":"0.003","X":"MARKET","m":false}}}}\n'
        for second in range(11)
    ]
    slow = tmp_path / "slow.jsonl"
    slow.write_text("".join(lines))
    at_once = command("replay", slow).stdout
    started = time.monotonic()
    paced = command("replay", slow, "--speed", "5").stdout
    assert paced == at_once
    assert time.monotonic() - started > 1.9


def test_features_has_a_row_for_each_event_depth_or_time(market: Path, tmp_path: Path) -> None:
    rows = {}
    for every in ("event", "depth", "100ms"):
        path = tmp_path / f"{every}.parquet"
        command("features", market, "-o", path, "--every", every)
        rows[every] = pl.read_parquet(path)
    all_rows = rows["event"]
    assert all_rows.columns[:3] == ["seq", "ts_recv", "event"]
    assert all_rows.schema["ts_recv"] == pl.Datetime("ns", "UTC")
    assert tuple(all_rows.columns[3:]) == FEATURE_COLUMNS
    assert set(all_rows["event"].unique()) == {"depth", "trade"}
    # A row a book is the same row, whatever else is asked for.
    assert rows["depth"].equals(all_rows.filter(pl.col("event") == "depth"))
    steps = rows["100ms"]["ts_recv"].dt.timestamp("ns").diff().drop_nulls().unique().to_list()
    assert steps == [100_000_000]
    # The state at a multiple is that of the last event at or before it.
    joined = rows["100ms"].join_asof(all_rows, on="ts_recv", strategy="backward")
    assert joined["cvd"].equals(joined["cvd_right"])
    assert joined["mid"].equals(joined["mid_right"])


def test_a_range_of_times_is_read_alone(market: Path, tmp_path: Path) -> None:
    words = ("--from", "2026-01-05T00:01:00", "--to", "2026-01-05T00:01:30")
    command("features", market, "-o", tmp_path / "f.parquet", *words)
    stamps = pl.read_parquet(tmp_path / "f.parquet")["ts_recv"].dt.to_string("%H:%M:%S")
    assert "00:01:00" <= str(stamps.min()) <= str(stamps.max()) < "00:01:30"


def test_torn_and_truncated_files_give_what_is_before_and_say_so(
    market: Path, tmp_path: Path
) -> None:
    whole = gzip.decompress(market.read_bytes())
    (tmp_path / "torn.jsonl").write_bytes(whole[:-40])
    (tmp_path / "cut.jsonl.gz").write_bytes(market.read_bytes()[:-5_000])
    full = json.loads(command("backtest", market, "-o", tmp_path / "a", "--json").stdout)
    for name, word in (("torn.jsonl", "torn"), ("cut.jsonl.gz", "cut off")):
        done = command("backtest", tmp_path / name, "-o", tmp_path / "b", "--json")
        found = json.loads(done.stdout)
        assert 0 < found["events"] < full["events"]
        assert found["problems"] and word in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_stopped_backtest_leaves_no_half_run(
    number: signal.Signals, code: int, market: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "micropulse", "replay", str(market), "--speed", "0.5"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(20) == code
    process.communicate()
    assert list(tmp_path.iterdir()) == []


def test_a_users_strategy_works_by_its_path(market: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    rule = tmp_path / "my_rule.py"
    rule.write_text(page.split("```python\n")[1].split("```")[0])
    done = command("backtest", market, "--strategy", rule, "-o", tmp_path / "r", "--json")
    found = json.loads(done.stdout)
    assert found["strategy"] == "my_rule"
    assert found["orders"] > 0


def test_the_real_frames_make_a_round_trip(tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    found = json.loads(command("backtest", REAL, "-o", tmp_path / "run", "--json").stdout)
    assert found["round_trips"] >= 1
    assert found["counts"]["fallback"] == 0
    assert found["events"] == 24_746
