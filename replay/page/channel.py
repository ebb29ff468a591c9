"""The last minutes of one run, and who is watching it.

A viewer that comes gets all that is kept, then every message. Each has a queue of its own; one that
cannot keep up is dropped, and is told everything anew when it comes back. Nobody waits for it.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import Any

import msgspec

BACKLOG_MS = 600_000  # of log time
BACKLOG_BYTES = 24 * 1024 * 1024
WAITING = 200  # messages; ten seconds of a live market
VIEWERS_MOST = 32

encode = msgspec.json.Encoder().encode  # NaN is null


class Viewer:
    """One browser. `None` in its queue: it was dropped."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.is_dropped = False

    def give(self, message: bytes) -> bool:
        """Hand it a message; False when it has too many already."""
        if self.queue.qsize() >= WAITING:
            self.is_dropped = True
            self.queue.put(None)
            return False
        self.queue.put(message)
        return True


class Channel:
    """What is kept of a run, and its viewers. For several threads."""

    def __init__(self, hello: dict[str, Any]) -> None:
        """`hello` is what does not change of the run."""
        self.dropped = 0
        self.hello = hello
        self._lock = threading.Lock()
        self._viewers: list[Viewer] = []
        self._steps: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._said: dict[str, bytes] = {}  # the last word on each other thing

    @property
    def viewers(self) -> int:
        """How many are watching."""
        return len(self._viewers)

    def come(self) -> Viewer | None:
        """A new viewer, its first message waiting; None when there are too many."""
        viewer = Viewer()
        with self._lock:
            if len(self._viewers) >= VIEWERS_MOST:
                return None
            viewer.give(self._all())
            self._viewers.append(viewer)
        return viewer

    def go(self, viewer: Viewer) -> None:
        """It has left."""
        with self._lock:
            if viewer in self._viewers:
                self._viewers.remove(viewer)

    def step(self, step: dict[str, Any] | None, ms: int, more: dict[str, Any]) -> None:
        """Tell what has happened up to `ms`, and keep it; `more` is only the last word."""
        body = encode(step) if step else b""
        said = {name: encode(value) for name, value in more.items()}
        with self._lock:
            if body:
                self._steps.append((ms, body))
                self._bytes += len(body)
                while self._steps[0][0] < ms - BACKLOG_MS or self._bytes > BACKLOG_BYTES:
                    self._bytes -= len(self._steps.popleft()[1])
            self._said |= said
            parts = {"step": body, **said} if body else said
            self._send(_object(parts))

    def say(self, **more: Any) -> None:
        """Tell something else, and keep it as the last word on it."""
        self.step(None, 0, more)

    def anew(self, hello: dict[str, Any], steps: list[tuple[int, dict[str, Any]]]) -> None:
        """Forget what is kept and begin with this, for everybody who watches."""
        packed = [(ms, encode(step)) for ms, step in steps]
        with self._lock:
            self.hello = hello
            self._steps = deque(packed)
            self._bytes = sum(len(body) for _, body in packed)
            self._send(self._all())

    def _all(self) -> bytes:
        steps = b"[" + b",".join(body for _, body in self._steps) + b"]"
        return _object({"hello": encode(self.hello), "steps": steps, **self._said})

    def _send(self, message: bytes) -> None:
        staying = [viewer for viewer in self._viewers if viewer.give(message)]
        self.dropped += len(self._viewers) - len(staying)
        self._viewers = staying


def _object(parts: dict[str, bytes]) -> bytes:
    """A JSON object of values that are JSON already."""
    return b"{" + b",".join(b'"%s":%s' % (k.encode(), v) for k, v in parts.items()) + b"}"
