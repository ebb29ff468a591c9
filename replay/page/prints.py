"""The prints of a batch as dots. Many are joined, and the message says how.

Fills of one taker order at one price lie on top of one another: they are one dot. In a burst a
taker order is one dot (`parent`), and in a recording that is played very fast all of one side in a
slice of time (`slice`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from micropulse.events import MARKET, RPI, TradeTable
from micropulse.schema import MILLISECOND

FILLS_MOST = 60  # dots of a message; with more the fills of an order are joined
PARENTS_MOST = 300
SLICES = 40  # of a message
IDS_KEPT = 16_384
BY_PRICE, BY_PARENT, BY_SLICE = "price", "parent", "slice"


class Dots(NamedTuple):
    """Parallel columns; `qty` is negative where the seller was the aggressor. `first` and `px` are
    the first and last price of what was joined."""

    ms: list[int]
    px: list[int]
    first: list[int]
    qty: list[int]
    fills: list[int]
    by: str  # BY_PRICE, BY_PARENT, BY_SLICE


class Prints:
    """Makes dots of batches, one after the other."""

    def __init__(self) -> None:
        self._ids: dict[int, None] = {}  # the last ones, oldest first

    def take(self, trades: TradeTable, base_ms: int, times: int = 1) -> Dots:
        """The prints of a batch; what came twice (two connections in a hand-over) is left out.
        `times` as many dots may be."""
        keep = (trades.kind == MARKET) | (trades.kind == RPI)
        keep &= (trades.px > 0) & (trades.qty > 0) & self._new(trades.trade_id)
        rows = np.flatnonzero(keep)
        ms = trades.ts_recv[rows] // MILLISECOND - base_ms
        txn, side = trades.ts_txn[rows], trades.side[rows].astype(np.int64)
        px, qty = trades.px[rows], trades.qty[rows]
        by, starts = BY_PRICE, _starts(txn, side, px)
        if len(starts) > FILLS_MOST * times:
            by, starts = BY_PARENT, _starts(txn, side)
        if len(starts) > PARENTS_MOST * times:
            slices = (ms - ms[0]) * SLICES // max(1, int(ms[-1] - ms[0]) + 1)
            order = np.lexsort((side, slices))
            ms, side, px, qty = ms[order], side[order], px[order], qty[order]
            by, starts = BY_SLICE, _starts(slices[order], side)
        if not len(starts):
            return Dots([], [], [], [], [], by)
        ends = np.append(starts[1:], len(ms))
        total = np.add.reduceat(qty, starts) * side[starts]
        columns = (ms[starts], px[ends - 1], px[starts], total, ends - starts)
        when, last, first, sums, fills = (column.tolist() for column in columns)
        return Dots(when, last, first, sums, fills, by)

    def _new(self, trade_ids: Any) -> Any:
        """Which trades were not seen before."""
        ids = trade_ids.tolist()
        if len(ids) > IDS_KEPT:
            return np.ones(len(ids), bool)
        new = np.empty(len(ids), bool)
        for row, trade_id in enumerate(ids):
            new[row] = trade_id not in self._ids
            self._ids[trade_id] = None
        for trade_id in list(self._ids)[: max(0, len(self._ids) - IDS_KEPT)]:
            del self._ids[trade_id]
        return new


def _starts(*keys: Any) -> Any:
    """Where a run of equal keys begins."""
    if not len(keys[0]):
        return np.zeros(0, np.int64)
    differs = np.zeros(len(keys[0]) - 1, bool)
    for key in keys:
        differs |= np.diff(key) != 0
    return np.append(0, np.flatnonzero(differs) + 1)
