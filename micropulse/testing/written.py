"""A recording in memory as a frames file: what fails can be kept, replayed and sent to others.

Frames are spelled anew, in today's form of the wire. A file has neither control events nor
connections: `as_written` is what it gives back when it is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micropulse.events import (
    DEPTHS,
    NA,
    TRADE_KINDS,
    Events,
    Frames,
    frozen,
    joined,
    no_control,
    no_events,
)
from micropulse.forms import standard_layout
from micropulse.testing.recorded import Recorded
from micropulse.wire import Decoder, encode
from replay.frames import write_frames

MARK_LAYOUT = len(DEPTHS)
FIRST_TRADE = MARK_LAYOUT + 1
NA_WITH_NUMBERS = FIRST_TRADE + len(TRADE_KINDS)  # no exchange was seen to send one


def as_frames(recorded: Recorded) -> Frames:
    """The frames of its books, trades and mark prices, in the order of `seq`, numbered from 0.

    Raises WireError for what no frame can say: a time between two milliseconds, say.
    """
    depth, trades, marks, _ = recorded.events
    kinds = np.where((trades.kind == NA) & (trades.px + trades.qty > 0), len(TRADE_KINDS), 0)
    events = Events(
        depth._replace(layout=frozen(np.searchsorted(DEPTHS, depth.depth), "i4")),
        trades._replace(layout=frozen(FIRST_TRADE + np.maximum(trades.kind, kinds), "i4")),
        marks._replace(layout=frozen(np.full(len(marks.seq), MARK_LAYOUT), "i4")),
        no_control(),
    )
    frames = encode(events, _layouts(recorded), recorded.px_decimals, recorded.qty_decimals)
    n = len(frames.seq)
    return frames._replace(seq=frozen(np.arange(n)), conn=frozen(np.zeros(n), "i2"))


def as_written(recorded: Recorded) -> Recorded:
    """The recording as its frames file would be read again. Raises WireError."""
    decoder = Decoder(recorded.symbol, recorded.px_decimals, recorded.qty_decimals)
    frames = as_frames(recorded)
    events = decoder.decode(frames).events if len(frames.seq) else no_events()
    return recorded._replace(events=joined([events]))


def write(recorded: Recorded, path: Path) -> int:
    """Write the frames file, packed as its suffix says; how many frames. Raises WireError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_frames(path, [as_frames(recorded)])


def is_said_in_full(recorded: Recorded) -> bool:
    """Whether a frames file holds all of it: no control events, and one connection."""
    conns = {int(conn) for table in recorded.events[:3] for conn in np.unique(table.conn)}
    return not len(recorded.events.control.seq) and len(conns) <= 1


def _layouts(recorded: Recorded) -> list[str]:
    """Of each depth, of mark prices, of each kind of trade, and of an NA row with numbers."""
    symbol = recorded.symbol.lower()
    digits = recorded.px_decimals, recorded.qty_decimals

    def of(stream: str, **said: Any) -> str:
        return standard_layout(f"{symbol}@{stream}", *digits, **said)

    books = [of(f"depth{depth}@100ms") for depth in DEPTHS]
    trades = [of("trade", x=kind) for kind in TRADE_KINDS]
    return [*books, of("markPrice@1s"), *trades, trades[0].replace('"MARKET"', '"NA"')]
