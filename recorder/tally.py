"""What a run has received and missed, counted for the display: no tape depends on it."""

from __future__ import annotations

from typing import Any, NamedTuple

from recorder.link import Line, Link
from recorder.streams import Plan, symbol_of
from recorder.watch import Lateness, StreamWatch


class StreamCount(NamedTuple):
    """One stream, over all its connections of this run."""

    frames: int = 0
    missed: int = 0  # trade ids that never came, on any one connection
    again: int = 0  # trade ids that came twice, or late
    breaks: int = 0  # books whose `pu` is not the `u` before

    def plus(self, watch: StreamWatch) -> StreamCount:
        """With what a connection has counted."""
        return StreamCount(
            self.frames + watch.frames,
            self.missed + watch.missed,
            self.again + watch.again,
            self.breaks + watch.breaks,
        )


class Tally:
    """The counts of a run."""

    def __init__(self, wanted: Plan) -> None:
        self.frames = 0
        self.unasked = 0  # frames of no stream that was asked for, garbage among them
        self.garbage = 0  # frames that are no JSON object
        self.reconnects = 0
        self.handovers = 0
        self.clock_steps = 0
        self.lateness = Lateness()
        self._closed_bytes = 0
        self._closed = {
            name: StreamCount() for endpoint in wanted.endpoints for name in endpoint.streams
        }

    def retire(self, line: Line) -> None:
        """Keep the counts of a connection that has ended."""
        self._closed_bytes += line.socket.bytes
        for watch in line.watches.values():
            self._closed[watch.name] = self._closed[watch.name].plus(watch)

    def received_bytes(self, links: list[Link]) -> int:
        """Bytes from all sockets, the frames' headers included."""
        lines = [line for link in links for line in link.lines]
        return self._closed_bytes + sum(line.socket.bytes for line in lines)

    def streams(self, links: list[Link]) -> dict[str, StreamCount]:
        """The counts of each stream, as of now."""
        counts = dict(self._closed)
        for link in links:
            for line in link.lines:
                for watch in line.watches.values():
                    counts[watch.name] = counts[watch.name].plus(watch)
        return counts

    def figures(self, links: list[Link]) -> dict[str, Any]:
        """Everything, as plain numbers: what --json, /metrics and the summary are made of."""
        lateness, streams = self.lateness, self.streams(links)
        symbols: dict[str, dict[str, int]] = {}
        for name, count in streams.items():
            mine = symbols.setdefault(symbol_of(name) or name, dict.fromkeys(count._fields, 0))
            for field, value in count._asdict().items():
                mine[field] += value
        return {
            "frames": self.frames,
            "bytes": self.received_bytes(links),
            "connections": sum(len(link.lines) for link in links),
            "reconnects": self.reconnects,
            "handovers": self.handovers,
            "unasked": self.unasked,
            "garbage": self.garbage,
            "clock_steps": self.clock_steps,
            "late_ms": round(lateness.late_ms, 1),
            "offset_ms": _rounded(lateness.offset_ms),
            "drift_ms_an_hour": _rounded(lateness.drift_ms_an_hour),
            "symbols": symbols,
            "streams": {name: count._asdict() for name, count in streams.items()},
        }


def troubles(links: list[Link]) -> list[str]:
    """What is not being recorded just now, a sentence each; empty when all is well."""
    said = []
    for link in links:
        if not link.lines:
            said.append(f"{link.endpoint.name} is not connected")
        for watch in link.lines[0].watches.values() if link.lines else ():
            if watch.reported:
                said.append(f"{watch.name} is silent")
    return said


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
