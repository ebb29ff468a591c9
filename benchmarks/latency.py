"""Live over a socket: from the server's send to the decision, and CPU µs a frame in all.

    python -m benchmarks.latency --rate 1000 --seconds 10 --tls

A server in a process of its own sends frames of the simulated market, so many a second (each
millisecond's together). Receiving, TLS, journal, decoding and the core with `wall_break` run in
this one. Both read the same monotonic clock. `lag_ms` compares the last tenth of the frames with
the first: it grows when the machine does not keep up.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.core import yardstick
from benchmarks.record import BURST, serve
from micropulse.params import resolve
from micropulse.strategy import load_strategy
from recorder.clock import SystemClock
from recorder.link import Options
from recorder.log import Log
from recorder.session import Session
from recorder.streams import plan
from recorder.tapes import Entry
from replay.live.plan import Plan
from replay.live.symbol import Live


def measure(rate: int, seconds: float, with_tls: bool) -> dict[str, Any]:
    """Figures of one run, by name; times are of the frames before the burst."""
    with tempfile.TemporaryDirectory(prefix="micropulse-bench-") as name:
        folder = Path(name)
        certificate = _certificate(folder) if with_tls else None
        told, telling = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("spawn")
        paths = None if certificate is None else tuple(map(str, certificate))
        server = context.Process(target=serve, args=(telling, rate, seconds, paths))
        server.start()
        url = f"{'wss' if with_tls else 'ws'}://127.0.0.1:{told.recv()}"
        decided_ns, cpu_ns, digest = _trade(url, folder, certificate and certificate[0])
        sent, _, _, sent_ns = told.recv()
        server.join()
    each = max(1, rate // 1000)
    n = len(sent_ns) * each
    took_us = (np.array(decided_ns[:n]) - np.repeat(sent_ns, each)[: len(decided_ns)]) / 1000
    tenth = max(1, n // 10)
    return {
        "frames": len(decided_ns),
        "lost": sent - len(decided_ns),
        "tls": with_tls,
        "frames_per_s": round(n / (sent_ns[-1] - sent_ns[0]) * 1e9),
        "cpu_us_a_frame": round(cpu_ns / len(decided_ns) / 1000, 1),
        "p50_us": round(float(np.percentile(took_us[tenth:], 50)), 1),
        "p99_us": round(float(np.percentile(took_us[tenth:], 99)), 1),
        "lag_ms": round(float(np.median(took_us[-tenth:]) - np.median(took_us[:tenth])) / 1000, 3),
        "yardstick_ns": round(yardstick(), 1),
        "digest": digest,
    }


def _trade(url: str, folder: Path, ca_file: Path | None) -> tuple[list[int], int, str]:
    """When each frame was decided on (monotonic ns), CPU ns, and the digest of the run."""
    strategy = load_strategy("wall_break")
    wanted = Plan("BTCUSDT", folder, folder / "run", strategy, resolve(strategy.Params))
    live = Live(wanted, lambda session: [])
    decided_ns: list[int] = []

    def take(entries: list[Entry]) -> None:
        live.take(entries)
        now = time.monotonic_ns()
        decided_ns.extend(now for entry in entries if entry.kind == 0)

    session = Session(
        plan(["BTCUSDT"], url=url), folder, Log(lambda text: None, SystemClock()),
        Options(rest=False, ca_file=ca_file), take,
        each_second=lambda s: s.tally.reconnects and s.stop("the server is done"),
    )  # fmt: skip
    started = time.process_time_ns()
    session.run()
    cpu_ns = time.process_time_ns() - started
    assert live.session is not None
    digest = live.session.core.digest()
    live.discard()
    return decided_ns, cpu_ns, digest


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key, for a day; openssl makes them."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    command += " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    words = [*command.split(), "-keyout", str(key), "-out", str(cert)]
    subprocess.run(words, check=True, capture_output=True)
    return cert, key


def main() -> None:
    """Print the figures; a short run before them compiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=int, default=1_000, help="frames a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--tls", action="store_true")
    wanted = parser.parse_args()
    measure(1_000, 0.2, False)
    print(json.dumps(measure(wanted.rate, wanted.seconds, wanted.tls) | {"burst": BURST}))


if __name__ == "__main__":
    main()
