"""The frames of what people call SOURCE, to the byte: a tape's, a frames file's, or `sim:SEED`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from micropulse.events import Frames, frozen
from recorder.tape import Tape, find_tape
from replay.frames import FramesFile, SourceError

SIMULATED_HOURS = 1 / 6


class SimulatedFrames:
    """Ten minutes of the simulated market of a seed, as frames. Each iteration starts anew."""

    def __init__(self, seed: int, from_ns: int | None, to_ns: int | None) -> None:
        self._seed, self._from, self._to = seed, from_ns, to_ns
        self.share = 0.0  # how much has been made, from 0 to 1

    def __iter__(self) -> Iterator[Frames]:
        from replay.simulator import START_NS, simulate

        for frames in simulate(self._seed, SIMULATED_HOURS):
            ts = frames.ts_recv
            self.share = min(1.0, (int(ts[-1]) - START_NS) / (SIMULATED_HOURS * 3.6e12))
            wanted = slice(
                0 if self._from is None else int(ts.searchsorted(self._from)),
                len(ts) if self._to is None else int(ts.searchsorted(self._to)),
            )
            rest: list[Any] = [frozen(column[wanted], column.dtype.str) for column in frames[1:]]
            yield Frames(frames.text, *rest)


class TapeFrames:
    """The frames of a tape, of a range. Each iteration starts anew."""

    def __init__(self, tape: Tape, from_ns: int | None, to_ns: int | None) -> None:
        self._tape, self._from, self._to = tape, from_ns, to_ns

    def __iter__(self) -> Iterator[Frames]:
        return self._tape.frames(self._from, self._to)


def frames_of(
    text: str, symbol: str | None = None, from_ns: int | None = None, to_ns: int | None = None
) -> Iterable[Frames]:
    """All frames of what a user names, batch by batch, from the beginning each time.

    `symbol` chooses among the tapes of a folder. Raises SourceError, TapeError.
    """
    if text.startswith("sim:"):
        return simulated_frames(text, symbol, from_ns, to_ns)
    if Path(text).is_dir():
        return TapeFrames(find_tape(Path(text), symbol), from_ns, to_ns)
    return FramesFile(text, from_ns, to_ns)


def simulated_frames(
    text: str, symbol: str | None, from_ns: int | None, to_ns: int | None
) -> SimulatedFrames:
    """The market of `sim:SEED`. Raises SourceError for no seed, and for another symbol."""
    seed = text.removeprefix("sim:")
    if not seed.isdecimal():
        raise SourceError(f"{text} names no seed: a simulated market is sim:7, say.")
    if symbol not in (None, "BTCUSDT"):
        raise SourceError(f"{text} is a market of BTCUSDT: there is no {symbol} in it.")
    return SimulatedFrames(int(seed), from_ns, to_ns)
