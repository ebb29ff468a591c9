"""Rows to the wire: the layouts of the simulated streams, and blocks of rows as Frames."""

from __future__ import annotations

import numpy as np

from micropulse.events import (
    LEVEL_COLUMNS,
    Frames,
    Int64s,
    MarkTable,
    depth_table,
    no_events,
    trade_table,
)
from micropulse.wire import encode, standard_layout
from replay.simulator.line import (
    EVENT,
    FIRST_ID,
    KIND,
    LAST_ID,
    LAYOUT,
    LEVEL,
    PREV_ID,
    PX,
    QTY,
    RECV,
    SEQ,
    SIDE,
    TRADE_ID,
    TXN,
)
from replay.simulator.market import SHOWN

PX_DECIMALS, QTY_DECIMALS = 2, 3
BOOKS, TRADES, MARKS = "btcusdt@depth5@100ms", "btcusdt@trade", "btcusdt@markPrice@1s"


def layouts() -> list[str]:
    """The texts around the numbers, in the order of BOOK_LAYOUT… ; then with one more key."""
    plain = [standard_layout(BOOKS, PX_DECIMALS, QTY_DECIMALS)]
    for x in ("MARKET", "NA", "INSURANCE_FUND"):
        plain.append(standard_layout(TRADES, PX_DECIMALS, QTY_DECIMALS, x=x))
    return plain + [layout.removesuffix("}}") + ',"zz":"new"}}' for layout in plain]


LAYOUTS = [*layouts(), standard_layout(MARKS, PX_DECIMALS, QTY_DECIMALS)]
MARK_LAYOUT = len(LAYOUTS) - 1


def frames_of(books: Int64s, trades: Int64s, marks: MarkTable | None = None) -> Frames:
    """The frames of two blocks (see line.py), which are not read again afterwards, and of marks."""
    shown = np.full(books.shape[1], SHOWN)
    levels = books[LEVEL:].reshape(len(LEVEL_COLUMNS), SHOWN, -1)
    depth = depth_table(
        SHOWN,
        seq=books[SEQ],
        ts_recv=books[RECV],
        ts_event=books[EVENT],
        ts_txn=books[TXN],
        first_id=books[FIRST_ID],
        last_id=books[LAST_ID],
        prev_id=books[PREV_ID],
        depth=shown,
        bid_n=shown,
        ask_n=shown,
        layout=books[LAYOUT],
        **dict(zip(LEVEL_COLUMNS, levels, strict=True)),
    )
    prints = trade_table(
        seq=trades[SEQ],
        ts_recv=trades[RECV],
        ts_event=trades[EVENT],
        ts_txn=trades[TXN],
        trade_id=trades[TRADE_ID],
        px=trades[PX],
        qty=trades[QTY],
        side=trades[SIDE],
        kind=trades[KIND],
        layout=trades[LAYOUT],
    )
    events = no_events()._replace(depth=depth, trades=prints)
    if marks is not None:
        events = events._replace(marks=marks)
    return encode(events, LAYOUTS, PX_DECIMALS, QTY_DECIMALS)
