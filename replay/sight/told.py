"""What the process of a view is told by the run that it shows: lines of JSON on its stdin.

{"run": {...}} a run has begun, {"log": "..."} a line of the log. When stdin ends the runs have
ended, and so does the view.
"""

from __future__ import annotations

import os
import select

import msgspec

from replay.live.mirror import Mirrored

OLD_S = 2.5  # without an event for so long a feed is not well: a tick comes each second


class Told(msgspec.Struct):
    """A line of stdin."""

    run: Mirrored | None = None
    log: str = ""


class Pipe:
    """The lines of stdin, as they come."""

    def __init__(self, file: int) -> None:
        self.ended = False
        self._file, self._rest = file, b""

    def wait(self, seconds: float) -> list[Told]:
        """What is there, or comes before so many seconds have passed."""
        if not select.select([self._file], [], [], seconds)[0]:
            return []
        data = os.read(self._file, 65_536)
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [msgspec.json.decode(line, type=Told) for line in lines]
