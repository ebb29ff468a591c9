"""Whole processes: warm start, empty cache, after an edit of the strategy, a day's memory.

    python -m benchmarks.start                   # CPU seconds to the first result
    python -m benchmarks.start --hours 24        # and CPU and peak memory over so long a source

Each figure is of a child process that runs `micropulse backtest` on a small frames file, user and
system time together.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import strategies.wall_break
from benchmarks.core import yardstick
from replay.simulator import write

ROOT = Path(__file__).parents[1]


def backtest(source: Path, folder: Path, cache: Path, strategy: str) -> dict[str, Any]:
    """CPU seconds, peak MiB and digest of one backtest in a process of its own."""
    command = [sys.executable, "-m", "micropulse", "backtest", str(source), "--json"]
    process = subprocess.Popen(
        [*command, "--strategy", strategy, "-o", str(folder / "run")],
        cwd=ROOT,
        env=os.environ | {"MICROPULSE_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        found = json.loads(process.stdout.read())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, found
    return {
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_mib": round(used.ru_maxrss / 1024, 1),
        "events": found["events"],
        "digest": found["digest"],
    }


def measure(hours: float, cache: Path | None = None) -> dict[str, Any]:
    """All figures, by name. With a `cache` of compiled kernels, those of a full one only."""
    folder = Path(tempfile.mkdtemp(prefix="micropulse-bench-"))
    try:
        small = folder / "small.jsonl"
        write(small, 1, 0.02)
        rule = folder / "rule.py"
        text = Path(strategies.wall_break.__file__).read_text(encoding="utf-8")
        rule.write_text(text, encoding="utf-8")
        figures: dict[str, Any] = {"yardstick_ns": round(yardstick(), 1)}
        if cache is None:
            cache = folder / "cache"
            figures["empty cache"] = backtest(small, folder, cache, str(rule))
        figures["warm"] = backtest(small, folder, cache, str(rule))
        rule.write_text(text + "\nEDITED = 1\n", encoding="utf-8")
        figures["strategy edited"] = backtest(small, folder, cache, str(rule))
        if hours:
            day = folder / "day.jsonl"
            write(day, 1, hours)
            figures[f"{hours} h"] = backtest(day, folder, cache, str(rule))
        return figures
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hours", type=float, default=0.0)
    for name, figure in measure(parser.parse_args().hours).items():
        print(f"{name}: {json.dumps(figure)}")


if __name__ == "__main__":
    main()
