"""A sweep: CPU and wall seconds of the whole command, warm, on a day of so many hours.

    python -m benchmarks.sweep --hours 22 --variants 100 --workers 1
    python -m benchmarks.sweep --source data/…/date=2026-11-22 --variants 1000 --workers 2

22 simulated hours are about a real day: 0.8 M books and 3.8 M trades. The variants differ in
[strategy] only. Beside the figures stands the yardstick of benchmarks.core, and the digest, which
says that the same work was done.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.core import yardstick
from replay.simulator import write
from replay.tape_files import Import

ROOT = Path(__file__).parents[1]
GRID = """
[sweep]
strategy = "wall_break"
random = {variants}
seed = 1
[strategy.entry]
obi_min = {{ from = 0.0, to = 0.8 }}
spike_min = {{ from = 1e-5, to = 1e-3, log = true }}
[strategy.exit]
tp_ticks = {{ from = 50, to = 500 }}
sl_ticks = {{ from = 50, to = 500 }}
"""


def measure(source: str, variants: int, workers: int, folder: Path) -> dict[str, Any]:
    """Run the command twice, the first time to compile; the figures of the second."""
    grid = folder / "grid.toml"
    grid.write_text(GRID.format(variants=variants))
    said: dict[str, Any] = {}
    cpu_s = wall_s = 0.0
    for attempt in ("cold", "warm"):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "micropulse", "sweep", source, "--grid", str(grid), "--json",
             "-o", str(folder / attempt), "--workers", str(workers)],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
        )  # fmt: skip
        wall_s = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        said = json.loads(done.stdout)
    return {
        "variants": variants,
        "workers": workers,
        "events": said["days"][0]["events"],
        "round_trips_of_the_best": said["best"]["round_trips"],
        "cpu_s": round(cpu_s, 2),
        "wall_s": round(wall_s, 2),
        "ns_a_variant_and_event": round(cpu_s * 1e9 / said["days"][0]["events"] / variants, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "yardstick_ns": round(yardstick(), 1),
        "digest": said["digest"],
    }


def made(hours: float, folder: Path) -> str:
    """A tape of so many simulated hours, and its name as a source."""
    frames = folder / "frames.jsonl"
    write(frames, 1, hours)
    Import(frames, folder / "data", None).run()
    frames.unlink()
    return str(next((folder / "data").rglob("date=*")))


def main() -> None:
    """Print the figures of one sweep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--source")
    parser.add_argument("--hours", type=float, default=22.0)
    parser.add_argument("--variants", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = wanted.source or made(wanted.hours, Path(folder))
        source = str(Path(source).resolve())
        print(json.dumps(measure(source, wanted.variants, wanted.workers, Path(folder))))


if __name__ == "__main__":
    main()
