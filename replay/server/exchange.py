"""The local exchange: sockets and REST on one port, over one market.

async with Exchange(FramesFile("night.gz"), speed=None) as exchange:
    print(exchange.url)                     # ws://127.0.0.1:41873
    await exchange.over.wait()              # the market has ended; Ctrl-C ends it before
"""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from micropulse.events import Frames
from replay.frames import SourceError
from replay.server.faults import Faults, Report
from replay.server.feed import Feed
from replay.server.floor import Floor
from replay.server.line import Line, wire_frame
from replay.server.market import Market
from replay.server.rest import Desk
from replay.server.routes import route_of
from replay.server.script import Fault
from replay.server.subscriptions import answer

PING_INTERVAL_S, PONG_TIMEOUT_S = 180.0, 600.0  # as Binance has it
CLOSE_WAIT_S = 60.0  # for a client to read all that was sent, and the close frame behind it
AHEAD_FRAMES = 2_000  # read before the first client, so that REST has something to say
MESSAGE_BYTES_MAX = 65_536  # of what a client says
WRITE_AHEAD_BYTES = 262_144  # written, and not yet taken by the system


class ServeError(Exception):
    """The exchange cannot open its port."""


class Exchange:
    """A Binance of our own, over one recording."""

    def __init__(
        self,
        batches: Iterable[Frames],
        *,
        symbol: str | None = None,
        speed: float | None = None,
        script: Sequence[Fault] = (),
        loop: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl: tls.SSLContext | None = None,
        ping_interval_s: float = PING_INTERVAL_S,
        pong_timeout_s: float = PONG_TIMEOUT_S,
        report: Report = lambda entry: None,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`speed` None is as fast as clients read; port 0 is any free one.

        `report` gets an entry for everything the script does, `note` sentences for people. Raises
        SourceError when the source has no frame of a stream.
        """
        self.host, self.port = host, port
        self.over = asyncio.Event()  # the market has ended, and all connections are closed
        self.failed: Exception | None = None  # why it ended before its time, with code 1011
        self._ssl, self._speed, self._note = ssl, speed, note
        self._ping_interval_s, self._pong_timeout_s = ping_interval_s, pong_timeout_s
        self._desk, self._floor = Desk(), Floor(note)
        self._faults = Faults(script, report)
        feed = Feed(batches, symbol)
        self._look_ahead(feed, symbol)
        self._market = Market(feed, self._floor, self._desk, self._faults, speed, loop)
        self._refused_until, self._refused_left = 0.0, 0  # connections left; -1: no such limit
        self._closed = False  # the market has ended: nobody is let in any more
        self._server: Server | None = None
        self._running: asyncio.Task[None] | None = None
        self._seeing: set[asyncio.Task[None]] = set()  # closes that are still under way

    @property
    def url(self) -> str:
        """Where its sockets are; paths follow it."""
        return f"{'wss' if self._ssl else 'ws'}://{self._address}"

    @property
    def rest_url(self) -> str:
        """Where its REST is; /fapi/v1/… follows it."""
        return f"{'https' if self._ssl else 'http'}://{self._address}"

    @property
    def frames(self) -> int:
        """How many frames of the market have gone by."""
        return self._market.frames

    async def __aenter__(self) -> Self:
        """Open the port. Raises ServeError."""
        try:
            self._server = await serve(
                self._attend,  # type: ignore[arg-type]
                self.host,
                self.port,
                ssl=self._ssl,
                create_connection=Line,
                process_request=self._admit,
                compression=None,
                close_timeout=CLOSE_WAIT_S,
                max_size=MESSAGE_BYTES_MAX,
                write_limit=WRITE_AHEAD_BYTES,
                server_header=None,
                ping_interval=self._ping_interval_s,
                ping_timeout=self._pong_timeout_s,
            )
        except OSError as error:
            raise ServeError(
                f"The exchange cannot listen on {self.host}, port {self.port} "
                f"({error.strerror}). Choose another with --port; 0 is any free one."
            ) from None
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close everything, at once. Raises what the market has failed of."""
        assert self._server is not None and self._running is not None
        self._server.close(close_connections=False)
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._floor.leave()
        for connection in list(self._server.all_connections):
            connection.transport.abort()
        await self._server.wait_closed()
        if self.failed is not None and error == (None, None, None):
            raise self.failed

    @property
    def _address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def _look_ahead(self, feed: Feed, symbol: str | None) -> None:
        streams = 0
        for number, frame in enumerate(feed):
            self._desk.look_ahead(frame)
            streams += bool(frame.stream)
            if number >= AHEAD_FRAMES and streams:
                return
        if not streams:
            of = f" of {symbol}" if symbol else ""
            raise SourceError(
                f"The source has no frame of a stream{of}: there is nothing to serve. A frame "
                'that can be served is wrapped: {"stream":"btcusdt@trade","data":{...}}.'
            )

    async def _run(self) -> None:
        """The market, from the first subscription to its end."""
        code = 1000
        try:
            await self._market.run(self._perform)
        except Exception as error:
            self.failed, code = error, 1011
        self._closed = True
        if self._market.unsent:
            self._note(
                f"{self._market.unsent:,} frames of the source name no stream (REST bodies, "
                "unwrapped frames, garbage): there is nobody to send them to."
            )
        closing = self._floor.close(code)
        if closing:
            await asyncio.wait(closing)
        self.over.set()

    # ---- what is done to connections -----------------------------------------------------------

    async def _perform(self, fault: Fault, market_ns: int) -> None:
        """Do what a fault does to connections. At full speed, wait until it has been done."""
        told: dict[str, Any] = {"connections": len(self._floor.lines)}
        lasts_s = fault.for_s / (self._speed or 1.0)
        loop = asyncio.get_running_loop()
        match fault.kind:
            case "close":
                closing = self._floor.close(fault.code)
                self._seeing.update(closing)
                if self._speed is None and closing:
                    await asyncio.wait(closing)
                self._seeing = {task for task in self._seeing if not task.done()}
            case "cut":
                if self._speed is None:
                    await self._floor.settle()
                self._floor.cut()
            case "refuse":
                self._refused_left = fault.count
                self._refused_until = loop.time() + lasts_s
                told = {"count": fault.count} if fault.count > 0 else {"for_s": fault.for_s}
            case _:
                for line in self._floor.lines:
                    line.slow_down(fault.bytes, fault.seconds)
                    loop.call_later(lasts_s, line.speed_up)
        self._faults.say(fault, market_ns, **told)
        if self._speed is None:
            await self._floor.audience()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """An HTTP answer, or None when a socket is to be opened."""
        said = self._desk.answer(request.path)
        if said is not None:
            response = connection.respond(said.status, said.body.decode())
            response.headers.pop("Content-Type")
            response.headers["Content-Type"] = "application/json"
            return response
        route = route_of(request.path)
        if route is None:
            return connection.respond(404, f"There is no stream path {request.path}\n")
        if self._is_refused():
            return connection.respond(503, "Service unavailable\n")
        assert isinstance(connection, Line)
        connection.route = route
        return None

    def _is_refused(self) -> bool:
        """Whether a new connection gets HTTP 503: so the script says, or the market has ended."""
        if self._closed:
            return True
        if asyncio.get_running_loop().time() >= self._refused_until or not self._refused_left:
            return False
        self._refused_left -= self._refused_left > 0
        return True

    async def _attend(self, line: Line) -> None:
        """One client, from its handshake to its end."""
        line.subscribed.update(dict.fromkeys(line.route.streams))
        if self._closed:
            return  # the market ended during the handshake
        self._floor.place(line)
        try:
            async for message in line:
                if line.answer_delay_s:
                    await asyncio.sleep(line.answer_delay_s)
                said = answer(message, line.subscribed)
                line.flush()  # what was put before the answer goes before it
                if line in self._floor.lines:
                    line.send_bytes(wire_frame(said))
                    self._floor.place(line)
        except ConnectionClosed:
            pass  # a client that goes without a word is a client that goes
        finally:
            self._floor.remove(line)
