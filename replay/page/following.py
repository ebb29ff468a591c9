"""The process that serves live runs: it is told which, follows their tapes, and tells browsers.

A core of its own takes what the run has journaled, as the terminal's screen does; so the run pays
nothing, and what is shown is what the run computed. What it is told: replay/sight/told.py.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from micropulse.events import Events, joined
from micropulse.instrument import KNOWN_DECIMALS
from micropulse.schema import MILLISECOND, SECOND
from recorder.folder import TapeError
from recorder.tape import Tape, digits_of
from replay.live.mirror import Mirror, Mirrored, in_steps
from replay.page.channel import BACKLOG_MS, Channel
from replay.page.messages import BOOKS_MOST, Kept, Messages
from replay.page.now import Known, now_of
from replay.page.player import EACH_BOOK, FULL, hello_of
from replay.page.server import PageServer
from replay.sight.holding import limits_of
from replay.sight.told import Pipe

NICER = 5  # the feed comes first, where cores are few
LOOK_S = 0.03
WAITS_S = 0.1  # prints are told with the next book, or after so long
HEALTH_S = 0.5
STEP_NS = 5 * SECOND  # of what is caught up with
LOG_KEPT = 8
MANY = 200  # events are told at once, book or not


class Run:
    """One run, followed, and its channel."""

    def __init__(self, what: Mirrored, kind: str) -> None:
        self.symbol, self._what, self._kind = what.symbol, what, kind
        self.trouble = ""
        self._waiting: list[Events] = []
        self._since = 0.0  # when the first of them came
        self._begin()
        self.channel = Channel(self._hello())

    def advance(self) -> None:
        """Apply and tell what has been written; begin anew where the tape's end was lost."""
        now = time.monotonic()
        try:
            for events in self._mirror.following.read():
                if not self._waiting:
                    self._since = now
                self._waiting.append(events)
                self._heard = now
                if len(events.depth.seq) or events.n > MANY:
                    self._tell_waiting()
        except TapeError as error:
            self.trouble = str(error)
            self._waiting.clear()
            self._begin()
            self.channel.anew(self._hello(), [])
        if self._waiting and now - self._since > WAITS_S:
            self._tell_waiting()

    def health(self) -> dict[str, Any]:
        """What only this process knows."""
        problems = self._mirror.following.problems
        return {
            "age_s": round(time.monotonic() - self._heard, 3),
            "viewers": self.channel.viewers,
            "dropped": self.channel.dropped,
            "note": self.trouble or (problems[-1] if problems else ""),
        }

    def _begin(self) -> None:
        self._mirror = Mirror(self._what, EACH_BOOK)
        session = self._mirror.session
        self._kept, self._messages = Kept(), Messages(session)
        self._known = Known(session, limits_of(self._what.params))
        self._heard = time.monotonic()
        self._has_base = False

    def _hello(self) -> dict[str, Any]:
        return hello_of(self._mirror.session, self._kind, self._messages.base_ms or 0)

    def _tell_waiting(self) -> None:
        events = joined(self._waiting)
        self._waiting.clear()
        if events.n <= MANY:  # live: a moment
            return self._tell(events)
        for part in in_steps(events, STEP_NS, time.time_ns() - BACKLOG_MS * MILLISECOND):
            self._tell(part)
        return None

    def _tell(self, events: Events) -> None:
        core = self._mirror.session.core
        core.advance_all(events, [self._kept])
        now = now_of(self._known)
        old = now["ms"] < time.time_ns() // MILLISECOND - BACKLOG_MS
        step = self._messages.step(events, self._kept, BOOKS_MOST if old else FULL)
        if not self._has_base:
            self._has_base = True
            self.channel.anew(self._hello(), [])
        gap = {"gap_since": self._messages.gap_since_ms}
        self.channel.step(step, now["ms"], {"now": now | gap})


def is_ready(what: Mirrored) -> bool:
    """Whether it is known how many digits the symbol's prices have."""
    return what.symbol in KNOWN_DECIMALS or digits_of(Tape(Path(what.tape)))[0] is not None


def serve(file: int, kind: str) -> int:
    """Serve on a socket that listens, until stdin ends; the exit code."""
    os.nice(NICER)
    pipe = Pipe(sys.stdin.fileno())
    runs: dict[str, Run] = {}
    waiting: dict[str, Mirrored] = {}
    channels: dict[str, Channel] = {}
    log: deque[str] = deque(maxlen=LOG_KEPT)
    server = PageServer(socket.socket(fileno=file), channels)
    due = 0.0
    try:
        while not pipe.ended:
            for told in pipe.wait(LOOK_S):
                if told.run is not None:
                    waiting[told.run.symbol] = told.run
                if told.log:
                    log.append(told.log.rstrip("\n"))
            for run in runs.values():
                run.advance()
            if time.monotonic() < due:
                continue
            due = time.monotonic() + HEALTH_S
            for symbol in [symbol for symbol, what in waiting.items() if is_ready(what)]:
                runs[symbol] = Run(waiting.pop(symbol), kind)
                channels[symbol] = runs[symbol].channel
            for run in runs.values():
                run.channel.say(health=run.health(), log=list(log), symbols=list(runs))
        for run in runs.values():
            run.channel.say(health=run.health() | {"over": True})
        time.sleep(HEALTH_S / 2)  # for the last word to go out
    finally:
        server.close()
    return 0
