"""One client's socket: the streams it has, and every byte that goes out to it.

The `websockets` package keeps the connection (handshake, pings, pongs, close); frames of the market
are written past it in pieces of many, since its own `send` costs 12 µs a frame.
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from replay.server.routes import PUBLIC, Route

UNREAD_BYTES_MAX = 16 * 1024 * 1024  # a client that is further behind is cut off


class Line(ServerConnection):
    """A socket of the exchange. All that leaves it goes through `send_bytes`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.route = Route(PUBLIC, False, ())
        self.subscribed: dict[str, None] = {}
        self._batch: list[bytes] = []
        self._piece_bytes, self._pause_s = 0, 0.0
        self._waiting = bytearray()  # what a slowed line has not written yet
        self._crawling: asyncio.Task[None] | None = None
        self._ends = False  # once all is written, the socket is closed

    @property
    def is_open(self) -> bool:
        """Whether frames may be sent."""
        return self.protocol.state is State.OPEN

    @property
    def unread_bytes(self) -> int:
        """What waits here for the client to read it; what the system holds is not counted."""
        return self.transport.get_write_buffer_size() + len(self._waiting)

    def put(self, wire: bytes) -> None:
        """Put a frame, as `wire_frame` gives it, into the batch."""
        self._batch.append(wire)

    def flush(self) -> None:
        """Write the batch."""
        if self._batch:
            batch, self._batch = self._batch, []
            if self.is_open:
                self.send_bytes(b"".join(batch))

    async def settle(self) -> None:
        """Wait until the client has read enough for more to be written."""
        while self._crawling is not None and self.is_open:
            await asyncio.sleep(self._pause_s or 0.001)
        await self.drain()

    def slow_down(self, piece_bytes: int, pause_s: float) -> None:
        """From now on, write pieces of so many bytes, with a pause after each."""
        self._piece_bytes, self._pause_s = piece_bytes, pause_s

    def speed_up(self) -> None:
        """Write at once again, what is waiting first."""
        self._piece_bytes = 0

    @property
    def answer_delay_s(self) -> float:
        """How long a slowed exchange takes to look at what a client says."""
        return self._pause_s if self._piece_bytes else 0.0

    def send_data(self) -> None:
        """What the `websockets` package has to say: answers, pings, pongs, the close frame.

        At its end the server closes first, as RFC 6455 asks; half-closing would wait for clients.
        """
        for data in self.protocol.data_to_send():
            if data:
                self.send_bytes(data)
            elif self._waiting:
                self._ends = True
            else:
                self.transport.close()

    def send_bytes(self, data: bytes) -> None:
        """Write whole frames, after all that was written before."""
        if not self._piece_bytes and self._crawling is None:
            self.transport.write(data)
            return
        self._waiting += data
        if self._crawling is None:
            self._crawling = asyncio.create_task(self._crawl())

    async def _crawl(self) -> None:
        while self._waiting and not self.transport.is_closing():
            size = self._piece_bytes or len(self._waiting)
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
            self.transport.write(bytes(piece))
            await asyncio.sleep(self._pause_s if self._piece_bytes else 0)
        self._waiting.clear()
        self._crawling = None
        if self._ends:
            self.transport.close()


def wire_frame(text: bytes) -> bytes:
    """A text message as it goes over the wire, from a server: not masked, not compressed."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)
