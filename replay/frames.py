"""Frames files: lines of `<receive time> <frame>`, plain, .gz or .zst, read as they are.

    for frames in FramesFile("night.gz"): ...          # every line, as Frames
    source = FramesSource("night.gz")                  # events of its first symbol
    for events in source: ...
    source.symbol, source.px_decimals, source.qty_decimals, source.counts, source.problems

The receive time is in s, ms, µs or ns, told apart by magnitude, with or without a fraction. `seq`
is the number of the line, from 0. Memory holds a few megabytes of the file, however long it is.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from micropulse.events import Events, Frames, frozen
from micropulse.instrument import KNOWN_DECIMALS
from micropulse.wire import Decoder
from replay.lines import (
    BAD,
    BLANK,
    CRLF,
    DIGITS_MAX,
    LINES,
    STAMP,
    TALLY_LENGTH,
    join_lines,
    split_lines,
)
from replay.unpack import Unpacked

CHUNK_BYTES = 1024 * 1024
LINE_BYTES_MAX = 64 * 1024 * 1024

_NO_STAMP = -1
_STAMPED = re.compile(rb"[0-9]+(?:\.[0-9]+)? ")
_WHAT_IT_IS = "A frames file has lines `<receive time> <frame>`, plain, .gz or .zst."

# What is said of a count that is not zero.
_SENTENCES = {
    "bad_lines": "{n:,} lines have no receive time: they are kept as frames that were received "
    "when the one before was.",
    "not_json": "{n:,} frames are no JSON: kept as text, they are no events.",
    "undecoded": "{n:,} frames say they are books or trades and are broken (the last one: "
    "{error}): kept as text, they are no events.",
    "too_many_digits": "{n:,} frames have more digits than {symbol} had at first ({px} for "
    "prices, {qty} for quantities): kept as text, they are no events.",
}


class SourceError(Exception):
    """A recording that cannot be read, or holds nothing to read."""


class FramesFile:
    """Every frame of a file, in chunks. Each iteration starts anew.

    `counts` and `problems` say what was odd, as far as the iteration has come.
    """

    def __init__(
        self, path: str | Path, from_ns: int | None = None, to_ns: int | None = None
    ) -> None:
        """Only frames received in [from_ns, to_ns) are given.

        Raises SourceError when the file is missing or empty, or is no frames file.
        """
        self.path = Path(path)
        self.from_ns, self.to_ns = from_ns, to_ns
        self._begin()
        first = next(self._chunks(), bytearray())
        if not first:
            why = self.problems[0] if self.problems else f"{self.path} is empty."
            raise SourceError(f"{why} There is nothing to read. {_WHAT_IT_IS}")
        stamps = self._split(first).ts_recv
        readable = stamps[stamps != _NO_STAMP]
        if not len(readable):
            raise SourceError(
                f"{self.path} is no frames file: none of its first {int(self._tally[LINES]):,} "
                f"lines begins with a receive time. {_WHAT_IT_IS}"
            )
        self._first_stamp = int(readable[0])

    def __iter__(self) -> Iterator[Frames]:
        """Raises SourceError when a line is longer than 64 MB."""
        self._begin()
        self._tally[STAMP] = self._first_stamp  # of lines before the first that has one
        for text in self._chunks():
            frames = self._split(text)
            wanted = np.full(len(frames.seq), True)
            if self.from_ns is not None:
                wanted &= frames.ts_recv >= self.from_ns
            if self.to_ns is not None:
                wanted &= frames.ts_recv < self.to_ns
            self._count(len(wanted), int(np.count_nonzero(wanted)))
            yield _only(frames, wanted)

    @property
    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._unpacked.share

    def _begin(self) -> None:
        try:
            self._unpacked = Unpacked(self.path)
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}.") from None
        self.problems = self._unpacked.problems
        self.counts = dict.fromkeys(
            ("lines", "frames", "out_of_range", "blank_lines", "bad_lines", "crlf_lines", "torn"), 0
        )
        self._tally = np.zeros(TALLY_LENGTH, np.int64)
        self._tally[STAMP] = _NO_STAMP

    def _count(self, frames: int, wanted: int) -> None:
        self.counts["frames"] += wanted
        self.counts["out_of_range"] += frames - wanted
        for name, place in (("lines", LINES), ("blank_lines", BLANK), ("bad_lines", BAD)):
            self.counts[name] = int(self._tally[place])
        self.counts["crlf_lines"] = int(self._tally[CRLF])

    def _chunks(self) -> Iterator[bytearray]:
        """Whole lines, some megabytes at a time."""
        held, cut = bytearray(), 0  # `cut` is where the last whole line ends
        try:
            for piece in self._unpacked:
                feed = piece.rfind(b"\n")
                cut = len(held) + feed + 1 if feed >= 0 else cut
                held += piece
                if len(held) - cut > LINE_BYTES_MAX:
                    raise SourceError(
                        f"{self.path} has a line of more than {LINE_BYTES_MAX:,} bytes: it is no "
                        f"frames file, or damaged. {_WHAT_IT_IS}"
                    )
                if cut and len(held) >= CHUNK_BYTES:
                    lines, held, cut = held, held[cut:], 0
                    del lines[len(lines) - len(held) :]
                    yield lines
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}.") from None
        if held and not _is_whole(bytes(held[cut:])):
            self.counts["torn"] = 1
            self.problems.append(
                f"The last line of {self.path.name} is torn: {len(held) - cut:,} bytes without "
                "an end, as when its writer was stopped. It is left out; all before it is whole."
            )
            del held[cut:]
        if held:
            yield held

    def _split(self, text: bytearray) -> Frames:
        buffer = frozen(np.frombuffer(text, np.uint8), "u1")
        lines = np.count_nonzero(buffer == ord("\n")) + 1
        start, stop, seq, ts_recv = (np.empty(lines, np.int64) for _ in range(4))
        n = split_lines(buffer, start, stop, seq, ts_recv, self._tally)
        start, stop, seq, ts_recv = (frozen(column[:n]) for column in (start, stop, seq, ts_recv))
        return Frames(buffer, start, stop, seq, ts_recv, frozen(np.zeros(n), "i2"))


class FramesSource:
    """The events of one symbol of a frames file. Each iteration starts anew.

    `symbol`, `px_decimals` and `qty_decimals` are known once it is made: the file is read ahead
    to the first frames that say them. `counts` and `problems` are as far as the iteration is.
    """

    def __init__(
        self,
        path: str | Path,
        symbol: str | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
    ) -> None:
        """`symbol` is the first of the file when it is not given; a range is of receive times.

        Raises SourceError as FramesFile does, and when no frame can be decoded.
        """
        self.name = str(path)
        self.file = FramesFile(path)
        ahead = Decoder(symbol)
        for frames in self.file:
            ahead.decode(frames)
            if ahead.px_decimals is not None:
                break
        self.file.from_ns, self.file.to_ns = from_ns, to_ns
        if ahead.symbol is None or not ahead.counts["decoded"]:
            what = f"of {symbol.upper()}" if symbol else "of any symbol"
            raise SourceError(
                f"{path} has no partial book and no trade {what}. Frames are decoded in the "
                'wrapped form {"stream":"btcusdt@trade","data":{...}}.'
            )
        known = KNOWN_DECIMALS.get(ahead.symbol, (0, 0))
        self.symbol = ahead.symbol
        self.px_decimals = known[0] if ahead.px_decimals is None else ahead.px_decimals
        self.qty_decimals = known[1] if ahead.qty_decimals is None else ahead.qty_decimals
        self._decoder = Decoder(self.symbol, self.px_decimals, self.qty_decimals)

    def __iter__(self) -> Iterator[Events]:
        """Raises SourceError when a line is longer than 64 MB."""
        self._decoder = Decoder(self.symbol, self.px_decimals, self.qty_decimals)
        for frames in self.file:
            yield self._decoder.decode(frames).events

    @property
    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self.file.share

    @property
    def counts(self) -> dict[str, int]:
        """What was read, and everything odd: of the file's lines and of its frames."""
        return self.file.counts | self._decoder.counts

    @property
    def problems(self) -> list[str]:
        """What was odd, in sentences for people."""
        named = {"symbol": self.symbol, "px": self.px_decimals, "qty": self.qty_decimals}
        counts, error = self.counts, self._decoder.last_error
        said = (
            sentence.format(n=counts[name], error=error, **named)
            for name, sentence in _SENTENCES.items()
            if counts[name]
        )
        return [*self.file.problems, *said]


