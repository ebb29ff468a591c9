"""What goes wrong on the way out: each frame of the market passes the faults of a script.

Pure: frames in, frames out, in market time; the same script and frames give the same faults. What
is done to a connection (close, cut, refuse, slow) is handed to the exchange as the Fault itself.
Everything that is done is reported, so that it can be compared with what a recorder noticed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from replay.server.feed import MarketFrame
from replay.server.script import ON_FRAMES, Fault

Report = Callable[[dict[str, Any]], None]

_S = 1_000_000_000
_TIME = re.compile(rb'"([ET])":(\d{13})')
_CLOCK_FREE = b"markPriceUpdate"  # its T is the next funding time, which no clock moves


class Outgoing(NamedTuple):
    """A frame on its way out, at its market time."""

    due_ns: int
    frame: MarketFrame


class Faults:
    """The faults of a script over one market. Give each frame of it to `passed`, in order."""

    def __init__(self, script: Sequence[Fault], report: Report) -> None:
        self._waiting = list(script)
        self._open: list[_Active] = []
        self._report = report

    @property
    def idle(self) -> bool:
        """Whether nothing is going wrong, and nothing ever will again."""
        return not (self._waiting or self._open)

    @property
    def clock_ms(self) -> int:
        """How far the exchange's clock has jumped in all."""
        return sum(a.fault.ms for a in self._open if a.fault.kind == "clock_jump")

    def begun(self, number: int, market_ns: int) -> list[Fault]:
        """Those that are done to connections and come due with this frame, in the script's order.

        `number` counts the market's frames from 0. Others begin, and end, by themselves.
        """
        for active in [a for a in self._open if market_ns >= a.end_ns or not a.left]:
            self._end(active)
        due = [fault for fault in self._waiting if _is_due(fault, number, market_ns)]
        if not due:
            return []
        self._waiting = [fault for fault in self._waiting if fault not in due]
        for fault in due:
            if fault.kind in ON_FRAMES:
                self._open.append(_Active(fault, market_ns))
            elif fault.kind in ("silence", "stall", "clock_jump"):
                active = _Active(fault, market_ns)
                self._open.append(active)
                self.say(active.fault, market_ns, phase="begin")
        self._open.sort(key=lambda active: active.fault.table)
        return [fault for fault in due if fault.kind in ("close", "cut", "refuse", "slow")]

    def passed(self, frame: MarketFrame, market_ns: int) -> list[Outgoing]:
        """What becomes of a frame: nothing, itself, or several, some of them later."""
        out = [Outgoing(market_ns, frame)]
        for active in self._open:
            out = [after for one in out for after in self._through(active, one)]
        return out

    def finish(self) -> list[Outgoing]:
        """The market is over: what was held back comes now."""
        held = [one for active in self._open for one in active.held]
        for active in list(self._open):
            self._end(active)
        return held

    def _end(self, active: _Active) -> None:
        """A fault is over; one that still holds a frame stays until that has gone."""
        if active.fault.kind not in ON_FRAMES:
            last = active.last_ns
            self.say(active.fault, last, phase="end", frames=active.frames)
        elif active.held:
            active.left = 0
            return
        self._open.remove(active)

    def _through(self, active: _Active, out: Outgoing) -> list[Outgoing]:
        kind, frame = active.fault.kind, out.frame
        if kind in ("silence", "stall", "clock_jump"):
            return self._in_a_window(active, out)
        held, active.held = active.released(frame), active.kept(frame)
        after = [one._replace(due_ns=max(one.due_ns, out.due_ns)) for one in held]
        if not active.hits(out):
            return [out, *after]
        fault = active.fault
        self.say(fault, out.due_ns, seq=frame.seq, stream=frame.stream)
        match kind:
            case "drop":
                made = []
            case "duplicate":
                made = [out, out]
            case "reorder":
                active.held.append(out)
                made = []
            case "delay":
                made = [out._replace(due_ns=out.due_ns + round(fault.seconds * _S))]
            case "garbage":
                made = [out._replace(frame=_with(frame, _garbage))]
            case "half":
                made = [out._replace(frame=_with(frame, _half))]
            case _:
                made = [out._replace(frame=_huge(frame, fault.bytes)), out]
        return [*made, *after]

    def _in_a_window(self, active: _Active, out: Outgoing) -> list[Outgoing]:
        fault = active.fault
        if fault.kind == "silence" and out.frame.stream != fault.stream:
            return [out]
        active.frames += 1
        active.last_ns = out.due_ns
        if fault.kind == "silence":
            return []
        if fault.kind == "stall":
            return [out._replace(due_ns=max(out.due_ns, int(active.end_ns)))]
        return [out._replace(frame=_with(out.frame, lambda text: _shifted(text, fault.ms)))]

    def say(self, fault: Fault, market_ns: int, **what: Any) -> None:
        """Report what was done, with the keys of the fault that tell what it was."""
        entry: dict[str, Any] = {"table": fault.table, "kind": fault.kind, "at": market_ns / _S}
        if fault.stream:
            entry["stream"] = fault.stream
        for key in ("code", "bytes", "ms", "seconds"):
            if getattr(fault, key):
                entry[key] = getattr(fault, key)
        self._report(entry | what)


