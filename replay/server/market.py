"""The market's clock: when each frame of the source is sent.

At a speed, each frame has its own deadline, counted from the first subscription: waiting for a
fixed time between frames would drift by a fifth. At full speed (None) the market goes as fast as
its clients read, and stands still while it has none.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable

from replay.server.faults import Faults, Outgoing
from replay.server.feed import Feed, MarketFrame
from replay.server.floor import Floor
from replay.server.rest import Desk
from replay.server.script import Fault

BATCH_FRAMES = 128  # written at once at full speed: 40 KB

Perform = Callable[[Fault, int], Awaitable[None]]


class Market:
    """One run over a source. Every client sees the same clock."""

    def __init__(
        self, feed: Feed, floor: Floor, desk: Desk, faults: Faults, speed: float | None, loop: bool
    ) -> None:
        self._feed, self._floor, self._desk, self._faults = feed, floor, desk, faults
        self._speed, self._loop = speed, loop
        self._held: list[tuple[int, int, MarketFrame]] = []  # a heap of what is sent later
        self._started = 0.0
        self._reached_ns = -1  # market time that has come, as far as it was looked
        self.frames = 0  # that have gone by, from the first subscription on
        self.unsent = 0  # of them: they belong to no stream

    async def run(self, perform: Perform) -> None:
        """From the first subscription to the end; `perform` does what is done to connections."""
        await self._floor.audience()
        self._started = time.monotonic()
        began = now = 0
        while True:
            for frame in self._feed:
                now = began + frame.market_ns
                if self._held and self._held[0][0] <= now:
                    await self._release(now)
                await self._come_to(now)
                self._desk.see(frame)
                self.unsent += not frame.stream
                if self._faults.idle:
                    self._floor.put(frame)
                else:
                    await self._troubled(frame, now, perform)
                self.frames += 1
            if not self._loop:
                break
            began = now
        self._hold(self._faults.finish())
        await self._release(None)
        self._floor.flush()

    async def _troubled(self, frame: MarketFrame, now: int, perform: Perform) -> None:
        """Send a frame as far as the faults let it through."""
        for fault in self._faults.begun(self.frames, now):
            await perform(fault, now)
        self._desk.time_ms_shift = self._faults.clock_ms
        passed = self._faults.passed(frame, now)
        for out in passed:
            if out.due_ns <= now:
                self._floor.put(out.frame)
        self._hold([out for out in passed if out.due_ns > now])

    def _hold(self, later: list[Outgoing]) -> None:
        for out in later:
            heapq.heappush(self._held, (out.due_ns, self.frames, out.frame))

    async def _release(self, until_ns: int | None) -> None:
        """Send what was held back and is due; None: all of it."""
        while self._held and (until_ns is None or self._held[0][0] <= until_ns):
            due, _, frame = heapq.heappop(self._held)
            await self._come_to(due)
            self._floor.put(frame)

    async def _come_to(self, market_ns: int) -> None:
        """Wait until a market time has come."""
        if self._speed is None:
            if self.frames % BATCH_FRAMES == 0:
                await self._floor.settle()
                await self._floor.audience()
                await asyncio.sleep(0)  # let clients be heard
        elif market_ns > self._reached_ns:
            self._floor.flush()
            wait = self._started + market_ns / 1e9 / self._speed - time.monotonic()
            await asyncio.sleep(max(0.0, wait))
            passed = (time.monotonic() - self._started) * self._speed * 1e9
            self._reached_ns = max(market_ns, int(passed))
