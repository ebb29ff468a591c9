"""Sweeps as people run them: the command, killed and started again, on a cluster, and refused."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from micropulse.params import resolve, settings_of
from micropulse.strategy import load_strategy
from recorder.tape import find_tape
from replay.backtest import Session
from replay.simulator import write
from replay.source import open_source
from replay.sweep.days import SweepError, days_of
from replay.sweep.grid import grid_of
from replay.sweep.jobs import jobs_of
from replay.sweep.ledger import tried
from replay.sweep.sweep import sweep
from replay.sweep.workers import cluster, processes
from replay.tape_files import Import
from tests.browser import chromium, tab
from tests.page_shape import shape_of
from tests.running import Kept

ROOT = Path(__file__).parents[1]
GRID = {
    "sweep": {"strategy": "obi_revert"},
    "features": {"wall_k": [4.0, 5.0]},
    "strategy": {"enter_obi": [0.3, 0.6], "sl_ticks": [50, 150]},
}
GRID_TEXT = """
[sweep]
strategy = "obi_revert"
[features]
wall_k = [4.0, 5.0]
[strategy]
enter_obi = [0.3, 0.6]
sl_ticks = [50, 150]
"""


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three short days, as frames files."""
    folder = tmp_path_factory.mktemp("days")
    paths = [folder / f"day{seed}.jsonl" for seed in (1, 2, 3)]
    for seed, path in enumerate(paths, start=1):
        write(path, seed, 0.02)
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def swept(days: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of them in this process."""
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    run(days, folder)
    return folder


def run(days: list[str], folder: Path, workers: Any = None, **grid: Any) -> dict[str, Any]:
    found, _ = days_of(days)
    ledger = folder.parent / "ledger.jsonl"
    return sweep(found, grid_of(GRID | grid), folder, workers or processes(1), ledger)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a sweep."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "micropulse", "sweep", *arguments],
        cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


def test_each_row_is_what_a_backtest_says(days: list[str], swept: Path) -> None:
    rows = pl.read_parquet(swept / "days.parquet")
    params = {
        row["variant"]: json.loads(row["params"])
        for row in pl.read_parquet(swept / "variants.parquet").iter_rows(named=True)
    }
    strategy = load_strategy("obi_revert")
    assert len(rows) == 24 and rows["round_trips"].sum() > 20
    for row in rows.iter_rows(named=True):
        session = Session(
            open_source(row["day"]), strategy, settings_of(strategy.Params, params[row["variant"]])
        )
        session.run([])
        alone = session.summary()
        assert row["trades_digest"] == alone["trades_digest"]
        for name in ("gross", "fees", "net"):
            assert row[name] == Decimal(alone[name]), name
        for name in ("orders", "rejected", "fills", "round_trips"):
            assert row[name] == alone[name]
        left = alone["open_position"]
        assert row["unrealised"] == Decimal(left["unrealised"] if left else 0)


def test_totals_are_sums_of_the_days(swept: Path) -> None:
    rows = pl.read_parquet(swept / "days.parquet")
    totals = pl.read_parquet(swept / "variants.parquet")
    summed = rows.group_by("variant", maintain_order=True).agg(
        pl.col("net").sum(), pl.col("unrealised").sum(), pl.col("round_trips").sum()
    )
    assert totals["net"].to_list() == summed["net"].to_list()
    assert totals["round_trips"].to_list() == summed["round_trips"].to_list()
    assert totals["total"].to_list() == (summed["net"] + summed["unrealised"]).to_list()
    said = json.loads((swept / "sweep.json").read_text())
    best = totals.sort("total", descending=True).row(0, named=True)
    assert said["best"]["variant"] == best["variant"]
    assert said["verdict"]["why_none"].startswith("3 days are too few")


def test_two_processes_give_the_same_bytes(days: list[str], swept: Path, tmp_path: Path) -> None:
    run(days, tmp_path / "sweep", processes(2))
    assert contents(tmp_path / "sweep") == contents(swept)


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(
    days: list[str], swept: Path, tmp_path: Path
) -> None:
    (tmp_path / "grid.toml").write_text(GRID_TEXT)
    words = [*days, "--grid", "grid.toml", "-o", "sweep", "--workers", "1"]
    parts = 0
    while parts < 6:  # of six jobs; killed after each
        going = subprocess.Popen(
            [sys.executable, "-m", "micropulse", "sweep", *words],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        had = parts
        while parts < had + 3 and going.poll() is None:
            parts = len(list((tmp_path / "sweep").glob("parts/[0-9a-f]*.parquet")))
            time.sleep(0.001)
        going.send_signal(signal.SIGKILL)
        going.wait()
    done = command(*words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digest"] == json.loads(contents(swept)["sweep.json"])["digest"]
    assert contents(tmp_path / "sweep") == contents(swept)
    assert len(tried(tmp_path / "runs" / "ledger.jsonl", [days_of(days)[0][0].key])) == 8


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Any]:
    """A Dask cluster of two worker processes over TCP: (address, names of workers)."""
    distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        protocol="tcp", local_directory=str(tmp_path), silence_logs="CRITICAL",
    ) as local:  # fmt: skip
        yield local


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_gives_the_same_bytes(
    days: list[str], swept: Path, tmp_path: Path, scheduler: Any
) -> None:
    victims = [worker.process.pid for worker in scheduler.workers.values()]
    killed: list[int] = []

    def kill_one(share: float) -> None:
        if not killed:
            killed.append(victims[0])
            os.kill(victims[0], signal.SIGKILL)

    found, _ = days_of(days)
    sweep(
        found, grid_of(GRID), tmp_path / "sweep", cluster(scheduler.scheduler_address),
        tmp_path / "ledger.jsonl", on_progress=kill_one,
    )  # fmt: skip
    assert killed
    assert contents(tmp_path / "sweep") == contents(swept)


def test_without_a_scheduler_it_says_so(days: list[str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with (
        pytest.raises(SweepError, match="No Dask scheduler answers"),
        cluster("nonsense://127.0.0.1:1")([]),
    ):
        pass


def test_an_older_grids_parts_are_used_or_go(days: list[str], tmp_path: Path) -> None:
    run(days[:1], tmp_path / "sweep")
    first = set(contents(tmp_path / "sweep"))
    said = run(days[:2], tmp_path / "sweep")
    assert first <= set(contents(tmp_path / "sweep"))
    assert len(said["days"]) == 2
    run(days[1:2], tmp_path / "sweep")
    assert len(list((tmp_path / "sweep" / "parts").iterdir())) == 2


def test_the_ledger_counts_each_variant_once_for_ever(days: list[str], tmp_path: Path) -> None:
    ledger, key = tmp_path / "ledger.jsonl", days_of(days)[0][0].key
    run(days, tmp_path / "one")
    assert len(tried(ledger, [key])) == 8
    size = ledger.stat().st_size
    run(days, tmp_path / "two")
    assert ledger.stat().st_size == size
    said = run(days, tmp_path / "one", strategy={"enter_obi": [0.3, 0.9]}, features={})
    assert len(tried(ledger, [key])) == 9  # one of the two was among the eight
    assert said["verdict"]["variants_tried"] == 9
    assert tried(ledger, ["another"]) == set()


def test_a_tape_of_several_dates_is_several_days(days: list[str], tmp_path: Path) -> None:
    lines = Path(days[0]).read_text().splitlines()
    middle = len(lines) // 2
    later = [shifted(line, 86_400_000_000_000) for line in lines[middle:]]
    frames = tmp_path / "two.jsonl"
    frames.write_text("\n".join([*lines[:middle], *later]) + "\n")
    Import(frames, tmp_path / "data", None).run()
    tape = find_tape(tmp_path / "data")
    found, notes = days_of([str(tmp_path / "data")])
    assert [day.name for day in found] == sorted(
        {segment.said["date"] for segment in tape.segments()}
    )
    assert len(found) == 2 and notes == []
    said = run([str(tmp_path / "data")], tmp_path / "sweep")
    assert all(day["events"] > 500 for day in said["days"])
    assert said["days"][1]["first_ts"] > said["days"][0]["last_ts"]


def shifted(line: str, by_ns: int) -> str:
    """A line of a frames file, received later."""
    stamp, _, frame = line.partition(" ")
    return f"{int(stamp) + by_ns} {frame}"


def test_a_day_without_an_event_is_said_and_is_no_day(days: list[str], tmp_path: Path) -> None:
    lines = Path(days[0]).read_text().splitlines()
    frames = tmp_path / "two.jsonl"
    nothing = shifted(lines[-1].partition(" ")[0] + ' {"result":null,"id":1}', 86_400_000_000_000)
    frames.write_text("\n".join([*lines, nothing]) + "\n")
    Import(frames, tmp_path / "data", None).run()
    said = run([str(tmp_path / "data")], tmp_path / "sweep")
    assert [day["counted"] for day in said["days"]] == [True, False]
    assert said["verdict"]["days"] == 1
    assert "It has no book and no trade" in (tmp_path / "sweep" / "sweep.html").read_text()
    assert pl.read_parquet(tmp_path / "sweep" / "days.parquet")["round_trips"][8:].sum() == 0


def test_days_that_cannot_be_swept_together_are_refused(days: list[str], tmp_path: Path) -> None:
    text = Path(days[1]).read_text()
    other = tmp_path / "eth.jsonl.gz"
    other.write_bytes(
        gzip.compress(text.replace("BTCUSDT", "ETHUSDT").replace("btcusdt", "ethusdt").encode())
    )
    with pytest.raises(SweepError, match=r"is of BTCUSDT and .* of ETHUSDT"):
        days_of([days[0], str(other)])
    with pytest.raises(SweepError, match="hold the same data"):
        days_of([days[0], days[1], days[0]])
    again = tmp_path / "again.jsonl"
    again.write_text(text)
    with pytest.raises(SweepError, match="hold the same data"):
        days_of([days[1], str(again)])


def test_a_folder_that_is_no_sweep_is_left_alone(days: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(SweepError, match="is no sweep, so it is left alone"):
        run(days[:1], tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


FRAGILE = """
from micropulse.record import Record, i8


class Params(Record):
    breaks_above: i8 = 0


class Memory(Record):
    unused: i8


def decide(features, position, memory, params, intent):
    if params.breaks_above and features.mid > params.breaks_above:
        memory.unused = 1 // memory.unused
"""


def test_a_strategy_that_raises_on_one_day_is_named_and_the_others_go_on(
    days: list[str], tmp_path: Path
) -> None:
    rule = tmp_path / "fragile.py"
    rule.write_text(FRAGILE)
    highs = {day_high(path): path for path in days}
    below, highest = sorted(highs)[-2:]
    limit = int(below) + 1
    assert below < limit < highest
    grid = {"sweep": {"strategy": str(rule)}, "strategy": {"breaks_above": [0, limit]}}
    found, _ = days_of(days)
    said = sweep(found, grid_of(grid), tmp_path / "sweep", processes(1), tmp_path / "ledger.jsonl")
    (failure,) = said["failures"]
    assert failure["failed"].startswith(f"{rule}:15: ZeroDivisionError")
    assert failure["day"] == highs[highest]
    totals = pl.read_parquet(tmp_path / "sweep" / "variants.parquet")
    assert totals.filter(pl.col("failed").is_null())["net"].null_count() == 0
    assert totals.filter(pl.col("failed").is_not_null())["net"].null_count() == 1


def day_high(path: str) -> float:
    """The highest mid of a day."""
    strategy = load_strategy("idle")
    session = Session(open_source(path), strategy, resolve(strategy.Params), sample_every=-1)
    kept = Kept()
    session.run([kept])
    return float(np.nanmax(kept["samples"]["features"]["mid"]))


def test_jobs_are_a_day_and_variants_of_the_same_features(days: list[str]) -> None:
    found, _ = days_of(days)
    jobs = jobs_of(found, grid_of(GRID), block=3)
    assert [len(job.variants) for job in jobs] == [3, 1, 3, 1] * 3
    for job in jobs:
        assert len({json.dumps(params["features"]) for params in job.params}) == 1
    assert len({job.key for job in jobs}) == len(jobs)


def test_the_command_says_what_came_of_it(days: list[str], tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID_TEXT)
    done = command(*days, "--grid", "grid.toml", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "8 variants × 3 days: 24 backtests" in done.stderr
    assert "3 days are too few" in done.stdout
    assert (tmp_path / "runs" / "sweep-BTCUSDT-obi_revert" / "sweep.html").exists()
    (tmp_path / "grid.toml").write_text("[strategy]\nexit = 3")
    done = command(days[0], "--grid", "grid.toml", cwd=tmp_path)
    assert done.returncode == 1 and "$.strategy.exit" in done.stderr


def test_the_page_holds_all_it_needs(swept: Path) -> None:
    text = (swept / "sweep.html").read_text()
    shape_of(text)
    assert len(text) < 3_000_000
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert {axis["path"] for axis in data["axes"]} == {
        "features.wall_k", "strategy.enter_obi", "strategy.sl_ticks",
    }  # fmt: skip
    assert len(data["ids"]) == 8


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_the_page_draws_its_maps_and_follows_the_choices(swept: Path, tmp_path: Path) -> None:
    cells = "document.querySelector('#chart-map').data[0].z.flat().length"
    with tab(tmp_path / "profile") as page:
        page.open(swept / "sweep.html")
        assert page.value(cells) == 4
        page.value(
            "(() => { const up = document.getElementById('up'); up.value = '';"
            " up.dispatchEvent(new Event('change')); })()"
        )
        assert page.value(cells) == 2
        page.open(swept / "sweep.html", dark=True, width=390)
        assert page.value("document.body.scrollWidth <= window.innerWidth")
        assert page.complaints == []
        assert [one for one in page.requests if not one.startswith(("file:", "data:"))] == []
