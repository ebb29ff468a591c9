"""The recorder: CPU µs a frame from the socket to the journal, over loopback.

    python -m benchmarks.record --rate 10000 --seconds 10 --runs 3

A server in a process of its own sends frames of the simulated market, so many a second (each
millisecond's together), then a burst as fast as it can, and hangs up. Beside each figure stands
the fixed yardstick loop of benchmarks.core; the digest is that of the journaled frames, and equal
to that of the frames sent when none is lost.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import multiprocessing
import re
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.core import yardstick
from micropulse.events import Frames
from recorder.clock import SystemClock
from recorder.entries import read_entries
from recorder.link import Options
from recorder.log import Log
from recorder.session import Session
from recorder.streams import plan
from replay.simulator import simulate

BURST = 1_200  # more than the most that came in 100 ms, 1,152
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455's


def texts(batches: Any) -> Iterator[bytes]:
    """The frames of batches, one by one."""
    for frames in batches:
        text = frames.text.tobytes()
        yield from (text[a:b] for a, b in zip(frames.start, frames.stop, strict=True))


def serve(
    told: Connection, rate: int, seconds: float, certificate: tuple[str, str] | None = None
) -> None:
    """Send the market to the one who connects; tell the port, then what was sent: how many frames,
    their digest, how long it took, and when each lot of them was sent (monotonic ns)."""
    whole = int(rate * seconds)
    payloads = list(islice(texts(simulate(1, 1.0 + whole / 50_000)), whole + BURST))
    framed = [_server_frame(payload) for payload in payloads]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        told.send(listening.getsockname()[1])
        peer, _ = listening.accept()
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        peer = context.wrap_socket(peer, server_side=True)
    sent_ns = []
    with peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _shake_hands(peer)
        each = max(1, rate // 1000)
        started = time.monotonic()
        for k in range(0, whole, each):
            wait_s = started + k / rate - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            lot = b"".join(framed[k : min(k + each, whole)])
            sent_ns.append(time.monotonic_ns())
            peer.sendall(lot)
        took_s = time.monotonic() - started
        time.sleep(0.2)
        peer.sendall(b"".join(framed[whole:]))
        if certificate is None:  # a TLS socket is simply closed
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                continue
        else:
            time.sleep(0.5)
    told.send((len(payloads), _digest(payloads), took_s, sent_ns))


def measure(rate: int, seconds: float, runs: int) -> list[dict[str, Any]]:
    """A row a run."""
    rows = []
    for _ in range(runs):
        told, telling = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("spawn")
        server = context.Process(target=serve, args=(telling, rate, seconds))
        server.start()
        url = f"ws://127.0.0.1:{told.recv()}"
        with tempfile.TemporaryDirectory() as folder:
            row = _record(url, Path(folder))
        sent, digest, took_s, _ = told.recv()
        server.join()
        rows.append(
            {
                "sent": sent,
                "lost": sent - row["frames"],
                "frames_per_s": round((sent - BURST) / took_s),
                **row,
                "same_as_sent": row["digest"] == digest,
                "yardstick_ns": round(yardstick(), 1),
            }
        )
    return rows


def _record(url: str, data: Path) -> dict[str, Any]:
    said: list[str] = []
    session = Session(
        plan(["BTCUSDT"], url=url), data, Log(said.append, SystemClock()), Options(rest=False),
        each_second=lambda s: s.tally.reconnects and s.stop("the server is done"),
    )  # fmt: skip
    started = time.process_time_ns()
    session.run()
    cpu_ns = time.process_time_ns() - started
    payloads = []
    for path in sorted(data.rglob("*.journal")):
        frames: Frames = read_entries(path.read_bytes()).frames()
        payloads += list(texts([frames]))
    return {
        "frames": len(payloads),
        "cpu_us_a_frame": round(cpu_ns / max(1, len(payloads)) / 1000, 2),
        "digest": _digest(payloads),
    }


def _digest(payloads: list[bytes]) -> str:
    return hashlib.sha256(b"\n".join(payloads)).hexdigest()[:16]


def _server_frame(payload: bytes) -> bytes:
    size = len(payload)
    head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + payload


def _shake_hands(peer: socket.socket) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        request += peer.recv(65536)
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def main() -> None:
    """Print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=int, default=10_000, help="frames a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=3)
    wanted = parser.parse_args()
    for row in measure(wanted.rate, wanted.seconds, wanted.runs):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
