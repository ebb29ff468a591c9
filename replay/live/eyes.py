"""What is for eyes goes through another process: a slow terminal may never hold up the feed.

Lines go into a pipe that is never waited for; when the reader has fallen far behind, lines are
dropped and counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from typing import Protocol

from replay.live.plan import Plan

PIPE_BYTES = 1024 * 1024
_COPY = """
import sys
while part := sys.stdin.buffer.read1(4096):  # read() would wait for 4096 bytes: 25 lines
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
"""


class Sight(Protocol):
    """Where a run can be watched: lines, or a screen. No call waits for a terminal."""

    def began(self, plan: Plan, first_seq: int) -> None:
        """A run has begun, or was rebuilt: from this seq of its tape on."""

    def show(self, line: str) -> None:
        """A line for people who read lines."""

    def log(self, text: str) -> None:
        """A line of the log, with its end."""

    def close(self) -> None:
        """The runs are over."""


class Eyes:
    """A process that prints the lines it is given; the log goes to stderr."""

    def __init__(self) -> None:
        self.dropped = 0
        command = [sys.executable, "-S", "-c", _COPY]
        # In a session of its own: Ctrl-C ends the run, and the run ends this.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, start_new_session=True, bufsize=0
        )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin.fileno()
        os.set_blocking(self._pipe, False)
        with contextlib.suppress(OSError):  # a smaller pipe only drops sooner
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def began(self, plan: Plan, first_seq: int) -> None:
        """Nothing: the lines tell."""

    def log(self, text: str) -> None:
        """To stderr, at once."""
        sys.stderr.write(text)
        sys.stderr.flush()

    def show(self, line: str) -> None:
        """Print a line, if the reader has room; count it as dropped if not."""
        try:
            written = os.write(self._pipe, line.encode())
        except OSError:
            written = 0
        if not written:
            self.dropped += 1

    def close(self) -> None:
        """Let the reader finish what it has been given, for a moment."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self.dropped:
            self.log(f"{self.dropped} lines were not printed: the terminal was too slow.\n")
            self.dropped = 0
