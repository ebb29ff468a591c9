"""The benchmarks work, on sizes that take a moment, and print the digest of what they did."""

from __future__ import annotations

from benchmarks import core


def test_the_core_benchmark_does_the_same_work_each_run() -> None:
    rows = core.measure(hours=0.01, runs=2)
    assert len(rows) == 2
    assert len({row["digest"] for row in rows}) == 1
    assert all(row["core_ns_an_event"] > 0 and row["yardstick_ns"] > 0 for row in rows)
