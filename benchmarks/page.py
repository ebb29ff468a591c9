"""The page: % of a core of its server and of a browser, and ms from the server's send to the paint.

    python -m benchmarks.page sim:7 --seconds 30
    python -m benchmarks.page RECORDING --from 2024-08-08T23:58:00Z     # what a burst does to it
    python -m benchmarks.page sim:7 --seconds 3600                      # whether memory grows

`micropulse live --page` trades against a local exchange that serves the source at its own pace;
viewers are a headless Chromium with the page open, then sockets that read. CPU is that of the
processes, from /proc; memory is sampled, garbage collected before. Long tasks are
those of 50 ms and more, in which the page answers no hand. Without Chromium only the server is
measured.
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

from benchmarks.core import yardstick
from replay.server.background import running_server
from tests.browser import Page, chromium, tab

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SETTLES_S = 2.0
SERVER_S = 30.0  # each of its phases, at most
SAMPLES, SAMPLE_S = 6, 60.0  # the page keeps so many of its last paints
BEGIN = """
  const {store, paints} = micropulse;
  paints.length = 0;
  window.began = {tasks: [], ms: store.now.ms, counts: store.now.counts};
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) began.tasks.push(Math.round(task.duration));
  }).observe({type: "longtask"});
"""
END = """(() => {
  const {store} = micropulse, {prints} = store, seconds = new Map();
  for (let n = 0; n < prints.n; n++) {
    const second = Math.floor(prints.t[n] / 1000);
    if (prints.t[n] > began.ms) seconds.set(second, (seconds.get(second) ?? 0) + prints.fills[n]);
  }
  const counts = store.now.counts, took = (store.now.ms - began.ms) / 1000;
  return {
    books_a_second: Math.round((counts.books - began.counts.books) / took * 10) / 10,
    prints_a_second: Math.round((counts.prints - began.counts.prints) / took * 10) / 10,
    prints_a_second_most: Math.max(...seconds.values()),
    orders_joined: prints.by.includes(1),
    long_tasks: {of_50_ms: began.tasks.length, longest_ms: Math.max(0, ...began.tasks)},
  };
})()"""


def measure(
    source: str, seconds: float, viewers: int, from_ns: int | None = None
) -> dict[str, Any]:
    """Figures by name; CPU in % of a core."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="micropulse-bench-")))
        server = stack.enter_context(running_server(source, speed=1.0, loop=True, from_ns=from_ns))
        live, address = stack.enter_context(_live(folder, server.url))
        page = _child(live.pid, b"replay.page")
        figures: dict[str, Any] = {"yardstick_ns": round(yardstick(), 1)}
        if chromium() is not None:
            figures |= _browser(folder, address, seconds, page)
        seconds = min(seconds, SERVER_S)
        figures["run_alone"] = _cpu(live.pid, seconds, tree=False)
        figures["server_no_viewer"] = _cpu(page, seconds)
        for _ in range(viewers):
            stack.enter_context(_reader(address))
        figures[f"server_{viewers}_viewers"] = _cpu(page, seconds)
        return figures


def _browser(folder: Path, address: str, seconds: float, page: int) -> dict[str, Any]:
    with tab(folder / "profile", offline=False) as opened:
        browser = _child(os.getpid(), b"--headless")
        opened.visit(address, dark=True, width=1_600, height=1_000)
        time.sleep(SETTLES_S)
        opened.value(BEGIN)
        samples = max(SAMPLES, round(seconds / SAMPLE_S))
        paints, shares, memory = [], [], [_memory(opened, browser, page)]
        began = time.monotonic()
        for _ in range(samples):
            shares.append(_cpu(browser, seconds / samples))
            memory.append(_memory(opened, browser, page))
            paints += opened.value("micropulse.paints.splice(0)")
        took = time.monotonic() - began
        paints.sort()
        return {
            "browser": round(sum(shares) / samples, 1),
            "draws_a_second": round(len(paints) / took, 1),
            "send_to_paint_ms": {
                name: paints[min(len(paints) - 1, int(share * len(paints)))]
                for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
            },
            **opened.value(END),
            "memory_mib": {
                name: [one[name] for one in memory[:: samples // SAMPLES]] for name in memory[0]
            },
        }


def _memory(opened: Page, browser: int, page: int) -> dict[str, float]:
    """MiB of the page's objects, of all processes of the browser and of the server."""
    opened.call("HeapProfiler.collectGarbage")
    heap = opened.value("performance.memory.usedJSHeapSize")
    return {
        "page": round(heap / 2**20, 1),
        "browser": round(_resident(browser) / 2**20, 1),
        "server": round(_resident(page) / 2**20, 1),
    }


def _resident(pid: int) -> int:
    """Bytes that a process, and those it has started, have to themselves or share evenly."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    mine = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(mine.split()[1]) * 1_024 + sum(map(_resident, _children(pid)))


@contextmanager
def _live(folder: Path, url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = [sys.executable, "-m", "micropulse", "live", "BTCUSDT", "--url", url]
    words += ["--data", str(folder / "data"), "--run", str(folder / "run")]
    words += ["--transactions", str(folder / "t.csv"), "--page", "--page-port", "0"]
    live = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert live.stderr is not None
    try:
        address = next(line for line in live.stderr if "The page: " in line).split()[-1]
        threading.Thread(target=live.stderr.read, daemon=True).start()
        yield live, address
    finally:
        live.send_signal(signal.SIGTERM)
        live.wait(timeout=180)
        live.stderr.close()


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


def _child(pid: int, word: bytes) -> int:
    """The process, of those it has started, that has a word in its command line; it may be on its
    way."""
    while True:
        for child in _children(pid):
            if word in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                return child
        time.sleep(0.05)


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
