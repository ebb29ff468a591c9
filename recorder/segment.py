"""One sealed segment: its files, its manifest, and its frames again, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from micropulse.events import (
    Bytes,
    Events,
    Frames,
    Int64s,
    MarkTable,
    frozen,
    no_marks,
)
from micropulse.jit import entry
from micropulse.wire import Decoder, encode
from recorder.folder import TABLES, TapeError
from recorder.tables import READERS, read_events, read_table, read_verbatim

FRAMES_AT_ONCE = 16_384


class Segment(NamedTuple):
    """A sealed segment: where its manifest lies, and what that says."""

    path: Path
    said: dict[str, Any]

    @property
    def number(self) -> int:
        """Its place among the segments of the tape."""
        return int(self.said["segment"])

    def file(self, table: str) -> Path | None:
        """The file of a table, None when it has no rows."""
        entry = self.said["files"].get(table)
        return self.path.parent / entry["name"] if entry else None


def open_segment(path: Path) -> Segment:
    """Read a manifest. Raises TapeError when it is damaged or of a later version."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        known = said["schema"] == 1 and set(said["files"]) <= set(TABLES)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TapeError(
            f"{path} cannot be read ({error}): it is damaged, and without it nobody knows what its "
            "segment holds. Restore it from a copy, or move the segment's files away."
        ) from None
    if not known:
        raise TapeError(f"{path} was written by a later version of MicroPulse: update this one.")
    return Segment(path, said)


def segment_events(
    segment: Segment, from_ns: int | None = None, to_ns: int | None = None
) -> Events:
    """The events of a segment, or of a part of it; whole row groups are passed over unread."""
    files = {name: segment.file(name) for name in READERS}
    events = read_events(
        {name: read_table(file, from_ns, to_ns) for name, file in files.items() if file}
    )
    if "marks" not in segment.said["rows"]:
        events = events._replace(marks=_marks_in_text(segment))
    return Events(*(_within(table, from_ns, to_ns) for table in events))


def _marks_in_text(segment: Segment) -> MarkTable:
    """The mark prices of a segment from before they had a table: its frames are kept as text."""
    verbatim = _verbatim(segment)
    if verbatim is None:
        return no_marks()
    said = segment.said
    decoder = Decoder(said["symbol"], said["px_decimals"], said["qty_decimals"])
    marks = decoder.decode(verbatim).events.marks
    return marks._replace(layout=frozen(np.full(len(marks.seq), -1), "i4"))


def _verbatim(segment: Segment) -> Frames | None:
    """The frames that a segment keeps as text, None when there are none."""
    file = segment.file("verbatim")
    return read_verbatim(read_table(file)) if file else None


def segment_frames(segment: Segment) -> Iterator[Frames]:
    """Every frame of a segment as it was received, in the order of `seq`, some at a time."""
    yield from spelled(segment_events(segment), _verbatim(segment), segment.said)


def spelled(events: Events, verbatim: Frames | None, said: dict[str, Any]) -> Iterator[Frames]:
    """The frames of a segment from its tables; some at a time, which stays in the cache."""
    digits = said["px_decimals"] or 0, said["qty_decimals"] or 0
    for first in range(said["first_seq"], said["last_seq"] + 1, FRAMES_AT_ONCE):
        part = Events(*(_between(table, first) for table in events))
        told = encode(part, said["layouts"], *digits)
        if verbatim is not None:
            rows = slice(*np.searchsorted(verbatim.seq, (first, first + FRAMES_AT_ONCE)))
            told = merged(told, only_frames(verbatim, rows))
        yield told


def _between(table: Any, first: int) -> Any:
    """The rows of the seqs from `first` on that are spelled at once."""
    return cut(table, slice(*np.searchsorted(table.seq, (first, first + FRAMES_AT_ONCE))))


def merged(one: Frames, other: Frames) -> Frames:
    """Two lists of frames as one, in the order of `seq`."""
    if not len(other.seq):
        return one
    order = np.argsort(np.concatenate([one.seq, other.seq]), kind="stable")
    text = np.concatenate([one.text, other.text])
    shift = len(one.text)
    start = np.concatenate([one.start, other.start + shift])
    stop = np.concatenate([one.stop, other.stop + shift])
    return Frames(
        frozen(text, "u1"),
        frozen(start[order]),
        frozen(stop[order]),
        frozen(np.concatenate([one.seq, other.seq])[order]),
        frozen(np.concatenate([one.ts_recv, other.ts_recv])[order]),
        frozen(np.concatenate([one.conn, other.conn])[order], "i2"),
    )


def _within(table: Any, from_ns: int | None, to_ns: int | None) -> Any:
    """The rows received in [from_ns, to_ns)."""
    if from_ns is None and to_ns is None:
        return table
    keep = np.full(len(table.seq), True)
    if from_ns is not None:
        keep &= table.ts_recv >= from_ns
    if to_ns is not None:
        keep &= table.ts_recv < to_ns
    return only(table, keep)


def only(table: Any, keep: Any) -> Any:
    """The rows of an event table that a mask keeps."""
    return table if keep.all() else cut(table, keep)


def cut(table: Any, rows: Any) -> Any:
    """Some rows of an event table, by a slice, a mask or indices."""
    columns = [
        tuple(frozen(level[rows]) for level in column)
        if isinstance(column, tuple)
        else frozen(column[rows], column.dtype)
        for column in table
    ]
    return type(table)(*columns)


def only_frames(frames: Frames, rows: Any) -> Frames:
    """Some of the frames, over the same text."""
    columns: list[Any] = [frozen(column[rows], column.dtype) for column in frames[1:]]
    return Frames(frames.text, *columns)


def same_text(one: Frames, other: Frames) -> npt.NDArray[np.bool_]:
    """Which frames of two equally long lists have the same bytes."""
    same = np.zeros(len(one.start), np.bool_)
    compare(one.text, one.start, one.stop, other.text, other.start, other.stop, same)
    return same


@entry
def compare(
    text: Bytes,
    start: Int64s,
    stop: Int64s,
    other: Bytes,
    other_start: Int64s,
    other_stop: Int64s,
    same: npt.NDArray[np.bool_],
) -> None:
    """same[i]: whether text[start[i]:stop[i]] is other[other_start[i]:other_stop[i]]."""
    for i in range(len(start)):
        length = stop[i] - start[i]
        differs = length != other_stop[i] - other_start[i]
        if not differs:
            difference = 0
            for k in range(length):  # without a way out, so that it is done 32 bytes at a time
                difference |= text[start[i] + k] ^ other[other_start[i] + k]
            differs = difference != 0
        same[i] = not differs
