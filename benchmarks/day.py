"""A day's tape to a finished run folder, a whole process; several days, for flat memory.

    python -m benchmarks.day                       # a simulated day, made first: about a minute
    python -m benchmarks.day --days 30 --data DIR  # tapes are kept in DIR, and used again

CPU seconds, user and system together, of a child process with a warm cache.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.core import yardstick
from benchmarks.start import backtest
from recorder.tape import find_tapes
from replay.simulator import START_NS, write
from replay.tape_files import import_frames

DAY_NS = 86_400 * 10**9
SEED = 1


def tape_of(data: Path, days: int, hours: float = 24.0) -> Path:
    """The folder of a tape of so many simulated days, `hours` of each; made if it is not there."""
    folder = data / f"{days}-days-of-{hours:g}-hours"
    if not find_tapes(folder):
        # In a process of its own: a child's peak memory begins at that of its parent.
        maker = get_context("spawn").Process(target=_make, args=(folder, days, hours))
        maker.start()
        maker.join()
        assert maker.exitcode == 0
    return folder


def _make(folder: Path, days: int, hours: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(days):
        frames = folder / "day.jsonl"
        write(frames, SEED + day, hours, START_NS + day * DAY_NS)
        import_frames(frames, folder)
        frames.unlink()


def measure(tape: Path, runs: int, cache: Path | None = None) -> list[dict[str, Any]]:
    """Figures of each run; the first is not among them, it fills the cache."""
    if cache is None:
        cache = Path(os.environ.get("MICROPULSE_CACHE", "~/.cache/micropulse")).expanduser()
    with tempfile.TemporaryDirectory(prefix="micropulse-bench-") as folder:
        backtest(tape, Path(folder), cache, "wall_break")
        figures = []
        for _ in range(runs):
            ns = round(yardstick(), 1)
            figures.append({"yardstick_ns": ns} | backtest(tape, Path(folder), cache, "wall_break"))
        return figures


def main() -> None:
    """Print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--data", type=Path)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="micropulse-days-") as own:
        tape = tape_of(said.data or Path(own), said.days, said.hours)
        for figure in measure(tape, said.runs):
            print(json.dumps(figure))


if __name__ == "__main__":
    main()
