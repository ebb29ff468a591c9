"""A process that looks on at the runs this one makes: a screen, a page.

It is told which runs there are and what the log says, through a pipe that is never waited for; the
market it reads from the tape itself (replay/live/mirror.py). What it is told: replay/sight/told.py.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import msgspec

LOG_CHARS = 2_000  # a pipe takes less than 4 KiB whole or not at all


class Onlooker:
    """`python -m MODULE WORDS…`, in a session of its own: Ctrl-C ends the run, and the run ends
    this."""

    def __init__(
        self, module: str, words: Sequence[str], files: Sequence[int] = (), silent: bool = False
    ) -> None:
        """`files` are open files that it is given; a silent one has no stdout of ours."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL if silent else None,
            stderr=self._errors,
            start_new_session=True,
            pass_fds=tuple(files),
            bufsize=0,
        )
        assert self.process.stdin is not None
        self._pipe = self.process.stdin.fileno()
        os.set_blocking(self._pipe, False)

    def tell(self, **what: object) -> None:
        """A line of what it must know; lost when it is slow or gone: the tape has all of it."""
        with contextlib.suppress(OSError):
            os.write(self._pipe, msgspec.json.encode(what) + b"\n")

    def tell_log(self, text: str) -> None:
        """A line of the log."""
        self.tell(log=text[:LOG_CHARS])

    def is_gone(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def how(self) -> str:
        """How it has ended, and its last words."""
        code = self.process.returncode
        self._errors.seek(0)
        last = self._errors.read()[-2_000:].decode(errors="replace").strip()
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        return f"({how}). {last}".rstrip()

    def end(self) -> int:
        """Let it finish, for a moment; its exit code."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.process.returncode

    def close(self) -> None:
        """Forget its last words."""
        self._errors.close()
