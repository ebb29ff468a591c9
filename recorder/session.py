"""A recording session: sockets in, journals out, in one thread that never waits for anything else.

    session = Session(plan(["BTCUSDT"]), Path("data"))
    outcome = session.run()                     # until session.stop("why"), from any thread

Read a chunk -> stamp it once -> cut it into messages -> append each to its tape -> flush the
tapes -> give the batch to the tap. Dialing, REST, fdatasync and sealing happen elsewhere; what
they bring comes through a queue that wakes the loop.
"""

from __future__ import annotations

import queue
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from micropulse.events import CLOCK_STEP
from recorder.clock import MachineClock, Stamps, SystemClock
from recorder.lines import Lines, Loop
from recorder.link import Line, Options
from recorder.log import Log
from recorder.rest import Asked, ask_exchange, rest_host
from recorder.streams import Plan, symbol_of
from recorder.tapes import SECOND_NS, Entry, Tap, Tapes
from recorder.watch import StreamWatch

CHORES_S = 0.1  # how often deadlines are looked at
PREFIX = b'{"stream":"'
NAME_AT = len(PREFIX)
DEFAULTS = Options()


class Outcome(NamedTuple):
    """How a session ended. `failed` says that it was not meant to."""

    why: str
    failed: bool


class _Named(msgspec.Struct):
    """What says whose a frame is."""

    stream: str = ""
    s: str = ""


