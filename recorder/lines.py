"""The connections of a session: dialed in threads, watched in the loop, let go in order.

CONNECT and DISCONNECT are journaled to every tape that a connection's streams belong to. What a
connection is told or loses is decided in `link`; here it is done.
"""

from __future__ import annotations

import selectors
import socket as sockets
import threading
from collections.abc import Callable
from typing import NamedTuple

from micropulse.events import CONNECT, DISCONNECT
from recorder.clock import Stamps
from recorder.link import Line, Link, Options
from recorder.log import Log
from recorder.socket import Connection, DialError, dial
from recorder.streams import Plan, symbol_of
from recorder.tally import Tally
from recorder.tapes import SECOND_NS, Tapes
from recorder.watch import StreamWatch

CONN_MAX = 32_767  # what a journal entry can hold; then they begin at 1 again


class Loop(NamedTuple):
    """What the session lends: its selector, and the ways back into its thread."""

    selector: selectors.BaseSelector
    bring: Callable[[Callable[[], object]], None]  # do this in the loop; from any thread
    read: Callable[[Line], None]  # take what a connection has
    fail: Callable[[str], None]  # end the session: it cannot do its work


class Lines:
    """All links of a session, and their connections."""

    def __init__(
        self, wanted: Plan, options: Options, tapes: Tapes, stamps: Stamps, log: Log, loop: Loop
    ) -> None:
        self.links = [
            Link(endpoint, options.timing, options.seed + k)
            for k, endpoint in enumerate(wanted.endpoints)
        ]
        self.tally = Tally(wanted)
        self._symbols, self._options, self._timing = wanted.symbols, options, options.timing
        self._tapes, self._stamps, self._log, self._loop = tapes, stamps, log, loop
        self._conn = 0
        self._is_over = False
        self._is_gone = False  # nobody takes a dialed socket any more
        self._handing_over = threading.Lock()

    def chores(self, now: int) -> None:
        """Look at every deadline. `now` is monotonic ns."""
        for link in self.links:
            if link.wants_dial(now):
                self._dial(link)
            if leaving := link.hand_over(now):
                self._dismiss(leaving, now)
            for line in list(link.lines):
                self._look_after(line, now)

    def lost(self, line: Line) -> None:
        """A connection has ended, whoever ended it."""
        self._loop.selector.unregister(line.socket)
        line.socket.close()
        self._tapes.control(line.tapes, DISCONNECT, line.socket.number)
        self._tapes.flush()
        self.tally.retire(line)
        why, link = line.socket.ended, line.link
        if self._is_over:
            link.lines.remove(line)
            return
        wait_s = link.lost(line, self._stamps.monotonic)
        if wait_s:
            self.tally.reconnects += 1
            self._log.caution(line.who, f"{why}. Connecting again in {wait_s:.1f} s.")
        else:
            self.tally.handovers += 1
            self._log.say(line.who, f"{why}: the fresh connection has taken over")

    def say_goodbye(self) -> None:
        """No more dialing; every connection is asked to end."""
        self._is_over = True
        for line in self.open():
            line.socket.say_goodbye()

    def abandon(self) -> None:
        """Take no more sockets; close what is still open, without a word in the journal."""
        self._is_over = True
        with self._handing_over:
            self._is_gone = True
        for line in self.open():
            self._loop.selector.unregister(line.socket)
            line.socket.close()
            self.tally.retire(line)
            line.link.lines.remove(line)

    def open(self) -> list[Line]:
        """The connections that are there."""
        return [line for link in self.links for line in link.lines]

    def _look_after(self, line: Line, now: int) -> None:
        socket, timing = line.socket, self._timing
        socket.send_waiting()
        if line.goodbye_ns and now > line.goodbye_ns:
            socket.give_up("closed by us")
        elif dead := line.is_dead(now, timing):
            socket.give_up(dead)
        elif not socket.ping_ns and now - socket.pong_ns > timing.ping_s * SECOND_NS:
            socket.ping(now)
        if socket.ended:
            self.lost(line)
            return
        for is_error, stream, text in line.reports(now, timing):
            (self._log.alarm if is_error else self._log.caution)(stream, text)

    def _dismiss(self, line: Line, now: int) -> None:
        line.socket.say_goodbye()
        line.goodbye_ns = now + int(self._timing.goodbye_s * SECOND_NS)
        if line is line.link.lines[-1]:
            self._log.alarm(line.who, "does not show what the old one shows: the old one stays.")

    def _dial(self, link: Link) -> None:
        link.is_dialing = True

        def work() -> None:
            made: sockets.socket | DialError
            try:
                made = dial(link.endpoint.url, self._timing.dial_s, self._options.ca_file)
            except DialError as error:
                made = error
            with self._handing_over:
                if not self._is_gone:
                    self._loop.bring(lambda: self._dialed(link, made))
                elif isinstance(made, sockets.socket):
                    made.close()

        threading.Thread(target=work, name=f"dial-{link.endpoint.name}", daemon=True).start()

    def _dialed(self, link: Link, made: sockets.socket | DialError) -> None:
        """In the loop again, with a socket or the reason why there is none."""
        link.is_dialing = False
        now = self._stamps.monotonic
        if self._is_over:
            if isinstance(made, sockets.socket):
                made.close()
        elif isinstance(made, sockets.socket):
            self._connected(link, made, now)
        elif made.hopeless and not any(other.connected for other in self.links):
            self._loop.fail(f"{link.endpoint.name}: {made}")
        else:
            wait_s = link.back_off(now)
            self._log.alarm(link.endpoint.name, f"{made} Trying again in {wait_s:.1f} s.")

    def _connected(self, link: Link, made: sockets.socket, now: int) -> None:
        self._conn = self._conn % CONN_MAX + 1
        watches = {}
        for name in link.endpoint.streams:
            is_ours = symbol_of(name) in self._symbols
            tape = self._tapes.of(symbol_of(name)) if is_ours else None
            watches[name.encode()] = StreamWatch(name, tape)
        line = Line(link, Connection(self._conn, made, now), watches)
        link.lines.append(line)
        link.connected += 1
        self._tapes.control(line.tapes, CONNECT, self._conn)
        self._tapes.flush()
        streams = link.endpoint.streams
        more = f" and {len(streams) - 4} more" if len(streams) > 4 else ""
        what = "a fresh connection, to hand over to" if len(link.lines) > 1 else "connected"
        self._log.say(line.who, f"{what}: {', '.join(streams[:4])}{more}")
        self._loop.selector.register(line.socket, selectors.EVENT_READ, line)
        self._loop.read(line)  # TLS may hold what came with the handshake
