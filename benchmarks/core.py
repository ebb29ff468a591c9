"""The core: ns an event on decoded columns in memory, with features, wall_break and execution.

    python -m benchmarks.core --hours 1 --runs 5

Also the decode, µs a frame in batches. Beside each figure stands a fixed yardstick loop in plain
Python, since machines drift by half; the digest says that every run did the same work.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

from micropulse.events import joined
from micropulse.instrument import instrument
from micropulse.params import resolve
from micropulse.run import Core
from micropulse.strategy import load_strategy
from micropulse.wire import Decoder
from replay.simulator import simulate

YARDSTICK_STEPS = 3_000_000


def yardstick() -> float:
    """ns a step of a plain Python loop: how fast the machine is just now."""
    started = time.process_time_ns()
    total = 0
    for step in range(YARDSTICK_STEPS):
        total += step
    return (time.process_time_ns() - started) / YARDSTICK_STEPS


def measure(hours: float, runs: int, seed: int = 1) -> list[dict[str, Any]]:
    """A row a run: CPU ns an event of the core, CPU µs a frame of the decode, the yardstick."""
    chunks = list(simulate(seed, hours))
    rows = []
    for _ in range(runs + 1):  # the first one compiles
        decoder = Decoder("BTCUSDT", 2, 3)
        started = time.process_time_ns()
        batches = [decoder.decode(frames).events for frames in chunks]
        decode_ns = time.process_time_ns() - started
        events = joined(batches)
        strategy = load_strategy("wall_break")
        core = Core(strategy, instrument("BTCUSDT", 2, 3)[0], resolve(strategy.Params), 3)
        started = time.process_time_ns()
        core.advance_all(events)
        core_ns = time.process_time_ns() - started
        rows.append(
            {
                "events": events.n,
                "core_ns_an_event": round(core_ns / events.n, 1),
                "decode_us_a_frame": round(decode_ns / events.n / 1000, 3),
                "yardstick_ns": round(yardstick(), 1),
                "digest": core.digest(),
            }
        )
    return rows[1:]


def main() -> None:
    """Print a line a run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=5)
    wanted = parser.parse_args()
    rows = measure(wanted.hours, wanted.runs)
    for row in rows:
        print(json.dumps(row))
    for name in ("core_ns_an_event", "decode_us_a_frame", "yardstick_ns"):
        print(f"median {name}: {np.median([row[name] for row in rows]):.3f}")


if __name__ == "__main__":
    main()
