"""The clients of the exchange, and who gets which stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from replay.server.feed import MarketFrame
from replay.server.line import UNREAD_BYTES_MAX, Line, wire_frame
from replay.server.routes import speaks

CUT_WAIT_S = 1.0  # for a client to answer a close frame, when the exchange itself is stopped


class Floor:
    """All open lines. A line without a stream that speaks on its path is open, and silent."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """`note` is told what people should know."""
        self.lines: set[Line] = set()
        self._wrapped: dict[str, list[Line]] = {}  # stream -> who gets it with its wrapper
        self._inner: dict[str, list[Line]] = {}  # stream -> who gets the inner object alone
        self._audience = asyncio.Event()
        self._note = note

    def place(self, line: Line) -> None:
        """A line is new, or what it has subscribed to has changed."""
        self.remove(line)
        self.lines.add(line)
        places = self._wrapped if line.route.combined else self._inner
        for stream in line.subscribed:
            if speaks(line.route.group, stream):
                places.setdefault(stream, []).append(line)
                self._audience.set()

    def remove(self, line: Line) -> None:
        """A line gets no more frames."""
        self.lines.discard(line)
        for places in (self._wrapped, self._inner):
            for stream in [stream for stream, lines in places.items() if line in lines]:
                places[stream].remove(line)
                if not places[stream]:
                    del places[stream]
        if not (self._wrapped or self._inner):
            self._audience.clear()

    async def audience(self) -> None:
        """Wait until somebody has a stream that speaks."""
        await self._audience.wait()

    def put(self, frame: MarketFrame) -> None:
        """Put a frame into the batch of everyone who has its stream."""
        for places, text in ((self._wrapped, frame.wrapped), (self._inner, frame.inner)):
            if frame.stream in places:
                wire = wire_frame(text)
                for line in places[frame.stream]:
                    line.put(wire)

    def flush(self) -> None:
        """Write the batches; a client that has stopped reading is cut off, and that is said."""
        for line in list(self.lines):
            line.flush()
            if line.unread_bytes > UNREAD_BYTES_MAX:
                self._note(
                    f"A client left {line.unread_bytes:,} bytes unread: it was cut off, as the "
                    "exchange does. Let it read faster, or serve at a lower --speed."
                )
                self._cut(line)

    async def settle(self) -> None:
        """Wait until every client has read enough for more to be written."""
        for line in list(self.lines):
            line.flush()
            if line.is_open:
                await line.settle()

    def close(self, code: int) -> list[asyncio.Task[None]]:
        """Send everyone a close frame, after all that was put; the tasks that see it through."""
        lines = self._emptied()
        for line in lines:
            line.flush()
        return [asyncio.create_task(line.close(code)) for line in lines]

    def cut(self) -> int:
        """Cut every connection without a close frame; how many there were."""
        lines = self._emptied()
        for line in lines:
            line.flush()
            line.transport.abort()
        return len(lines)

    async def leave(self) -> None:
        """The exchange stops: say so to everyone (1001), and wait for nobody long."""
        lines = list(self.lines)
        closing = self.close(1001)
        if closing:
            await asyncio.wait(closing, timeout=CUT_WAIT_S)
        for line in lines:
            line.transport.abort()

    def _cut(self, line: Line) -> None:
        self.remove(line)
        line.transport.abort()

    def _emptied(self) -> list[Line]:
        lines = list(self.lines)
        for line in lines:
            self.remove(line)
        return lines
