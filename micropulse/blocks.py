"""Blocks: the tables of market events in a few 2-D arrays, while kernels write or read them.

    wide     int64   trades: seq, ts_recv, E, T, t, px, qty
                     books: seq, ts_recv, E, T, U, u, pu
                     marks: seq, ts_recv, E, T, p, ap, P, i, r
                     levels of books: bid_px…, bid_qty…, ask_px…, ask_qty…
    small    int8    kind of trades, depth of books, 0 of marks; side of trades; bid_n, ask_n
    layouts  int32   of trades, of books, of marks
    conns    int16   of trades, of books, of marks

An event column is a row, and contiguous: the tables of an `Events` batch are views, nothing is
copied when a batch is done, and a batch of one costs a handful of small arrays.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from micropulse.events import (
    DEPTHS,
    MARK_DECIMALS,
    DepthTable,
    Events,
    Frames,
    Int64s,
    MarkTable,
    TradeTable,
    no_control,
    no_depth,
    no_marks,
    no_trades,
)
from micropulse.layout import (
    ASK_N,
    BASE,
    BID_N,
    KIND,
    LEVEL_ROW,
    MARK_AVERAGE,
    MARK_RATE,
    SHOWN,
    SIDE,
    SMALL_ROWS,
    TABLE_ROWS,
)
from micropulse.reading import BOOKS, MARKS, TRADES, Reading
from micropulse.scan import CURSOR_LENGTH, OTHERS, VERBATIM

_MS = 1_000_000
_NO_DEPTH = {levels: no_depth(levels) for levels in DEPTHS}
_NO_TRADES, _NO_MARKS, _NO_CONTROL = no_trades(), no_marks(), no_control()


class Blocks:
    """Room for `n` events of each table; `cursor` says how many there are by now."""

    def __init__(self, n: int, levels: int) -> None:
        self.levels = levels
        self.wide = np.empty((LEVEL_ROW + 4 * levels, n), np.int64)
        self.small = np.empty((SMALL_ROWS, n), np.int8)
        self.layouts = np.empty((3, n), np.int32)
        self.conns = np.empty((3, n), np.int16)
        self.odd = np.empty((2, n), np.int64)
        self.cursor = np.zeros(CURSOR_LENGTH, np.int64)

    @classmethod
    def of(cls, events: Events) -> Self:
        """The blocks of a batch, copied."""
        d, t, m = events.depth, events.trades, events.marks
        books, trades, marks = len(d.seq), len(t.seq), len(m.seq)
        blocks = cls(max(books, trades, marks), len(d.bid_px))
        numbers = t.seq, t.ts_recv, t.ts_event, t.ts_txn, t.trade_id, t.px, t.qty
        for row, column in enumerate(numbers):
            blocks.wide[row, :trades] = column
        numbers = d.seq, d.ts_recv, d.ts_event, d.ts_txn, d.first_id, d.last_id, d.prev_id
        for row, column in enumerate(numbers, BASE * BOOKS):
            blocks.wide[row, :books] = column
        for row, column in enumerate((*d.bid_px, *d.bid_qty, *d.ask_px, *d.ask_qty), LEVEL_ROW):
            blocks.wide[row, :books] = column
        for row, column in enumerate(m[:-2], BASE * MARKS):
            blocks.wide[row, :marks] = column
        blocks.small[SIDE, :trades], blocks.small[KIND, :trades] = t.side, t.kind
        blocks.small[BID_N, :books], blocks.small[ASK_N, :books] = d.bid_n, d.ask_n
        blocks.small[SHOWN, :books] = d.depth
        blocks.small[MARKS, :marks] = 0
        for row, table in ((TRADES, t), (BOOKS, d), (MARKS, m)):
            n = blocks.cursor[row] = len(table.seq)
            blocks.layouts[row, :n], blocks.conns[row, :n] = table.layout, table.conn
        return blocks

    def tables(self) -> tuple[Any, ...]:
        """The four arrays that hold events, in the order kernels take them."""
        return self.wide, self.small, self.layouts, self.conns

    def rows(self) -> tuple[Any, ...]:
        """All that `scan` writes into."""
        return *self.tables(), self.odd, self.cursor

    def note(self, index: int, other: bool = False) -> None:
        """Frame `index` is to be kept as text, or is of another symbol."""
        self.odd[int(other), self.cursor[VERBATIM + other]] = index
        self.cursor[VERBATIM + other] += 1

    def add(
        self, frames: Frames, n: int, reading: Reading, layout: int, scales: tuple[int, int]
    ) -> None:
        """An event from frame `n`, which was read slowly; `scales` are the symbol's digits."""
        table = reading.claim.table
        rows, i = TABLE_ROWS[table], int(self.cursor[table])
        self.wide[BASE * table : BASE * table + 2, i] = frames.seq[n], frames.ts_recv[n]
        for slot, row in rows.items():
            if slot in reading.numbers:
                unit = _MS if slot in ("E", "T") else 1
                self.wide[row, i] = reading.numbers[slot] * unit
        if table == BOOKS:
            self._add_levels(i, reading, scales)
        elif table == MARKS:
            self.wide[MARK_AVERAGE, i] = self.wide[MARK_RATE, i] = self.small[MARKS, i] = 0
            for slot, texts in (reading.prices | reading.sizes).items():
                self.wide[rows[slot], i] = _units(texts[0], MARK_DECIMALS)
        else:
            self.wide[rows["p"], i] = _units(reading.prices["p"][0], scales[0])
            self.wide[rows["q"], i] = _units(reading.sizes["q"][0], scales[1])
            self.small[SIDE, i], self.small[KIND, i] = reading.numbers["m"], reading.kind
        self.layouts[table, i], self.conns[table, i] = layout, frames.conn[n]
        self.cursor[table] += 1

    def _add_levels(self, i: int, reading: Reading, scales: tuple[int, int]) -> None:
        sides = self.wide[LEVEL_ROW:, i].reshape(2, 2, self.levels)
        for side, slot in enumerate("ba"):
            amounts = reading.prices[slot], reading.sizes[slot]
            for k, texts in enumerate(amounts):
                sides[side, k, : len(texts)] = [_units(text, scales[k]) for text in texts]
                sides[side, k, len(texts) :] = 0
            self.small[BID_N + side, i] = len(amounts[0])
        self.small[SHOWN, i] = reading.claim.depth

    def deepen(self, levels: int) -> None:
        """Make room for a deeper stream: what is there gets levels of zero."""
        old, self.levels = self.wide, levels
        n = old.shape[1]
        self.wide = np.zeros((LEVEL_ROW + 4 * levels, n), np.int64)
        self.wide[:LEVEL_ROW] = old[:LEVEL_ROW]
        kept = old[LEVEL_ROW:].reshape(4, -1, n)
        self.wide[LEVEL_ROW:].reshape(4, levels, n)[:, : kept.shape[1]] = kept

    def noted(self) -> tuple[Int64s, Int64s]:
        """Indices of the frames kept as text, and of those of other symbols."""
        self.odd.flags.writeable = False
        return self.odd[0, : self.cursor[VERBATIM]], self.odd[1, : self.cursor[OTHERS]]

    def events(self) -> Events:
        """The events as a batch: views of these arrays, which are read-only from here on."""
        for array in self.tables():
            array.flags.writeable = False
        books, trades, marks = (int(self.cursor[table]) for table in (BOOKS, TRADES, MARKS))
        depth = self._depth_table(books) if books else _NO_DEPTH[self.levels]
        trade = self._trade_table(trades) if trades else _NO_TRADES
        return Events(depth, trade, self._mark_table(marks) if marks else _NO_MARKS, _NO_CONTROL)

    def growing(self) -> tuple[DepthTable, TradeTable, MarkTable]:
        """All tables with all the room there is, for events that are still to be written."""
        n = self.wide.shape[1]
        views = Blocks.__new__(Blocks)
        views.levels = self.levels
        views.wide, views.small, views.layouts, views.conns = (a.view() for a in self.tables())
        for array in views.tables():
            array.flags.writeable = False
        return views._depth_table(n), views._trade_table(n), views._mark_table(n)

    def _depth_table(self, n: int) -> DepthTable:
        numbers: list[Any] = list(self.wide[BASE * BOOKS : BASE * (BOOKS + 1), :n])
        levels: list[Any] = list(self.wide[LEVEL_ROW:, :n])
        sides: list[Any] = [
            tuple(levels[at : at + self.levels]) for at in range(0, len(levels), self.levels)
        ]
        small: list[Any] = [self.small[row, :n] for row in (SHOWN, BID_N, ASK_N)]
        rest: list[Any] = [self.conns[BOOKS, :n], *small, self.layouts[BOOKS, :n]]
        return DepthTable._make([*numbers, *rest, *sides])

    def _trade_table(self, n: int) -> TradeTable:
        rest: list[Any] = [
            self.small[SIDE, :n],
            self.small[KIND, :n],
            self.conns[TRADES, :n],
            self.layouts[TRADES, :n],
        ]
        return TradeTable._make([*self.wide[:BASE, :n], *rest])

    def _mark_table(self, n: int) -> MarkTable:
        rest: list[Any] = [self.conns[MARKS, :n], self.layouts[MARKS, :n]]
        return MarkTable._make([*self.wide[BASE * MARKS : LEVEL_ROW, :n], *rest])


def _units(text: str, scale: int) -> int:
    """A decimal of the wire, of no more digits than `scale`, as an integer at that scale."""
    before, _, behind = text.partition(".")
    return int(before + behind.ljust(scale, "0"))
