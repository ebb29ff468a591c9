"""Live: CPU µs from a frame's bytes to the decision: journal, decode, core, one frame at a time.

    python -m benchmarks.live --hours 0.2

The frames are the simulated market's; the journal is on disk, without sockets. The digest is that
of benchmarks.core over as many hours.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.core import yardstick
from micropulse.params import resolve
from micropulse.strategy import load_strategy
from recorder.folder import tape_folder
from recorder.journal import Journal
from recorder.tapes import Entry
from replay.live.plan import Plan
from replay.live.symbol import Live
from replay.simulator import simulate


def measure(hours: float) -> dict[str, Any]:
    """Figures of one run, by name."""
    data = Path(tempfile.mkdtemp(prefix="micropulse-bench-"))
    try:
        strategy = load_strategy("wall_break")
        plan = Plan("BTCUSDT", data, data / "run", strategy, resolve(strategy.Params))
        live = Live(plan, lambda session: [])
        journal = Journal(tape_folder(data, "BTCUSDT"))
        frames = []
        for batch in simulate(1, hours):
            text = batch.text.tobytes()
            rows = zip(batch.start, batch.stop, batch.ts_recv.tolist(), strict=True)
            frames += [(ts, text[a:b]) for a, b, ts in rows]
        warm = len(frames) // 10
        started, wall = 0, 0
        for i, (ts, frame) in enumerate(frames):
            if i == warm:
                started, wall = time.process_time_ns(), time.perf_counter_ns()
            seq = journal.append(ts, 0, frame)
            journal.flush()
            live.take([Entry("BTCUSDT", seq, ts, 0, frame)])
        n = len(frames) - warm
        cpu_us = (time.process_time_ns() - started) / n / 1000
        wall_us = (time.perf_counter_ns() - wall) / n / 1000
        journal.close()
        assert live.session is not None
        digest = live.session.core.digest()
        live.discard()
        return {
            "frames": len(frames),
            "cpu_us_a_frame": round(cpu_us, 1),
            "wall_us_a_frame": round(wall_us, 1),
            "yardstick_ns": round(yardstick(), 1),
            "digest": digest,
        }
    finally:
        shutil.rmtree(data)


def main() -> None:
    """Print the figures; a short run before them compiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hours", type=float, default=0.2)
    wanted = parser.parse_args()
    measure(0.005)
    print(json.dumps(measure(wanted.hours)))


if __name__ == "__main__":
    main()
