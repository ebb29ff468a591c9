"""The page: % of a core of its server and of a browser, and ms from the server's send to the paint.

    python -m benchmarks.page sim:7 --seconds 30
    python -m benchmarks.page RECORDING --from 2024-08-08T23:58:00Z     # what a burst does to it

`micropulse live --page` trades against a local exchange that serves the source at its own pace;
viewers are sockets that read, then a headless Chromium with the page open. CPU is that of the
processes, from /proc. Without Chromium only the server is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from replay.server.background import running_server
from tests.browser import chromium, tab

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SETTLES_S = 3.0
PAINTS = "[...micropulse.paints].sort((one, two) => one - two)"


def measure(
    source: str, seconds: float, viewers: int, from_ns: int | None = None
) -> dict[str, Any]:
    """Figures by name; CPU in % of a core."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="micropulse-bench-")))
        server = stack.enter_context(running_server(source, speed=1.0, loop=True, from_ns=from_ns))
        live, address = stack.enter_context(_live(folder, server.url))
        time.sleep(SETTLES_S)
        page = next(child for child in _children(live.pid) if _is(child, b"replay.page"))
        figures: dict[str, Any] = {"run_alone": _cpu(live.pid, seconds, tree=False)}
        figures["server_no_viewer"] = _cpu(page, seconds)
        for _ in range(viewers):
            stack.enter_context(_reader(address))
        figures[f"server_{viewers}_viewers"] = _cpu(page, seconds)
        if chromium() is not None:
            figures |= _browser(folder, address, seconds)
        return figures


def _browser(folder: Path, address: str, seconds: float) -> dict[str, Any]:
    with tab(folder / "profile", offline=False) as opened:
        browser = next(child for child in _children(os.getpid()) if _is(child, b"--headless"))
        opened.visit(address, dark=True, width=1_600, height=1_000)
        time.sleep(SETTLES_S)
        opened.value("micropulse.paints.length = 0")
        heap = opened.value("performance.memory.usedJSHeapSize")
        began = time.monotonic()
        cpu = _cpu(browser, seconds)
        asked = time.monotonic()
        paints = opened.value(PAINTS)
        return {
            "browser": cpu,
            "draws_a_second": round(len(paints) / (asked - began), 1),
            "send_to_paint_ms": {
                name: paints[min(len(paints) - 1, int(share * len(paints)))]
                for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
            },
            "heap_mib": round(heap / 2**20, 1),
            "heap_grew_mib": round(
                (opened.value("performance.memory.usedJSHeapSize") - heap) / 2**20, 1
            ),
            "orders_joined": opened.value("micropulse.store.prints.by.includes(1)"),
        }


@contextmanager
def _live(folder: Path, url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = [sys.executable, "-m", "micropulse", "live", "BTCUSDT", "--url", url]
    words += ["--data", str(folder / "data"), "--run", str(folder / "run")]
    words += ["--transactions", str(folder / "t.csv"), "--page", "--page-port", "0"]
    live = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert live.stderr is not None
        address = next(line for line in live.stderr if "The page: " in line).split()[-1]
        threading.Thread(target=live.stderr.read, daemon=True).start()
        yield live, address
    finally:
        live.send_signal(signal.SIGTERM)
        live.wait(timeout=60)


@contextmanager
def _reader(address: str) -> Iterator[None]:
    """A viewer that reads all it is told."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port))) as stream:
        stream.sendall(f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())

        def read() -> None:
            while stream.fileno() >= 0 and stream.recv(65_536):
                pass

        threading.Thread(target=read, daemon=True).start()
        yield
        stream.shutdown(socket.SHUT_RDWR)


def _cpu(pid: int, seconds: float, tree: bool = True) -> float:
    """% of a core that a process, and those it has started, take."""
    before = _ticks(pid, tree)
    time.sleep(seconds)
    return round((_ticks(pid, tree) - before) * TICK_S / seconds * 100, 1)


def _ticks(pid: int, tree: bool) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    mine = int(fields[11]) + int(fields[12])
    return mine + sum(_ticks(child, True) for child in _children(pid)) if tree else mine


def _is(pid: int, word: bytes) -> bool:
    return word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted(int(child) for task in tasks for child in task.read_text().split())


def main() -> None:
    """Print the figures."""
    from micropulse.cli.values import time_ns

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default="sim:7")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--viewers", type=int, default=5)
    parser.add_argument("--from", dest="from_", default=None)
    given = parser.parse_args()
    from_ns = time_ns("--from", given.from_)
    print(json.dumps(measure(given.source, given.seconds, given.viewers, from_ns), indent=1))


if __name__ == "__main__":
    main()
