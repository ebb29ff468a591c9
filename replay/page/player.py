"""A recording with time under the hand: play, pause, step, speed, seek; one cursor for all viewers.

Going back runs the recording from its beginning once more: the core does millions of events a
second, and nothing has to be kept. What was played so fast that books were left out is told anew,
in full, when it is paused.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from micropulse.schema import MILLISECOND, SECOND
from micropulse.strategy import strategy_name
from replay.backtest import Session
from replay.page.channel import BACKLOG_MS, Channel
from replay.page.cursor import Cursor, Moving
from replay.page.messages import BOOKS_MOST, Kept, Messages
from replay.page.miniature import Miniature
from replay.page.now import Known, now_of
from replay.page.server import ControlError
from replay.sight.holding import limits_of

LOOK_S = 0.05
SPEED_LEAST, SPEED_MOST = 0.1, 1_000.0
FULL = 20 * BOOKS_MOST  # books of a message of CHUNK_MS: none is left out
CHUNK_MS = 5_000  # of log time in a message of the backlog
EACH_BOOK = -1  # a sample a book

Open = Callable[[], Session]


class Player:
    """Drives a recording for a channel. Its loop is one thread's; `control` is any's."""

    def __init__(
        self, opened: Open, miniature: Miniature, speed: float, report: bool = False
    ) -> None:
        """`opened` makes a session at the beginning of the recording; with `report` its trades
        are in one that is served."""
        self._report = report
        self._open, self._miniature = opened, miniature
        self._speed, self._playing = speed, True
        self._asked: queue.SimpleQueue[tuple[dict[str, str], Future[dict[str, Any]]]]
        self._asked = queue.SimpleQueue()
        self._begin()
        self._core.state.clock.sample_every = EACH_BOOK
        self.channel = Channel(self._hello())
        self._pace()

    def control(self, query: dict[str, str]) -> dict[str, Any]:
        """Do what a browser asks for, between two steps. Raises ControlError."""
        done: Future[dict[str, Any]] = Future()
        self._asked.put((check(query), done))
        return done.result(timeout=60.0)

    def loop(self) -> None:
        """Play until the process ends."""
        self._say()
        while True:
            try:
                query, done = self._asked.get(timeout=LOOK_S)
            except queue.Empty:
                self._go_on()
                continue
            try:
                self._go_on()  # what is due: commands that come fast must not hold time up
                self._obey(query)
                done.set_result(self._status())
            except BaseException as error:
                done.set_exception(error)
                if not isinstance(error, ControlError):
                    raise
            self._say()

    # ---- time -------------------------------------------------------------------------------

    def _pace(self) -> None:
        """From here and now on time goes by the clock."""
        self._since_s = time.monotonic()
        self._since_ns = self._cursor.now_ns if self._cursor.now_ns >= 0 else self._first_ns

    def _go_on(self) -> None:
        if not self._playing:
            return
        gone_s = (time.monotonic() - self._since_s) * self._speed
        self._move(lambda cursor: cursor.until(self._since_ns + int(gone_s * SECOND)))
        if self._cursor.ended:
            self._playing = False
            self._say()

    def _move(self, moving: Moving) -> None:
        """Feed, and tell."""
        for events in moving(self._cursor):
            self._core.advance_all(events, [self._kept])
            step = self._messages.step(events, self._kept)
            self.channel.step(step, self._cursor.now_ns // MILLISECOND, {"now": self._now()})

    def _obey(self, query: dict[str, str]) -> None:
        do = query["do"]
        if do == "play":
            if self._cursor.ended:
                self._seek(0)
            self._playing = True
        elif do == "pause":
            self._playing = False
            if self._messages.thinned:
                self._seek(self._cursor.now_ns)
        elif do == "speed":
            self._speed = float(query["x"])
        elif do == "seek":
            self._seek(int(float(query["ms"]) + 1) * MILLISECOND - 1)  # all of that ms
        else:
            self._step(query["by"])
        self._pace()

    def _step(self, by: str) -> None:
        self._playing = False
        if by == "event":
            self._move(Cursor.one)
        elif by == "print":
            self._move(Cursor.one_print)
        else:
            seq = self._miniature.signal_after(self._cursor.seq)
            if seq is None:
                raise ControlError("There is no later signal.")
            self._move(lambda cursor: cursor.until_seq(seq))

    def _seek(self, ts: int) -> None:
        """Stand where everything received up to `ts` has been applied."""
        self._begin()
        ts = max(ts, self._first_ns)
        shown_from = ts - BACKLOG_MS * MILLISECOND
        for events in self._cursor.until(shown_from):
            self._core.advance_all(events)
        self._core.state.clock.sample_every = EACH_BOOK
        steps = []
        for end in (*range(shown_from, ts, CHUNK_MS * MILLISECOND), ts):
            for events in self._cursor.until(end):
                self._core.advance_all(events, [self._kept])
                if step := self._messages.step(events, self._kept, FULL):
                    steps.append((self._cursor.now_ns // MILLISECOND, step))
        self.channel.say(now=self._now())
        self.channel.anew(self._hello(), steps)

    # ---- what is told -----------------------------------------------------------------------

    def _begin(self) -> None:
        """The beginning of the recording."""
        self._session = session = self._open()
        self._core = session.core
        self._kept = Kept()
        self._messages = Messages(session)
        self._cursor = Cursor(iter(session.source))
        first = self._cursor.first_ns()
        self._first_ns = first if first is not None else 0
        self._messages.base_ms = self._first_ns // MILLISECOND
        self._known = Known(session, limits_of(session.settings.as_dict()))

    def _hello(self) -> dict[str, Any]:
        hello = hello_of(self._session, "replay", self._first_ns // MILLISECOND)
        return hello | {"report": self._report}

    def _now(self) -> dict[str, Any]:
        return now_of(self._known) | {"gap_since": self._messages.gap_since_ms}

    def _status(self) -> dict[str, Any]:
        return {
            "playing": self._playing,
            "speed": self._speed,
            "ms": max(self._cursor.now_ns, self._first_ns) // MILLISECOND,
            "seq": self._cursor.seq,
            "ended": self._cursor.ended,
        }

    def _say(self) -> None:
        self.channel.say(player=self._status(), now=self._now())


def hello_of(session: Session, what: str, base_ms: int) -> dict[str, Any]:
    """What does not change of a run."""
    return {
        "symbol": session.source.symbol,
        "strategy": strategy_name(session.strategy),
        "what": what,
        "px": session.digits.px,
        "qty": session.digits.qty,
        "tick": int(session.instrument.tick),
        "base_ms": base_ms,
    }


def check(query: dict[str, str]) -> dict[str, str]:
    """A command as it may be: `do` and what belongs to it. Raises ControlError."""
    takes: dict[str | None, tuple[str, ...]] = {
        **{"play": (), "pause": (), "step": ("by",)},
        **{"speed": ("x",), "seek": ("ms",)},
    }
    wanted = takes.get(query.get("do"))
    if wanted is None or query.keys() != {"do", *wanted}:
        raise ControlError("do=play, pause, step&by=event|print|signal, speed&x=N or seek&ms=TIME.")
    if query.get("by", "event") not in ("event", "print", "signal"):
        raise ControlError("A step is by event, print or signal.")
    for name, least, most in (("x", SPEED_LEAST, SPEED_MOST), ("ms", 0.0, 4e12)):
        if name in query:
            _number(query[name], name, least, most)
    return query


def _number(text: str, name: str, least: float, most: float) -> None:
    try:
        fits = least <= float(text) <= most  # a NaN does not
    except ValueError:
        fits = False
    if not fits:
        raise ControlError(f"{name} is a number from {least:g} to {most:g}.")