class Session:
    """One run of the recorder. `each_second` is called in the loop, for health and heartbeat."""

    def __init__(
        self,
        wanted: Plan,
        data: Path,
        log: Log,
        options: Options = DEFAULTS,
        on_batch: Tap | None = None,
        clock: MachineClock | None = None,
        each_second: Callable[[Session], object] | None = None,
    ) -> None:
        """`on_batch` gets the entries of each chunk, once they are in the journals. Takes the
        writer's lock of each tape; raises TapeError when one is refused."""
        self.plan, self.data, self.log, self.options = wanted, data, log, options
        self.ahead_ms: float | None = None  # the exchange's clock, as REST told
        self._clock = clock or SystemClock()
        self._each_second = each_second
        self.tapes = Tapes(data, wanted.symbols, log, on_batch)
        self.stamps = Stamps(self._clock, self.tapes.last_ts)
        self._selector = selectors.DefaultSelector()
        loop = Loop(self._selector, self._bring, self._read, lambda why: self.stop(why, True))
        self.lines = Lines(wanted, options, self.tapes, self.stamps, log, loop)
        self.tally = self.lines.tally
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._brought: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._outcome: Outcome | None = None

    def stop(self, why: str, failed: bool = False) -> None:
        """End the session in order, soon. From any thread, or a signal handler."""
        self._outcome = self._outcome or Outcome(why, failed)
        self.wake()

    def wake(self) -> None:
        """Make the loop look at what was brought."""
        try:
            self._wake.send(b"\0")
        except OSError:
            return  # full: it wakes anyway; closed: it is over

    @property
    def wake_fd(self) -> int:
        """For signal.set_wakeup_fd: a signal then ends the wait of the loop."""
        return self._wake.fileno()

    def run(self) -> Outcome:
        """Record until stopped; everything is journaled, closed and durable when it returns."""
        if behind := -self.stamps.offset_ns:
            self.log.caution(
                "clock",
                f"this machine's clock is {behind / SECOND_NS:.1f} s behind the last stamp of the "
                "tape: ts_recv goes on from there.",
            )
        self._selector.register(self._woken, selectors.EVENT_READ)
        can_write = True
        try:
            self.tapes.begin(self.stamps)
            self._ask_rest()
            self._loop()
        except OSError as error:
            can_write = False
            self.stop(
                f"the journal cannot be written: {error}. Everything before is whole; make room "
                "and start again.",
                failed=True,
            )
        except BaseException:
            self.tapes.untap()  # if it was the tap that failed, it gets no second chance to
            raise
        finally:
            self._end(can_write)
        return self._outcome or Outcome("", failed=True)

    # ---- the loop ---------------------------------------------------------------------------

    def _loop(self) -> None:
        began = next_second = next_chores = self.stamps.monotonic
        while self._outcome is None:
            for key, _ in self._selector.select(CHORES_S):
                if key.data is None:
                    self._take_what_was_brought()
                else:
                    self._read(key.data)
            self.stamps.now()
            now = self.stamps.monotonic
            if now >= next_chores:
                next_chores = now + int(CHORES_S * SECOND_NS)
                self.lines.chores(now)
                self.tapes.tick()
                self.tapes.flush()
            if now >= next_second:
                next_second = now + SECOND_NS
                self._second()
            limit_s = self.options.duration_s
            if limit_s is not None and now - began >= limit_s * SECOND_NS:
                self.stop(f"it has recorded for {limit_s:g} s, as asked")

    def _read(self, line: Line) -> None:
        """Everything the socket has in one read; what TLS holds back as well."""
        connection = line.socket
        while True:
            messages = connection.receive(self.stamps)
            if messages:
                self._take(line, messages)
            if connection.ended:
                self.lines.lost(line)
                return
            if not connection.behind:
                return

    def _take(self, line: Line, messages: list[bytes]) -> None:
        """Journal the messages of one chunk."""
        watches, tapes = line.watches, self.tapes
        ts, conn, now = line.socket.ts_recv, line.socket.number, line.socket.heard_ns
        entries, touched = tapes.entries, tapes.touched
        for payload in messages:
            watch = None
            if payload.startswith(PREFIX):
                watch = watches.get(payload[NAME_AT : payload.find(b'"', NAME_AT)])
            if watch is None or watch.tape is None:
                watch = self._watch_of_odd(line, payload)
            else:
                watch.check_id(payload)
            tape = watch.tape or tapes.of("")
            seq = tape.journal.append(ts, conn, payload)
            watch.frames += 1
            watch.heard_ns = tape.entry_ns = now
            touched.add(tape)
            if entries is not None:
                entries.append(Entry(tape.symbol, seq, ts, conn, payload))
        self.tally.lateness.note(ts, messages[-1])
        self.tally.frames += len(messages)
        tapes.flush()

    def _watch_of_odd(self, line: Line, payload: bytes) -> StreamWatch:
        """Where a frame belongs that comes of no stream we asked for, or of the whole market."""
        try:
            named = msgspec.json.decode(payload, type=_Named)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            named = _Named()
            self.tally.garbage += 1
        key = named.stream.encode()
        if known := line.watches.get(key):
            if known.tape is None:
                known.tape = self.tapes.of("")
            return known
        tape = self.tapes.of(symbol_of(named.stream) or named.s.upper())
        self.tally.unasked += 1
        if self.tally.unasked == 1:
            self.log.say(
                line.who,
                f"a frame of no stream that was asked for is kept with {tape.symbol}: "
                f"{payload[:80].decode(errors='replace')!r}. More are counted as `unasked`.",
            )
        return StreamWatch(named.stream, tape)

    def _second(self) -> None:
        """What is due once a second."""
        if step := self.stamps.step():
            self.tapes.control(self.tapes, CLOCK_STEP, value=step)
            self.tapes.flush()
            self.tally.clock_steps += 1
            self.tally.lateness.restart()
            self.log.caution(
                "clock",
                f"this machine's clock was set by {step / SECOND_NS:+.3f} s. The step is in the "
                "journal; ts_recv never goes back.",
            )
        self.tapes.sync()
        if self._each_second is not None:
            self._each_second(self)

    # ---- what other threads bring -----------------------------------------------------------

    def _bring(self, work: Callable[[], object]) -> None:
        self._brought.put(work)
        self.wake()

    def _take_what_was_brought(self) -> None:
        self._woken.recv(4096)
        while not self._brought.empty():
            self._brought.get()()

    def _ask_rest(self) -> None:
        if not self.options.rest:
            return
        host, symbols = rest_host(self.plan.endpoints[0].url), self.plan.symbols

        def work() -> None:
            asked = ask_exchange(host, symbols, self.data, self._clock, 10.0, self.options.ca_file)
            self._bring(lambda: self._told(asked))

        threading.Thread(target=work, name="rest", daemon=True).start()

    def _told(self, asked: Asked) -> None:
        self.ahead_ms = asked.ahead_ms
        for text in asked.notes:
            self.log.say("rest", text)
        for text in asked.problems:
            self.log.caution("rest", text)

    # ---- the end ----------------------------------------------------------------------------

    def _end(self, can_write: bool) -> None:
        """Take what is under way, say goodbye, make everything durable."""
        problems = []
        try:
            if can_write:
                self._drain()
        except OSError as error:
            problems.append(f"what was under way at the end is not written: {error}.")
        self.lines.abandon()
        problems += self.tapes.end()
        for problem in problems:
            self.log.alarm("journal", problem)
        while not self._brought.empty():
            self._brought.get()()
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _drain(self) -> None:
        """Ask every connection to end, and take what still comes until it does, or too long."""
        self.lines.say_goodbye()
        until = self.stamps.monotonic + int(self.options.timing.goodbye_s * SECOND_NS)
        while self.lines.open() and self.stamps.monotonic < until:
            for key, _ in self._selector.select(CHORES_S):
                if key.data is not None:
                    self._read(key.data)
            self.stamps.now()
        for line in self.lines.open():
            line.socket.give_up("closed by us")
            self.lines.lost(line)

    def seal(self) -> None:
        """Wait until everything that was recorded is sealed. After `run`."""
        while self.tapes.seal_next(wait=True):
            continue
