"""The process that draws live runs: it is told which, follows their tapes, and draws.

What it is told, and when it ends: replay/sight/told.py.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from functools import partial

from rich.console import Console, RenderableType
from rich.text import Text

from recorder.folder import TapeError
from replay.live.mirror import Mirror, Mirrored
from replay.screen.history import History
from replay.screen.look import DIM, Look
from replay.screen.panels import Health
from replay.screen.terminal import EACH_S, full_screen
from replay.screen.view import Moment, Shown, other_line, view
from replay.sight.holding import limits_of
from replay.sight.told import OLD_S, Pipe

NICER = 5  # the feed comes first, where cores are few


class Watched:
    """One run on the screen."""

    def __init__(self, what: Mirrored) -> None:
        self._what = what
        self.trouble = ""
        self._begin()

    def _begin(self) -> None:
        self.mirror = Mirror(self._what)
        session = self.mirror.session
        history = History(session.strategy)
        self.shown = Shown(
            self._what.symbol,
            session.strategy,
            session.digits,
            limits_of(self._what.params),
            session.core.state,
            history,
        )
        self._heard = time.monotonic()

    def advance(self) -> None:
        """Read what has been written; begin anew where the tape's end was lost."""
        history, state = self.shown.history, self.shown.state
        try:
            if self.mirror.advance([history], lambda: history.see(state)):
                self._heard = time.monotonic()
        except TapeError as error:
            self.trouble = str(error)
            self._begin()

    @property
    def health(self) -> Health:
        """How long ago the last event came."""
        age_s = time.monotonic() - self._heard
        problems = self.mirror.following.problems
        note = self.trouble or (problems[-1] if problems else "")
        return Health(age_s, "the feed is silent" if age_s > OLD_S else note)


def watch(symbols: list[str]) -> int:
    """Draw until stdin ends; the exit code."""
    os.nice(NICER)
    console = Console(file=sys.stdout)
    pipe = Pipe(sys.stdin.fileno())
    watched: dict[str, Watched] = {}
    log: deque[str] = deque(maxlen=4)
    with full_screen(console) as terminal:
        while not pipe.ended:
            for told in pipe.wait(EACH_S):
                if told.log:
                    log.append(told.log)
                if told.run is not None:
                    watched[told.run.symbol] = Watched(told.run)
            for one in watched.values():
                one.advance()
            if terminal.is_due:
                runs = [watched[symbol] for symbol in symbols if symbol in watched]
                terminal.draw(partial(screen, runs, symbols, tuple(log)))
    return 0


def screen(
    runs: list[Watched], symbols: list[str], log: tuple[str, ...], look: Look
) -> RenderableType:
    """The first run in full, the others on a line each."""
    if not runs:
        words = log[-1] if log else f"waiting for the first frames of {', '.join(symbols)}"
        return Text(words, DIM, no_wrap=True, overflow="ellipsis")
    first, *others = runs
    health = first.health
    lines = tuple(other_line(one.shown) for one in others)
    return view(first.shown, Moment("live", health, log, lines), look)