def write_frames(path: str | Path, batches: Iterable[Frames]) -> int:
    """Write a frames file, its receive times in ns; how many frames. The suffix packs it.

    The same frames give the same bytes. Raises SourceError for a frame that no line can hold; the
    file appears only when it is whole.
    """
    path, written = Path(path), 0
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file, _packer(path.suffix, file) as packer:
            for frames in batches:
                packer.write(_lines(frames, path))
                written += len(frames.seq)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return written


def _packer(suffix: str, file: BinaryIO) -> Any:
    if suffix == ".gz":
        return gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
    if suffix == ".zst":
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        return compressor.stream_writer(file, closefd=False)
    return nullcontext(file)


def _lines(frames: Frames, path: Path) -> memoryview:
    size = int((frames.stop - frames.start).sum()) + len(frames.seq) * (DIGITS_MAX + 2)
    out = np.empty(size, np.uint8)
    end, wrong = join_lines(frames.text, frames.start, frames.stop, frames.ts_recv, out)
    if wrong >= 0:
        raise SourceError(
            f"{path.name} is not written: the frame of seq {frames.seq[wrong]} is empty, has a "
            "line break in it or was received before 1973, and so cannot stand on a line. "
            "Keep it on a tape."
        )
    return out[:end].data


def _only(frames: Frames, wanted: npt.NDArray[np.bool_]) -> Frames:
    if wanted.all():
        return frames
    _, start, stop, seq, ts_recv, conn = frames
    start, stop, seq, ts_recv = (frozen(column[wanted]) for column in (start, stop, seq, ts_recv))
    return Frames(frames.text, start, stop, seq, ts_recv, frozen(conn[wanted], "i2"))


def _is_whole(line: bytes) -> bool:
    """Whether a last line without a line feed has all of its frame (blank ones have none)."""
    if not line.strip():
        return True
    stamp = _STAMPED.match(line)
    frame = line[stamp.end() :] if stamp else line
    try:
        return isinstance(msgspec.json.decode(frame), dict | list)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
