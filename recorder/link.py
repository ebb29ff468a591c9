"""One endpoint held open: its connections, when to dial again, when to hand over to a new one.

Decisions only: the session owns the selector, the tapes and the dialing threads. Times are
monotonic ns.

The exchange ends every connection after 24 hours. So a second one is opened before (after 23),
both are journaled for a while, and the old one is closed when the new one has shown every stream
that the old one still shows. Trades overlap then, and none is missed.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from recorder.socket import Connection
from recorder.streams import MARKET, PUBLIC, Endpoint
from recorder.tapes import SECOND_NS, Tape
from recorder.watch import StreamWatch


class Timing(NamedTuple):
    """How long the recorder waits for what, in seconds."""

    dial_s: float = 10.0
    first_frame_s: float = 10.0  # of a stream, after connecting
    silence_s: float = 60.0  # of a stream: 43 s were measured with nothing lost
    dead_s: float = 30.0  # of a connection: not one byte
    ping_s: float = 20.0
    pong_s: float = 10.0
    rotate_s: float = 23 * 3600.0
    overlap_s: float = 2.0  # both connections, after the new one has shown its streams
    goodbye_s: float = 2.0  # from our close frame to the end
    backoff_min_s: float = 0.5
    backoff_max_s: float = 60.0
    steady_s: float = 10.0  # a connection that lived so long was a good one
    summary_s: float = 10.0


class Options(NamedTuple):
    """What a session can be told, besides what to record."""

    timing: Timing = Timing()
    duration_s: float | None = None
    ca_file: Path | None = None  # authorities for TLS, instead of the machine's
    rest: bool = True  # ask for exchangeInfo and the server's time
    seed: int = 0  # of the jitter in the backoff


class Line:
    """A connection, the watches of its streams by their name on the wire, and its tapes."""

    __slots__ = ("endpoint", "goodbye_ns", "link", "socket", "tapes", "watches")

    def __init__(self, link: Link, socket: Connection, watches: dict[bytes, StreamWatch]) -> None:
        self.link = link
        self.endpoint = link.endpoint
        self.socket = socket
        self.watches = watches
        self.tapes: list[Tape] = []
        for watch in watches.values():
            if watch.tape is not None and watch.tape not in self.tapes:
                self.tapes.append(watch.tape)
        self.goodbye_ns = 0  # when it is given up, after our close frame

    @property
    def who(self) -> str:
        """For the log: public, connection 3."""
        return f"{self.endpoint.name}, connection {self.socket.number}"

    def is_dead(self, now_ns: int, timing: Timing) -> str:
        """Why this connection is dead, in words; empty while it is not."""
        socket = self.socket
        silent_s = (now_ns - socket.heard_ns) / SECOND_NS
        if silent_s > timing.dead_s:
            return f"not one byte for {silent_s:.0f} s: it is dead"
        waited_s = (now_ns - socket.ping_ns) / SECOND_NS if socket.ping_ns else 0.0
        # A pong stands behind all that waits to be read: while bytes come, it may take longer.
        if waited_s > timing.pong_s and silent_s > timing.pong_s:
            return f"no answer to a ping for {waited_s:.0f} s, and nothing else: it is dead"
        return ""

    def reports(self, now_ns: int, timing: Timing) -> list[tuple[bool, str, str]]:
        """(is it an error, stream, text) of streams that fell silent, or came back, each once."""
        said = []
        for watch in self.watches.values():
            if watch.is_rare:
                continue
            since = watch.heard_ns or self.socket.born_ns
            silent_s = (now_ns - since) / SECOND_NS
            limit_s = timing.silence_s if watch.frames else timing.first_frame_s
            if watch.reported and watch.frames and silent_s < limit_s:
                watch.reported = False
                said.append((False, watch.name, "it is back"))
            elif not watch.reported and silent_s > limit_s:
                watch.reported = True
                if watch.frames:
                    text = f"quiet for {silent_s:.0f} s. The connection is alive, nothing is lost."
                    said.append((False, watch.name, text))
                else:
                    said.append((True, watch.name, _no_first_frame(self.endpoint, watch, limit_s)))
        return said


class Link:
    """One endpoint, with no connection, one, or two while it hands over."""

    def __init__(self, endpoint: Endpoint, timing: Timing, seed: int) -> None:
        self.endpoint = endpoint
        self.lines: list[Line] = []  # the oldest first
        self.is_dialing = False
        self.dials_failed = 0  # in a row
        self.connected = 0  # how often
        self.due_ns = 0  # not to be dialed before
        self._timing = timing
        self._chance = random.Random(seed)
        self._settled_ns = 0  # since when the new one shows all that the old one shows

    def wants_dial(self, now_ns: int) -> bool:
        """Whether to connect now: there is no connection, or an old one."""
        if self.is_dialing or now_ns < self.due_ns or len(self.lines) > 1:
            return False
        if not self.lines:
            return True
        line = self.lines[0]
        aged_s = (now_ns - line.socket.born_ns) / SECOND_NS
        return aged_s > self._timing.rotate_s and not line.goodbye_ns

    def back_off(self, now_ns: int) -> float:
        """A connection did not come about, or did not last: the wait before the next, in s."""
        timing = self._timing
        doubled = timing.backoff_min_s * 2.0 ** min(self.dials_failed, 32)
        wait_s = min(timing.backoff_max_s, doubled) * self._chance.uniform(0.5, 1.0)
        self.dials_failed += 1
        self.due_ns = now_ns + int(wait_s * SECOND_NS)
        return wait_s

    def lost(self, line: Line, now_ns: int) -> float:
        """Forget a connection that has ended; the wait before the next dial in s, 0 when another
        one has taken over."""
        was_oldest = self.lines[0] is line
        self.lines.remove(line)
        self._settled_ns = 0
        if now_ns - line.socket.born_ns > self._timing.steady_s * SECOND_NS:
            self.dials_failed = 0
        if self.lines and was_oldest:
            return 0.0
        return self.back_off(now_ns)

    def hand_over(self, now_ns: int) -> Line | None:
        """The connection to close now, of two: the old one when the new one does its work, the new
        one when it does not; None while both are needed."""
        if len(self.lines) < 2 or any(line.goodbye_ns for line in self.lines):
            return None
        old, new = self.lines[0], self.lines[-1]
        waiting = [
            name
            for name, watch in new.watches.items()
            if not watch.frames and old.watches[name].heard_ns > new.socket.born_ns
        ]
        if waiting:
            late = now_ns - new.socket.born_ns > self._timing.first_frame_s * SECOND_NS
            return new if late else None
        self._settled_ns = self._settled_ns or now_ns
        over = now_ns - self._settled_ns >= self._timing.overlap_s * SECOND_NS
        return old if over else None


def _no_first_frame(endpoint: Endpoint, watch: StreamWatch, limit_s: float) -> str:
    text = f"no frame within {limit_s:g} s of connecting, and so nothing of it is recorded."
    route = endpoint.name.partition("-")[0]
    if route != watch.route:
        wrong = f"/{route}" if route in (PUBLIC, MARKET) else "a path without /public or /market"
        return (
            f"{text} It lives on /{watch.route}, and was asked for on {wrong}: there the exchange "
            "acknowledges it and says nothing. Leave ?streams= out of --url."
        )
    return (
        f"{text} Usually the name is wrong, the symbol is not traded, or the stream lives on "
        "another path; a quiet market shows its first frame later."
    )
