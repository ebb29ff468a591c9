"""A local exchange in a thread of its own: for a demo, for tests, ours and yours.

with running_server("data/sample.jsonl.gz", speed="max") as server:
    websocket.create_connection(server.url + "/public/stream?streams=btcusdt@trade")
    requests.get(server.rest_url + "/fapi/v1/time")
    server.injected         # what its fault script has done so far, a dict each
    server.over.wait(10)    # the market has ended, and all connections are closed
"""

from __future__ import annotations

import asyncio
import ssl as tls
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replay.server.exchange import Exchange
from replay.server.script import read_script
from replay.source_frames import frames_of


@dataclass
class RunningServer:
    """Where it listens, what it did, and whether its market has ended."""

    url: str = ""  # ws://127.0.0.1:PORT, wss:// with TLS
    rest_url: str = ""  # http://127.0.0.1:PORT
    port: int = 0
    injected: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def running_server(
    source: str | Path,
    *,
    speed: float | str = "max",
    faults: str | Path | None = None,
    loop: bool = False,
    ssl: tuple[Path, Path] | None = None,
    symbol: str | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
    port: int = 0,
    ping_interval_s: float = 180.0,
    pong_timeout_s: float = 600.0,
) -> Iterator[RunningServer]:
    """Serve `source` (a frames file or sim:SEED) for the length of the block.

    `speed` is "max" or a factor; `faults` a path to a fault script; `ssl` paths to a certificate
    and its key, in PEM; `port` 0 any free one. An error of the server is raised at the end.
    """
    server, ready = RunningServer(), threading.Event()
    failed: list[BaseException] = []
    context = None
    if ssl is not None:
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*ssl)
    script = read_script(faults) if faults else []
    batches = frames_of(str(source), symbol, from_ns, to_ns)
    stop: list[Callable[[], object]] = []

    def make() -> Exchange:
        return Exchange(
            batches,
            symbol=symbol,
            speed=None if speed == "max" else float(speed),
            script=script,
            loop=loop,
            port=port,
            ssl=context,
            ping_interval_s=ping_interval_s,
            pong_timeout_s=pong_timeout_s,
            report=server.injected.append,
            note=server.notes.append,
        )

    def work() -> None:
        try:
            asyncio.run(_serve(make, server, ready, stop))
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="exchange")
    thread.start()
    try:
        ready.wait()
        if not failed:
            yield server
    finally:
        if thread.is_alive() and stop:
            stop[0]()
        thread.join()
    if failed:
        raise failed[0]


async def _serve(
    make: Callable[[], Exchange],
    server: RunningServer,
    ready: threading.Event,
    stop: list[Callable[[], object]],
) -> None:
    """Run an exchange until the function that is put into `stop` is called."""
    stopped, here = asyncio.Event(), asyncio.get_running_loop()
    async with make() as exchange:
        stop.append(lambda: here.call_soon_threadsafe(stopped.set))
        server.url, server.rest_url = exchange.url, exchange.rest_url
        server.port = exchange.port
        ready.set()
        ends = asyncio.create_task(_say_over(exchange, server))
        await stopped.wait()
        ends.cancel()


async def _say_over(exchange: Exchange, server: RunningServer) -> None:
    await exchange.over.wait()
    server.over.set()
