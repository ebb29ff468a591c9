"""A tape that is still growing: what a Session wants to know of it, and its frames as a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from micropulse.events import Events, Frames
from micropulse.wire import Decoder
from recorder.tapes import Entry


class Feed:
    """What a Session wants to know of its source, of a tape that is still growing."""

    def __init__(self, tape: Path, decoder: Decoder, digits: tuple[int, int]) -> None:
        self.name = str(tape)
        self.symbol = decoder.symbol or ""
        self.px_decimals, self.qty_decimals = digits
        self.share = 0.0
        self.problems: list[str] = []
        self._decoder = decoder

    def __iter__(self) -> Iterator[Events]:
        return iter(())

    @property
    def counts(self) -> dict[str, int]:
        """What the frames were."""
        return dict(self._decoder.counts)


def frames_in(entries: Sequence[Entry]) -> Frames:
    """The frames of some entries in one buffer."""
    ends = list(accumulate(len(entry.payload) for entry in entries))
    rows = [[0, *ends[:-1]] if ends else [], ends]
    rows += [[entry.seq for entry in entries], [entry.ts_recv for entry in entries]]
    columns = np.array(rows, np.int64)
    conn = np.array([entry.conn for entry in entries], np.int16)
    columns.flags.writeable = conn.flags.writeable = False
    text = np.frombuffer(b"".join([entry.payload for entry in entries]), np.uint8)
    start, stop, seq, ts_recv = columns
    return Frames(text, start, stop, seq, ts_recv, conn)
