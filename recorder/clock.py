"""The clock: where the time comes from that enters the log, as `ts_recv`.

    ts_recv = anchor + monotonic time since the anchor

so that it never goes back, whatever is done to the machine's clock. The wall clock is read once
at the start, and then about once a second, only to see whether it was set:

- set forward, past ts_recv: the step is journaled and ts_recv goes on from the wall clock;
- set back, or behind the last stamp of an earlier run: ts_recv goes on as if nothing had been,
  and `offset_ns` (wall clock − ts_recv, never above 0) says how far ahead of the clock it is.

So the original stamp of an entry is ts_recv + offset, where the offset is the value of the last
RUN_START and, at each CLOCK_STEP, becomes min(0, offset + value).
"""

from __future__ import annotations

import time
from typing import Protocol

STEP_NS = 50_000_000  # less is the discipline of ntpd, and noise of a busy machine


class MachineClock(Protocol):
    """What a machine says of the time, in ns."""

    def wall(self) -> int:
        """Since 1970 UTC. Somebody may set it."""

    def monotonic(self) -> int:
        """Since some moment; nobody sets it."""


class SystemClock:
    """This machine's."""

    def wall(self) -> int:
        """ns since 1970 UTC, as this machine has it."""
        return time.time_ns()

    def monotonic(self) -> int:
        """ns since some moment."""
        return time.monotonic_ns()


class Stamps:
    """The stamps of one run, all larger than `after`, in order. `monotonic` is the last reading."""

    def __init__(self, clock: MachineClock, after: int = 0) -> None:
        """`after` is the largest stamp that is in the journals already, in ns."""
        self._wall = clock.wall
        self._monotonic = clock.monotonic
        self.monotonic = clock.monotonic()
        wall = clock.wall()
        self._base = max(wall, after + 1) - self.monotonic
        self._believed = wall - self._base - self.monotonic  # the offset without noise

    @property
    def offset_ns(self) -> int:
        """Wall clock − ts_recv, in ns, as of the last step: 0, or below."""
        return min(0, self._believed)

    @property
    def last(self) -> int:
        """The last stamp, again: for what belongs to the chunk that was received then."""
        return self._base + self.monotonic

    def now(self) -> int:
        """A stamp for what has just been received."""
        self.monotonic = now = self._monotonic()
        return self._base + now

    def wall(self) -> int:
        """The machine's own time in ns, for people's eyes: never for the log."""
        return self._wall()

    def step(self) -> int:
        """By how many ns the wall clock was set since the last call: mostly 0.

        After a step forward stamps go on from the wall clock, if it is ahead of them.
        """
        before = self._monotonic()
        wall = self._wall()
        now = self._monotonic()
        offset = wall - self._base - (before + now) // 2
        step = offset - self._believed
        if abs(step) <= STEP_NS + (now - before):
            return 0
        if offset > 0:
            self._base += offset
            offset = 0
        self._believed = offset
        return step
