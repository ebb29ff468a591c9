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
import resource
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
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "micropulse", "backtest", str(source), "--json"]
    done = subprocess.run(
        [*command, "--strategy", strategy, "-o", str(folder / "run")],
        cwd=ROOT,
        env=os.environ | {"MICROPULSE_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    found = json.loads(done.stdout)
    return {"cpu_s": round(cpu, 2), "events": found["events"], "digest": found["digest"]}


def measure(hours: float) -> dict[str, Any]:
    """All figures, by name."""
    folder = Path(tempfile.mkdtemp(prefix="micropulse-bench-"))
    try:
        small, cache = folder / "small.jsonl", folder / "cache"
        write(small, 1, 0.02)
        rule = folder / "rule.py"
        text = Path(strategies.wall_break.__file__).read_text(encoding="utf-8")
        rule.write_text(text, encoding="utf-8")
        figures: dict[str, Any] = {"yardstick_ns": round(yardstick(), 1)}
        figures["empty cache"] = backtest(small, folder, cache, str(rule))
        figures["warm"] = backtest(small, folder, cache, str(rule))
        rule.write_text(text + "\nEDITED = 1\n", encoding="utf-8")
        figures["strategy edited"] = backtest(small, folder, cache, str(rule))
        if hours:
            day = folder / "day.jsonl"
            write(day, 1, hours)
            figures[f"{hours} h"] = backtest(day, folder, cache, str(rule))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            figures["peak_mib_of_all"] = round(peak, 1)
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
