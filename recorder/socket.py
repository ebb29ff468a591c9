"""A connection to the exchange: websocket-client shakes hands, the rest is ours.

`dial` blocks, and so runs in a thread of its own; `Connection` never blocks. TLS is verified,
against the machine's authorities (OpenSSL's `SSL_CERT_FILE` names others) or `ca_file`.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import websocket

from recorder.clock import Stamps
from recorder.framing import NO_CODE, Inbox

GOING_AWAY = 1001
OPCODES = websocket.ABNF
_HINTS = {
    403: "It refuses this client, or the path of the URL is wrong.",
    404: "It does not know the path of the URL.",
    418: "It has banned this address for a while for connecting too often.",
    429: "This address has connected too often.",
    451: "It refuses the country this address is in.",
    503: "It is overloaded, closed, or being restarted.",
}


class DialError(Exception):
    """No connection came about. `hopeless` says that trying again soon will not help."""

    def __init__(self, text: str, hopeless: bool = False) -> None:
        super().__init__(text)
        self.hopeless = hopeless


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """What the server's certificate is held against. Raises DialError for a file that is none."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one too
        raise DialError(f"{ca_file} holds no certificates: {error}.", hopeless=True) from None


def dial(url: str, timeout_s: float, ca_file: Path | None = None) -> socket.socket:
    """Connect, shake hands, and give the connected socket. Raises DialError."""
    try:
        connected = websocket.create_connection(
            url,
            timeout=timeout_s,
            sslopt={"context": tls_context(ca_file)} if url.startswith("wss:") else {},
            suppress_origin=True,
        )
    except websocket.WebSocketBadStatusException as error:
        code = error.status_code
        hopeless = 400 <= code < 500 and code not in (408, 418, 429)
        text = f"The server answered HTTP {code} instead of shaking hands. {_HINTS.get(code, '')}"
        raise DialError(text.rstrip(), hopeless) from None
    except websocket.WebSocketTimeoutException:
        raise DialError(f"The server did not answer within {timeout_s:g} s.") from None
    except ssl.SSLCertVerificationError as error:
        raise DialError(
            f"The server's certificate is not trusted: {error.verify_message}. Somebody may sit "
            "between, or a proxy signs with an authority of its own: name it in SSL_CERT_FILE.",
            hopeless=True,
        ) from None
    except (websocket.WebSocketException, OSError, ValueError) as error:
        raise DialError(f"No connection: {str(error) or type(error).__name__}.") from None
    made, connected.sock = connected.sock, None
    assert made is not None  # create_connection raises rather than give none
    made.setblocking(False)
    return made


class Connection:
    """One connected socket: bytes in, messages out, pings answered, the end in words.

    `heard_ns` and `pong_ns` are monotonic times; `ended` is empty while it lives.
    """

    def __init__(self, number: int, connected: socket.socket, now_ns: int) -> None:
        self.number = number  # `conn` in the journal
        self.born_ns = self.heard_ns = self.pong_ns = now_ns
        self.ping_ns = 0  # when the ping was sent that has no pong yet; 0: there is none
        self.ts_recv = 0  # of the last bytes
        self.bytes = 0
        self.ended = ""
        self.closing = False  # we sent a close frame
        self.behind = False  # openssl holds bytes that no selector sees
        self._socket = connected
        self._inbox = Inbox()
        self._out = bytearray()

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def receive(self, stamps: Stamps) -> list[bytes]:
        """One read of the socket: the messages that are whole now. `ts_recv` is their stamp."""
        inbox = self._inbox
        try:
            n = self._socket.recv_into(inbox.space())
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self.behind = False
            return []
        except OSError as error:
            self._end(f"the connection broke: {error.strerror or error}")
            return []
        self.ts_recv = stamps.now()
        self.heard_ns = stamps.monotonic
        self.bytes += n
        messages = inbox.take(n)
        if not n:
            self._end("the server hung up without a close frame")
        elif inbox.pings or inbox.pongs or inbox.broken or inbox.closed is not None:
            self._answer()
        self.behind = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        return messages

    def _answer(self) -> None:
        inbox = self._inbox
        if inbox.pings and not self._out:  # one pong answers every ping before it
            self._send(inbox.pings[-1], OPCODES.OPCODE_PONG)
        inbox.pings.clear()
        if inbox.pongs:
            inbox.pongs, self.ping_ns, self.pong_ns = 0, 0, self.heard_ns
        if inbox.closed is not None:
            code, reason = inbox.closed
            if not self.closing:
                answer = b"" if code == NO_CODE else code.to_bytes(2, "big")
                self._send(answer, OPCODES.OPCODE_CLOSE)
            self._end(f"the server closed it: {code} {reason}".rstrip())
        elif inbox.broken:
            self._end(f"what came is no WebSocket: {inbox.broken}")

    def ping(self, now_ns: int) -> None:
        """Ask for a sign of life."""
        self._send(b"", OPCODES.OPCODE_PING)
        self.ping_ns = now_ns

    def say_goodbye(self) -> None:
        """Send a close frame; what is under way still comes, and then the end."""
        if not self.closing and not self.ended:
            self._send(GOING_AWAY.to_bytes(2, "big"), OPCODES.OPCODE_CLOSE)
            self.closing = True

    def send_waiting(self) -> None:
        """Try again to send what the socket had no room for."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._end(f"the connection broke: {error.strerror or error}")

    def give_up(self, why: str) -> None:
        """It is dead, whatever the socket thinks."""
        self._end(why)

    def close(self) -> None:
        """Let the socket go."""
        self._socket.close()

    def _send(self, payload: bytes, opcode: int) -> None:
        self._out += OPCODES.create_frame(payload, opcode).format()
        self.send_waiting()

    def _end(self, why: str) -> None:
        self.ended = self.ended or why
