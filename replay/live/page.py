"""`live --page`, `record --page`: a process of its own serves this one's runs to browsers.

The socket is opened here, before anything begins: a port that is taken is an error of the command.
When the process dies the run goes on without a page.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from recorder.folder import tape_folder
from recorder.following import end_of
from replay.live.eyes import Sight
from replay.live.mirror import Mirrored, mirrored
from replay.live.onlooker import Onlooker
from replay.live.plan import Plan

LIVE, RECORDING = "live", "recording"


class Page:
    """A process that serves a page on a socket that listens."""

    def __init__(self, made: socket.socket, what: str) -> None:
        self._server = Onlooker("replay.page", (str(made.fileno()), what), (made.fileno(),), True)
        self._is_gone = False
        made.close()

    def began(self, plan: Plan, first_seq: int) -> None:
        """Show this run, from this seq of its tape on."""
        self._server.tell(run=mirrored(plan, tape_folder(plan.data, plan.symbol), first_seq))

    def records(self, data: Path, symbol: str) -> None:
        """Show what will be recorded of a symbol from now on, without a strategy."""
        tape = tape_folder(data, symbol)
        params = resolve(load_strategy("idle").Params).as_dict()
        what = Mirrored(symbol, str(tape.absolute()), end_of(tape) + 1, "idle", params)
        self._server.tell(run=what)

    def log(self, text: str) -> None:
        """A line of the log."""
        if not self._is_gone and self._server.is_gone():
            self._is_gone = True
            sys.stderr.write(f"The page has ended {self._server.how()}\nThe run goes on.\n")
        self._server.tell_log(text)

    def close(self) -> None:
        """Serve no more."""
        if self._server.end() and not self._is_gone:
            sys.stderr.write(f"The page has ended {self._server.how()}\n")
        self._server.close()


class WithPage:
    """A Sight, and a page beside it."""

    def __init__(self, sight: Sight, page: Page) -> None:
        self._sight, self._page = sight, page

    def began(self, plan: Plan, first_seq: int) -> None:
        """Both show it."""
        self._sight.began(plan, first_seq)
        self._page.began(plan, first_seq)

    def show(self, line: str) -> None:
        """Lines are for the sight."""
        self._sight.show(line)

    def log(self, text: str) -> None:
        """Both have it."""
        self._sight.log(text)
        self._page.log(text)

    def close(self) -> None:
        """Both end."""
        self._page.close()
        self._sight.close()
