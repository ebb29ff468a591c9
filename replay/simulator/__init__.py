"""A synthetic BTCUSDT perpetual: the streams of a day, frame by frame, from a seed.

    for frames in simulate(seed=7, hours=24.0):
        ...                                     # Frames: the wire text and the receive times
    write("day.jsonl.zst", seed=7, hours=24.0)  # or a frames file

A market (market.py, makers.py, takers.py, book.py) is run by an exchange (exchange.py), whose
messages come over a line with its faults (line.py, faults.py) as frames (wire_form.py). What it
is made to look like, and what it is not: docs/simulator.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from micropulse.events import Frames
from replay.frames import write_frames
from replay.simulator.exchange import publish
from replay.simulator.faults import EVERY_FAULT, NO_FAULTS, ORDINARY, Faults, faults_named
from replay.simulator.line import BOOK_ROWS, ROOM, TRADE_ROWS, deliver, open_line
from replay.simulator.market import MS, Market, Message, open_market
from replay.simulator.marks import Marks
from replay.simulator.rng import seed_rng
from replay.simulator.takers import FILLS_MAX
from replay.simulator.wire_form import MARK_LAYOUT, PX_DECIMALS, frames_of

__all__ = [
    "EVERY_FAULT",
    "NO_FAULTS",
    "ORDINARY",
    "START_NS",
    "Faults",
    "faults_named",
    "simulate",
    "write",
]

START_NS = 1_767_571_200_000_000_000  # 2026-01-05 00:00:00 UTC
START_TICKS = 850_000  # 85,000.0 USDT
ROWS = 16_384  # of a chunk, about


def simulate(
    seed: int,
    hours: float,
    start_ns: int = START_NS,
    faults: Faults = ORDINARY,
    rows: int = ROWS,
    marks: bool = False,
) -> Iterator[Frames]:
    """The frames of `hours` of market, in order of arrival, in chunks of about `rows`.

    `start_ns` is the exchange's clock at the start; ts_recv is the receiver's. The same seed,
    start and faults give the same bytes, wherever chunks end and on every machine. Memory does
    not grow with `hours`. With `marks` a mark price comes once a second, too. Raises ValueError
    when there is nothing to simulate.
    """
    if not hours > 0.0 or rows < 1 or start_ns < 0:
        raise ValueError(f"cannot simulate {hours} hours from {start_ns}, {rows} rows at a time")
    start = start_ns // MS * MS
    marker = Marks(PX_DECIMALS, MARK_LAYOUT) if marks else None
    return _chunks(seed, start, start + round(hours * 3_600_000) * MS, faults, rows, marker)


def write(
    path: str | Path,
    seed: int,
    hours: float,
    start_ns: int = START_NS,
    faults: Faults = ORDINARY,
    marks: bool = False,
) -> int:
    """Write the frames of `simulate` to a frames file; how many. The suffix packs it."""
    return write_frames(path, simulate(seed, hours, start_ns, faults, marks=marks))


def _chunks(
    seed: int, start: int, end: int, faults: Faults, rows: int, marker: Marks | None
) -> Iterator[Frames]:
    market = Market.new()
    seed_rng(market.rng, seed, 1)
    open_market(market, start, START_TICKS)
    line = open_line(seed, faults, start)
    messages = Message.zeros(rows + FILLS_MAX)
    while market.now < end:
        n = publish(market, end, messages)
        n = int(np.searchsorted(messages["time"][:n], end))  # the last one may be past the end
        delivered = 0
        while delivered < n:
            books = np.empty((BOOK_ROWS, rows + ROOM), np.int64)
            trades = np.empty((TRADE_ROWS, rows + ROOM), np.int64)
            delivered = deliver(line, messages, delivered, n, books, trades)
            if line.books + line.trades:
                books, trades = books[:, : line.books], trades[:, : line.trades]
                yield frames_of(books, trades, marker.between(books, trades) if marker else None)
