"""What people call SOURCE: a tape, a frames file, or `sim:SEED`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from micropulse.events import Events
from micropulse.wire import Decoder
from recorder.tape import TapeSource
from replay.frames import FramesSource
from replay.source_frames import SimulatedFrames, simulated_frames


class Source(Protocol):
    """Batches of events of one symbol, and what is known of it before the first."""

    name: str
    symbol: str
    px_decimals: int
    qty_decimals: int

    def __iter__(self) -> Iterator[Events]:
        """From the beginning, each time."""

    @property
    def share(self) -> float:
        """How much has been read, from 0 to 1."""

    @property
    def counts(self) -> dict[str, int]:
        """What was read, and everything odd about it."""

    @property
    def problems(self) -> list[str]:
        """What was odd, in sentences for people."""


class Simulated:
    """Ten minutes of the simulated market of a seed, read as if from the wire."""

    def __init__(self, name: str, frames: SimulatedFrames) -> None:
        self.name = name
        self.symbol, self.px_decimals, self.qty_decimals = "BTCUSDT", 2, 3
        self.share = 0.0
        self.problems: list[str] = []
        self._frames = frames
        self._decoder = self._new_decoder()

    def __iter__(self) -> Iterator[Events]:
        self._decoder = self._new_decoder()
        for frames in self._frames:
            self.share = self._frames.share
            yield self._decoder.decode(frames).events

    @property
    def counts(self) -> dict[str, int]:
        """What was decoded, and everything odd about it."""
        return dict(self._decoder.counts)

    def _new_decoder(self) -> Decoder:
        return Decoder(self.symbol, self.px_decimals, self.qty_decimals)


def open_source(
    text: str, symbol: str | None = None, from_ns: int | None = None, to_ns: int | None = None
) -> Source:
    """The source a user names; a range is of receive times (ns). Raises SourceError, TapeError."""
    if text.startswith("sim:"):
        return Simulated(text, simulated_frames(text, symbol, from_ns, to_ns))
    if Path(text).is_dir():
        return TapeSource(text, symbol, from_ns, to_ns)
    return FramesSource(text, symbol.upper() if symbol else None, from_ns, to_ns)


def description(source: Source) -> dict[str, Any]:
    """What run.json says of a source: its name and the hash of what it holds."""
    if isinstance(source, TapeSource):
        return source.description()
    path = Path(source.name)
    if not path.is_file():
        return {"name": source.name}
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": source.name, "bytes": path.stat().st_size, "sha256": digest}
