"""A batch that grows: frames come one at a time, and each is applied before the next is there.

    growing = Growing(decoder, core)
    growing.frame(payload, seq, ts_recv, conn)
    growing.control(seq, ts_recv, kind, conn, value)
    growing.apply(sinks)

To make the tables of a batch costs ten times what the core does with one event. So they are made
once for a thousand events, and written into. The events are those that the decoder makes of the
same frames in any other batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micropulse.blocks import Blocks
from micropulse.events import ControlTable, Events, Frames, control_table, frozen
from micropulse.jit import straight
from micropulse.reading import BOOKS, MARKS, TRADES
from micropulse.run import Core, Sink
from micropulse.scan import OTHERS, VERBATIM, scan
from micropulse.wire import Decoder

ROWS = 1_024  # events a batch
NARROW = {"kind": np.int8, "conn": np.int16}  # columns that are not int64


class Growing:
    """Takes events for a core, a few at a time. Not for several threads."""

    def __init__(self, decoder: Decoder, core: Core) -> None:
        self._decoder, self._core = decoder, core
        self._start = frozen([0])
        self._numbers, self._conn = np.zeros((3, 1), np.int64), np.zeros(1, np.int16)
        self._columns = *map(frozen, self._numbers), frozen(self._conn, np.int16)
        self._controls = [np.zeros(ROWS, NARROW.get(n, np.int64)) for n in ControlTable._fields]
        self._blocks = decoder.new_blocks(ROWS)
        self._taken, self._ends = 0, [0, 0, 0, 0]  # depth, trades, marks, control
        self._take_up()

    @property
    def room(self) -> int:
        """How many events can be taken before `close`."""
        return ROWS - self._taken

    def frame(self, payload: bytes, seq: int, ts_recv: int, conn: int) -> None:
        """Take a frame, where there is room."""
        self._taken += 1
        numbers, blocks = self._numbers, self._blocks
        numbers[0, 0], numbers[1, 0], numbers[2, 0] = len(payload), seq, ts_recv
        self._conn[0] = conn
        levels = blocks.levels
        frame = Frames(np.frombuffer(payload, np.uint8), self._start, *self._columns)
        self._decoder.decode_into(blocks, frame, self._scan)
        blocks.cursor[VERBATIM] = blocks.cursor[OTHERS] = 0  # nobody keeps their text here
        if blocks.levels != levels:
            self._take_up()

    def control(self, seq: int, ts_recv: int, kind: int, conn: int, value: int) -> None:
        """Take a control event, where there is room."""
        self._taken += 1
        row = seq, ts_recv, kind, conn, value
        for column, number in zip(self._controls, row, strict=True):
            column[self._ends[3]] = number
        self._ends[3] += 1

    def apply(self, sinks: Sequence[Sink]) -> None:
        """Everything that was taken, through the core."""
        ends, cursor = self._ends, self._blocks.cursor
        ends[0], ends[1], ends[2] = int(cursor[BOOKS]), int(cursor[TRADES]), int(cursor[MARKS])
        self._core.apply(ends, sinks)

    def close(self) -> None:
        """End the batch, all of which was applied: hash and count it. Nothing more is taken."""
        events = self._blocks.events()
        control = (column[: self._ends[3]].copy() for column in self._controls)
        names = dict(zip(ControlTable._fields, control, strict=True))
        self._core.input_digest.update(events._replace(control=control_table(**names)))
        self._decoder.count(self._blocks)

    def _take_up(self) -> None:
        """Make the tables that the core reads what is written from."""
        columns = (frozen(column, column.dtype) for column in self._controls)
        batch = Events(*self._blocks.growing(), ControlTable(*columns))
        self._core.begin(batch, grows=True, applied=self._ends)
        frame = Frames(np.frombuffer(b"{}", np.uint8), self._start, *self._columns)
        self._scan = _straight_scan(frame, self._decoder, self._blocks)


_scan: list[Any] = []


def _straight_scan(frame: Frames, decoder: Decoder, blocks: Blocks) -> Any:
    """`scan` for one frame at a time; its arguments are always of the same types."""
    if not _scan:
        _scan.append(straight(scan, *frame, 0, *decoder.known(), *blocks.rows()))
    return _scan[0]
