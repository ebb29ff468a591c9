"""A small frames file cut from a recording: for tests, and to show somebody what happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from micropulse.events import Frames
from micropulse.sinks.transactions import iso
from micropulse.wire import Decoder
from replay.frames import SourceError, write_frames
from replay.source_frames import frames_of

COLD = (
    "It begins in the middle: windowed features are cold for its first 10 s, the baseline of walls "
    "for 60 s, and a rule that waits for them does not trade before. An earlier --from helps."
)


class Fixture(NamedTuple):
    """What was written."""

    frames: int
    events: int
    first_ns: int  # received
    last_ns: int
    bytes: int
    notes: list[str]  # what a test on it should know


def cut_fixture(
    source: str, output: Path, symbol: str | None, from_ns: int | None, to_ns: int | None
) -> Fixture:
    """Write the frames received in [from_ns, to_ns), to the byte, with their receive times.

    `symbol` chooses among the tapes of a folder, and whose events are counted. A folder that is
    not there is made. Raises SourceError, also when the range is empty; TapeError; OSError.
    """
    if not _has_frames(source, symbol, from_ns, to_ns):
        parts = (part for part in frames_of(source, symbol) if len(part.seq))
        first = next((f" It begins at {iso(int(part.ts_recv[0]))}." for part in parts), "")
        raise SourceError(f"{source} has no frames in this range: no file was written.{first}")
    cut = _Counted(source, symbol, from_ns, to_ns)
    output.parent.mkdir(parents=True, exist_ok=True)
    frames = write_frames(output, cut)
    events = cut.decoder.counts["decoded"]
    notes = (
        [COLD] if from_ns is not None and _has_frames(source, symbol, None, cut.first_ns) else []
    )
    if not events:
        notes.append("None of its frames is a book, a trade or a mark price: it has no events.")
    return Fixture(frames, events, cut.first_ns, cut.last_ns, output.stat().st_size, notes)


class _Counted:
    """The frames of a source, decoded on their way."""

    def __init__(
        self, source: str, symbol: str | None, from_ns: int | None, to_ns: int | None
    ) -> None:
        self._frames = frames_of(source, symbol, from_ns, to_ns)
        self.decoder = Decoder(symbol)
        self.first_ns = self.last_ns = 0

    def __iter__(self) -> Iterator[Frames]:
        for frames in self._frames:
            if len(frames.seq):
                self.first_ns = self.first_ns or int(frames.ts_recv[0])
                self.last_ns = int(frames.ts_recv[-1])
                self.decoder.decode(frames)
            yield frames


def _has_frames(source: str, symbol: str | None, from_ns: int | None, to_ns: int | None) -> bool:
    return any(len(frames.seq) for frames in frames_of(source, symbol, from_ns, to_ns))
