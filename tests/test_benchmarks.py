"""The benchmarks work, on sizes that take a moment, and print the digest of what they did."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import core, record, start


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
