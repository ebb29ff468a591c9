"""Mark prices of the simulated market: a frame a second, behind the first book of that second.

They are put between the rows that the line has delivered: the market, its books and its trades
are the same with them, but for the numbers of the lines behind.
"""

from __future__ import annotations

import numpy as np

from micropulse.events import MARK_DECIMALS, Int64s, MarkTable, mark_table
from replay.simulator.book import SECOND
from replay.simulator.line import EVENT, FUNDING, LEVEL, RECV, SEQ
from replay.simulator.market import SHOWN

BEHIND_NS = 300  # the book: frames of the line are at least 600 ns apart
USUAL_RATE, MOST_RATE = 10_000, 75_000  # 0.01 % and 0.075 %, in 1e-8
SMOOTH_S = 8  # the mark price follows the index within some seconds


class Marks:
    """What the next mark frame depends on."""

    def __init__(self, px_decimals: int, layout: int) -> None:
        # The sum of bid and ask, in units of the wire, times this is the mid in 1e-8.
        self._unit = 10 ** (MARK_DECIMALS - px_decimals) // 2
        self._layout = layout
        self._due = 0  # ns, the exchange's clock
        self._px = 0
        self._premium = 0  # mark over index, smoothed over a minute, in 1e-8
        self._sent = 0

    def between(self, books: Int64s, trades: Int64s) -> MarkTable:
        """The marks that come between the rows of two blocks, whose SEQ are moved to make room."""
        columns: dict[str, list[int]] = {name: [] for name in MarkTable._fields}
        at, events = 0, np.maximum.accumulate(books[EVENT])
        while (at := max(at, int(np.searchsorted(events, self._due)))) < len(events):
            event_ts = int(events[at])
            self._due = (event_ts // SECOND + 1) * SECOND
            index = int(books[LEVEL, at] + books[LEVEL + 2 * SHOWN, at]) * self._unit
            self._move(index)
            rate = USUAL_RATE + self._premium
            row = {
                "seq": int(books[SEQ, at]),
                "ts_recv": int(books[RECV, at]) + BEHIND_NS,
                "ts_event": event_ts,
                "next_funding_ts": (event_ts // FUNDING + 1) * FUNDING,
                "px": self._px,
                "average_px": self._px,
                "settle_px": (self._px + index) // 2,
                "index_px": index,
                "rate": max(-MOST_RATE, min(MOST_RATE, rate)),
                "conn": 0,
                "layout": self._layout,
            }
            for name, value in row.items():
                columns[name].append(value)
        behind = np.array(columns["seq"], np.int64)
        for block in (books, trades):
            block[SEQ] += self._sent + np.searchsorted(behind, block[SEQ])
        seqs = behind + self._sent + 1 + np.arange(len(behind))
        self._sent += len(behind)
        return mark_table(**columns | {"seq": seqs})

    def _move(self, index: int) -> None:
        """A second later: the mark price follows the index, the premium what lies between."""
        self._px = self._px + (index - self._px) // SMOOTH_S if self._px else index
        over = (self._px - index) * 10**MARK_DECIMALS // index
        self._premium += (over - self._premium) // 60