class _Active:
    """A fault that has begun: how much of it is left, and what it holds back."""

    def __init__(self, fault: Fault, market_ns: int) -> None:
        self.fault = fault
        self.end_ns = market_ns + fault.for_s * _S
        self.left = fault.count  # frames it may still hit; -1: no limit
        self.frames = 0  # that a window has caught
        self.last_ns = market_ns
        self.held: list[Outgoing] = []  # reorder: at most one a stream
        self._seen = 0
        self._chance = random.Random(fault.seed)

    def hits(self, out: Outgoing) -> bool:
        """Whether the fault is done to this frame."""
        fault, frame = self.fault, out.frame
        if not self.left or not frame.stream or fault.stream not in ("", frame.stream):
            return False
        if out.due_ns >= self.end_ns:
            return False
        if fault.kind == "reorder" and any(o.frame.stream == frame.stream for o in self.held):
            return False
        self._seen += 1
        if self._seen % fault.every:
            return False
        if fault.share < 1.0 and self._chance.random() >= fault.share:
            return False
        self.left -= self.left > 0
        return True

    def released(self, frame: MarketFrame) -> list[Outgoing]:
        """What was held until a next frame of its stream came."""
        return [one for one in self.held if one.frame.stream == frame.stream]

    def kept(self, frame: MarketFrame) -> list[Outgoing]:
        """What goes on being held."""
        return [one for one in self.held if one.frame.stream != frame.stream]


def _is_due(fault: Fault, number: int, market_ns: int) -> bool:
    if fault.at_frame >= 0:
        return number >= fault.at_frame
    return market_ns >= fault.at * _S


def _with(frame: MarketFrame, change: Callable[[bytes], bytes]) -> MarketFrame:
    """The frame with both its texts changed."""
    return frame._replace(wrapped=change(frame.wrapped), inner=change(frame.inner))


def _garbage(text: bytes) -> bytes:
    """The text with its braces gone: no JSON, still UTF-8, and told apart from all others."""
    return b"\x01garbage " + text.translate(None, b"{}[]")


def _half(text: bytes) -> bytes:
    """The first half, not cut inside a letter: the frame is broken, the text is not."""
    return text[: len(text) // 2].decode("utf-8", "ignore").encode()


def _shifted(text: bytes, ms: int) -> bytes:
    """The text with its E and T moved; the T of a mark price is no time of the clock."""
    keep_T = _CLOCK_FREE in text

    def moved(found: re.Match[bytes]) -> bytes:
        if keep_T and found[1] == b"T":
            return found[0]
        return b'"%b":%d' % (found[1], int(found[2]) + ms)

    return _TIME.sub(moved, text)


def _huge(frame: MarketFrame, size: int) -> MarketFrame:
    """A frame of exactly `size` bytes that is JSON and no event, in the stream of `frame`."""

    def padded(head: bytes, tail: bytes) -> bytes:
        return head + b"x" * (size - len(head) - len(tail)) + tail

    head = b'{"e":"huge","pad":"'
    wrapper = b'{"stream":"%b","data":' % frame.stream.encode()
    return frame._replace(wrapped=padded(wrapper + head, b'"}}'), inner=padded(head, b'"}'))
