"""What the streams are watched for: a first frame, silence, holes in the ids, and lateness.

For the display and the log only: what a tape says of gaps is derived from its frames, by the
code that reads it.
"""

from __future__ import annotations

from recorder.streams import is_rare, route_of
from recorder.tapes import SECOND_NS, Tape

MS_NS = 1_000_000
DAY_MS = 86_400_000
_ID_FROM = 16  # bytes: no id stands before, only the beginning of the wrapper


class StreamWatch:
    """One stream on one connection. Times are monotonic ns; 0 is never.

    `missed` and `again` count trade ids that were skipped, or not larger than the last;
    `breaks` counts books whose `pu` is not the last book's `u`.
    """

    __slots__ = (
        "again", "breaks", "frames", "heard_ns", "is_rare", "kind", "last_id", "missed", "name",
        "reported", "route", "tape",
    )  # fmt: skip

    def __init__(self, name: str, tape: Tape | None) -> None:
        self.name = name
        self.tape = tape  # None: the tape of frames that have no other, not opened yet
        kind = name.partition("@")[2]
        self.kind = "trade" if kind == "trade" else "depth" if kind.startswith("depth") else ""
        self.route = route_of(name)
        self.is_rare = is_rare(name)
        self.frames = self.heard_ns = self.missed = self.again = self.breaks = 0
        self.last_id = 0
        self.reported = False  # its silence is in the log

    def check_id(self, payload: bytes) -> None:
        """Count what the frame's ids reveal. A frame without the ids it should have is let be."""
        if not self.kind:
            return
        number = _number(payload, b'"t":' if self.kind == "trade" else b'"u":')
        if number is None:
            return
        if self.kind == "depth":
            if self.last_id and payload.find(b'"pu":%d,' % self.last_id, _ID_FROM) < 0:
                self.breaks += 1
        elif number <= self.last_id:
            self.again += 1
            return
        elif self.last_id:
            self.missed += number - 1 - self.last_id
        self.last_id = number


class Lateness:
    """How far ts_recv is behind the exchange's E, in ms, by the quickest frames.

    `offset_ms` is the least ts_recv − E of the last minute: the offset of the two clocks and the
    shortest way. `drift_ms_an_hour` is how it has moved since the first minute. `late_ms` is how
    much more than in the minute before even the quickest frame of the last ten seconds needed:
    we are behind, or the exchange is.
    """

    SLOTS = 6
    SLOT_NS = 10 * SECOND_NS

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything: the clock was set."""
        self._slots: list[float] = []  # the least of each ten seconds, oldest first
        self._least = float("inf")  # of the ten seconds that are not over
        self._slot_end = 0
        self._first: tuple[int, float] | None = None
        self.offset_ms: float | None = None
        self.drift_ms_an_hour: float | None = None
        self.late_ms = 0.0

    def note(self, ts_recv: int, payload: bytes) -> None:
        """Take a frame's E, if it has one."""
        event_ms = _number(payload, b'"E":')
        if event_ms is None or event_ms < DAY_MS:
            return
        behind = (ts_recv - event_ms * MS_NS) / MS_NS
        if behind < self._least:
            self._least = behind
        if ts_recv >= self._slot_end:
            self._end_slot(ts_recv)

    def _end_slot(self, ts_recv: int) -> None:
        """Ten seconds are over; the first slot is the first frame alone, to have a value soon."""
        if self._slots:
            self.late_ms = max(0.0, self._least - min(self._slots))
        self._slots = [*self._slots[-self.SLOTS + 1 :], self._least]
        self.offset_ms = min(self._slots)
        if len(self._slots) == self.SLOTS:
            self._first = self._first or (ts_recv, self.offset_ms)
            hours = (ts_recv - self._first[0]) / (3600 * SECOND_NS)
            if hours > 0.05:
                self.drift_ms_an_hour = (self.offset_ms - self._first[1]) / hours
        self._slot_end = ts_recv + self.SLOT_NS
        self._least = float("inf")


def _number(payload: bytes, key: bytes) -> int | None:
    """The whole number behind the first `key`; None when there is none."""
    at = payload.find(key, _ID_FROM)
    if at < 0:
        return None
    at += len(key)
    try:
        return int(payload[at : payload.find(b",", at, at + 24)])
    except ValueError:
        return None
