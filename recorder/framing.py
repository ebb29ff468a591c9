"""RFC 6455, the receiving half, without I/O: a server's bytes go in, whole messages come out.

    inbox = Inbox()
    n = sock.recv_into(inbox.space())
    for payload in inbox.take(n): ...       # text or binary, as bytes, put together when in parts
    inbox.pings, inbox.pongs, inbox.closed, inbox.broken

Rules: any split of the bytes gives the same messages. Messages that came before an error or a
close are given. Text is not checked to be UTF-8: it is kept as it came.
"""

from __future__ import annotations

CHUNK_BYTES = 256 * 1024  # four times the largest burst of 100 ms that was measured, 1,152 frames
ROOM_BYTES = 64 * 1024  # at least so much is offered to each read
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
CONTROL_BYTES_MAX = 125
PARTS_MAX = 1_024  # are kept apart: a message in endless empty parts must not fill memory
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FINAL = 0x80
NO_CODE = 1005  # what RFC 6455 calls a close frame that says nothing
_WHOLE_TEXT = FINAL | TEXT


class Inbox:
    """What was received on one connection and is no whole message yet."""

    def __init__(self) -> None:
        self.pings: list[bytes] = []  # payloads to be answered; the caller clears it
        self.pongs = 0
        self.closed: tuple[int, str] | None = None  # code and reason of the server's close frame
        self.broken = ""  # why nothing more can be read, in words
        self._buffer = bytearray(CHUNK_BYTES)
        self._view = memoryview(self._buffer)
        self._end = 0  # bytes in the buffer
        self._parts: list[bytes] = []  # of a message in fragments
        self._parts_bytes = 0

    def space(self) -> memoryview:
        """Where the next bytes belong."""
        return self._view[self._end :]

    def take(self, n: int) -> list[bytes]:
        """The messages that are whole now that `n` bytes more are in `space()`."""
        messages: list[bytes] = []
        if self.broken or self.closed is not None:
            return messages
        buffer, view, at, end = self._buffer, self._view, 0, self._end + n
        need = 0
        while end - at >= 2:
            first, length = buffer[at], buffer[at + 1]
            body = at + 2
            if length >= 126:
                body = at + (4 if length == 126 else 10)
                if length > 127:
                    self.broken = "the server masked a frame, which only a client may"
                    break
                if end < body:
                    break
                length = int.from_bytes(view[at + 2 : body], "big")
                if length > MESSAGE_BYTES_MAX:
                    self.broken = f"a frame of {length:,} bytes; {MESSAGE_BYTES_MAX:,} are allowed"
                    break
            stop = body + length
            if stop > end:
                need = stop - at
                break
            if first == _WHOLE_TEXT and not self._parts:
                messages.append(view[body:stop].tobytes())
            elif not self._take_other(first, view[body:stop].tobytes(), messages):
                break
            at = stop
        self._keep(at, end, need)
        return messages

    def _take_other(self, first: int, payload: bytes, messages: list[bytes]) -> bool:
        """Anything but a text message in one frame; whether more may come."""
        final, opcode = first & FINAL, first & 0x0F
        if first & 0x70:
            self.broken = "a frame uses an extension that was not agreed on"
        elif opcode >= CLOSE:
            self._take_control(opcode, payload, bool(final))
        elif opcode not in (CONTINUATION, TEXT, BINARY):
            self.broken = f"a frame has the unknown opcode {opcode}"
        elif (opcode == CONTINUATION) != bool(self._parts):
            self.broken = "the parts of a message are out of order"
        elif self._parts_bytes + len(payload) > MESSAGE_BYTES_MAX:
            self.broken = f"a message in parts has more than {MESSAGE_BYTES_MAX:,} bytes"
        elif final:
            messages.append(b"".join((*self._parts, payload)))
            self._parts, self._parts_bytes = [], 0
        else:
            self._parts.append(payload)
            self._parts_bytes += len(payload)
            if len(self._parts) > PARTS_MAX:
                self._parts = [b"".join(self._parts)]
        return not self.broken and self.closed is None

    def _take_control(self, opcode: int, payload: bytes, final: bool) -> None:
        if not final or len(payload) > CONTROL_BYTES_MAX:
            self.broken = "a control frame is in parts or too long"
        elif opcode == PING:
            self.pings.append(payload)
        elif opcode == PONG:
            self.pongs += 1
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_CODE
            self.closed = code, payload[2:].decode("utf-8", "replace")
        else:
            self.broken = f"a frame has the unknown opcode {opcode}"

    def _keep(self, at: int, end: int, need: int) -> None:
        """Move the beginning of a frame to the buffer's; make room for the rest of it."""
        left = end - at
        size = max(CHUNK_BYTES, need + ROOM_BYTES)
        if size > len(self._buffer) or (size < len(self._buffer) and left < CHUNK_BYTES // 2):
            rest = self._view[at:end]
            self._buffer = bytearray(size)
            self._view = memoryview(self._buffer)
            self._view[:left] = rest
        elif at:
            self._buffer[:left] = self._view[at:end]
        self._end = left
