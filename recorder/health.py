"""For those who look after a recorder: /metrics and /healthz, a heartbeat file, systemd.

All of it is made of one dict a second (`Tally.figures` and what `record` adds), so that nothing
here reads what the receiving thread is writing.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

# figure -> name without "micropulse_", what it is; counters first, then gauges.
COUNTERS = {
    "bytes": ("received_bytes", "Bytes from all sockets."),
    "reconnects": ("reconnects", "Connections that ended unasked."),
    "handovers": ("handovers", "Connections that were replaced by a fresh one."),
    "unasked": ("unasked_frames", "Frames of no stream that was asked for."),
    "garbage": ("garbage_frames", "Frames that are no JSON object."),
    "clock_steps": ("clock_steps", "How often this machine's clock was set."),
}
GAUGES = {
    "connections": ("connections", "Open connections."),
    "uptime_s": ("uptime_seconds", "Since the recording began."),
    "free_bytes": ("free_bytes", "Free space where the tapes are."),
    "late_ms": ("late_milliseconds", "How much later than usual frames arrive just now."),
    "offset_ms": ("offset_milliseconds", "Least ts_recv - E of the last minute."),
    "drift_ms_an_hour": ("drift_milliseconds_an_hour", "How offset_milliseconds moves."),
}
OF_A_STREAM = {
    "frames": ("frames", "Frames in the journal."),
    "missed": ("missed_trades", "Trade ids that never came, on any one connection."),
    "again": ("repeated_trades", "Trade ids that came twice, or late."),
    "breaks": ("book_breaks", "Books whose pu is not the u before."),
}


class HealthPage:
    """/metrics and /healthz on the loopback, served from the last dict that was given."""

    def __init__(self, port: int) -> None:
        """Raises OSError when the port is taken; 0 takes any (`port` says which)."""
        self.latest: dict[str, Any] = {"troubles": ["it has only begun"], "streams": {}}
        page, registry = self, CollectorRegistry(auto_describe=False)
        registry.register(self)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer."""
                if self.path == "/metrics":
                    self._answer(200, "text/plain; version=0.0.4", generate_latest(registry))
                elif self.path == "/healthz":
                    body = json.dumps(page.latest, indent=1).encode() + b"\n"
                    ok = not page.latest["troubles"]
                    self._answer(200 if ok else 503, "application/json", body)
                else:
                    self._answer(404, "text/plain", b"There are /metrics and /healthz.\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: who asks is no news."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="health")
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def collect(self) -> Iterator[Metric]:
        """What prometheus-client asks a collector for."""
        latest = self.latest
        for figure, (name, what) in COUNTERS.items():
            yield CounterMetricFamily(f"micropulse_{name}", what, value=latest.get(figure, 0))
        for figure, (name, what) in GAUGES.items():
            if latest.get(figure) is not None:
                yield GaugeMetricFamily(f"micropulse_{name}", what, value=latest[figure])
        yield GaugeMetricFamily(
            "micropulse_healthy", "1: all is recorded.", value=not latest["troubles"]
        )
        for figure, (name, what) in OF_A_STREAM.items():
            family = CounterMetricFamily(f"micropulse_{name}", what, labels=["stream"])
            for stream, counts in latest["streams"].items():
                family.add_metric([stream], counts[figure])
            yield family


def beat(path: Path, figures: dict[str, Any]) -> None:
    """Write the heartbeat file anew: its time of change says that the recorder is alive."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    part.replace(path)


def tell_systemd(words: str) -> None:
    """`READY=1` and its like to the service manager, when there is one (sd_notify)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        try:
            notify.sendto(words.encode(), address.replace("@", "\0", 1))
        except OSError:
            return  # a manager that has gone is no reason to stop recording
