"""`live --screen`: a process of its own draws the runs that this one makes.

When it dies the run goes on in lines.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Sequence

from recorder.folder import tape_folder
from replay.live.eyes import Eyes
from replay.live.mirror import mirrored
from replay.live.onlooker import Onlooker
from replay.live.plan import Plan

LINES_KEPT = 12  # of the log, said again when the screen is gone
_RESTORE = b"\x1b[?1049l\x1b[?25h\x1b[0m"  # leave the other screen, show the cursor, no colours


class Screen:
    """A Sight: the log goes to the screen's foot, and is said again at the end."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._log: deque[str] = deque(maxlen=LINES_KEPT)
        self._lines: Eyes | None = None  # when there is no screen any more
        self._drawer = Onlooker("replay.screen", symbols)

    def began(self, plan: Plan, first_seq: int) -> None:
        """Draw this run, from this seq of its tape on."""
        tape = tape_folder(plan.data, plan.symbol)
        self._drawer.tell(run=mirrored(plan, tape, first_seq))

    def show(self, line: str) -> None:
        """Lines only when there is no screen any more."""
        if self._is_gone() and self._lines is not None:
            self._lines.show(line)

    def log(self, text: str) -> None:
        """To the screen's foot; to stderr where that is no terminal, or there is no screen."""
        if self._is_gone() or not sys.stderr.isatty():
            sys.stderr.write(text)
            sys.stderr.flush()
        if self._lines is None:
            self._log.append(text)
            self._drawer.tell_log(text)

    def close(self) -> None:
        """End the screen, and leave the terminal as it was."""
        code = self._drawer.end()
        if self._lines is not None:
            self._lines.close()
        else:
            self._say_gone(code)
        self._drawer.close()

    def _is_gone(self) -> bool:
        """Whether the process has died; the first time, go on in lines."""
        if self._lines is None and self._drawer.is_gone():
            self._lines = Eyes()
            self._say_gone(self._drawer.process.returncode)
            sys.stderr.write("The run goes on, in lines.\n")
        return self._lines is not None

    def _say_gone(self, code: int) -> None:
        """Mend the terminal if the screen could not, and say again what the log said."""
        if code:
            os.write(sys.stdout.fileno(), _RESTORE)
            sys.stderr.write(f"The screen has ended {self._drawer.how()}\n")
        if sys.stderr.isatty():
            sys.stderr.write("".join(self._log))
        self._log.clear()
        sys.stderr.flush()
