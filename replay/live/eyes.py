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

PIPE_BYTES = 1024 * 1024
_COPY = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 4096)"


class Eyes:
    """A process that prints what it is given."""

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

    def write(self, line: str) -> None:
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
