"""The benchmarks work, on sizes that take a moment, and print the digest of what they did."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import core, day, latency, live, page, record, start, sweep, tape
from replay.simulator import simulate
from tests.browser import chromium


def test_the_core_benchmark_does_the_same_work_each_run() -> None:
    rows = core.measure(hours=0.01, runs=2)
    assert len(rows) == 2
    assert len({row["digest"] for row in rows}) == 1
    assert all(row["core_ns_an_event"] > 0 and row["yardstick_ns"] > 0 for row in rows)


def test_the_start_benchmark_measures_whole_processes() -> None:
    cache = Path(os.environ.get("MICROPULSE_CACHE", "~/.cache/micropulse")).expanduser()
    figures = start.measure(hours=0.02, cache=cache)
    assert figures["warm"]["digest"] == figures["0.02 h"]["digest"]
    assert figures["warm"]["events"] == figures["strategy edited"]["events"] > 0
    assert all(figures[name]["peak_mib"] > 0 for name in ("warm", "strategy edited", "0.02 h"))


def test_the_record_benchmark_loses_nothing() -> None:
    (row,) = record.measure(rate=2_000, seconds=0.2, runs=1)
    assert row["lost"] == 0 and row["same_as_sent"]
    assert row["frames"] == 400 + record.BURST


def test_the_live_benchmark_decides_as_the_backtest_does() -> None:
    figures = live.measure(hours=0.01)
    assert figures["cpu_us_a_frame"] > 0
    assert figures["digest"] == core.measure(hours=0.01, runs=1)[0]["digest"]


def test_the_latency_benchmark_loses_nothing_and_decides_after_the_send() -> None:
    figures = latency.measure(rate=2_000, seconds=0.2, with_tls=False)
    assert figures["lost"] == 0 and figures["frames"] == 400 + record.BURST
    assert 0 < figures["p50_us"] <= figures["p99_us"]


def test_the_tape_benchmark_gives_back_what_it_was_given() -> None:
    figures = tape.measure(simulate(1, 0.01))
    assert figures["frames"] == figures["events"] > 1_000
    assert 0 < figures["bytes_a_trades_row"] < figures["bytes_a_depth_row"]


def test_the_day_benchmark_goes_from_a_tape_to_a_run_folder(tmp_path: Path) -> None:
    tape_folder = day.tape_of(tmp_path, days=2, hours=0.01)
    assert day.tape_of(tmp_path, days=2, hours=0.01) == tape_folder  # it is there already
    one, two = day.measure(tape_folder, runs=2)
    assert one["digest"] == two["digest"]
    assert one["events"] > 1_000 and one["peak_mib"] > 0


def test_the_sweep_benchmark_measures_whole_commands(tmp_path: Path) -> None:
    source = sweep.made(0.02, tmp_path)
    (tmp_path / "sweep").mkdir()
    figures = sweep.measure(source, 3, 1, tmp_path / "sweep")
    assert figures["variants"] == 3 and figures["events"] > 1_000
    assert figures["cpu_s"] > 0 and len(figures["digest"]) == 64


def test_the_page_benchmark_watches_a_live_session_in_a_browser() -> None:
    figures = page.measure("sim:7", seconds=1.2, viewers=1)
    assert figures["server_no_viewer"] >= 0 and figures["server_1_viewers"] >= 0
    if chromium() is None:
        return
    assert 0 < figures["send_to_paint_ms"]["p50"] <= figures["send_to_paint_ms"]["max"]
    assert figures["books_a_second"] > 1 and figures["prints_a_second_most"] > 1
    assert all(min(mib) > 1 for mib in figures["memory_mib"].values())
