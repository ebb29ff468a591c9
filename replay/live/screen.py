"""`live --screen`: a process of its own draws the runs that this one makes.

It is told which runs there are and what the log says, through a pipe that is never waited for; the
market it reads from the tape itself (replay/live/mirror.py). When it dies the run goes on in lines.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence

import msgspec

from recorder.folder import tape_folder
from replay.live.eyes import Eyes
from replay.live.mirror import mirrored
from replay.live.plan import Plan

LINES_KEPT = 12  # of the log, said again when the screen is gone
LOG_CHARS = 2_000  # a pipe takes less than 4 KiB whole or not at all
_RESTORE = b"\x1b[?1049l\x1b[?25h\x1b[0m"  # leave the other screen, show the cursor, no colours


class Screen:
    """A Sight: the log goes to the screen's foot, and is said again at the end."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._log: deque[str] = deque(maxlen=LINES_KEPT)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        self._lines: Eyes | None = None  # when there is no screen any more
        command = [sys.executable, "-m", "replay.screen", *symbols]
        # In a session of its own: Ctrl-C ends the run, and the run ends this.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin.fileno()
        os.set_blocking(self._pipe, False)

    def began(self, plan: Plan, first_seq: int) -> None:
        """Draw this run, from this seq of its tape on."""
        tape = tape_folder(plan.data, plan.symbol)
        self._tell({"run": mirrored(plan, tape, first_seq)})

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
            self._tell({"log": text[:LOG_CHARS]})

    def close(self) -> None:
        """End the screen, and leave the terminal as it was."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._lines is not None:
            self._lines.close()
        else:
            self._say_gone(self._process.returncode)
        self._errors.close()

    def _tell(self, what: object) -> None:
        with contextlib.suppress(OSError):  # it is slow, or gone: the tape has all of it
            os.write(self._pipe, msgspec.json.encode(what) + b"\n")

    def _is_gone(self) -> bool:
        """Whether the process has died; the first time, go on in lines."""
        if self._lines is None and self._process.poll() is not None:
            self._lines = Eyes()
            self._say_gone(self._process.returncode)
            sys.stderr.write("The run goes on, in lines.\n")
        return self._lines is not None

    def _say_gone(self, code: int) -> None:
        """Mend the terminal if the screen could not, and say again what the log said."""
        if code:
            os.write(sys.stdout.fileno(), _RESTORE)
            self._errors.seek(0)
            last = self._errors.read()[-2_000:].decode(errors="replace").strip()
            sys.stderr.write(f"The screen has ended ({_how(code)}). {last}\n".replace(" \n", "\n"))
        if sys.stderr.isatty():
            sys.stderr.write("".join(self._log))
        self._log.clear()
        sys.stderr.flush()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
