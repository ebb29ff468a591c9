"""Events: what the market said, as columns. The one thing that live sockets, frames files and
tapes all become, and the only thing the core reads.

Times are nanoseconds since 1970 UTC; prices and quantities are integers at the instrument's
scale (`61800.20` with two decimals is 6180020). `seq` is the log's own order: a batch holds
four tables, each ascending by `seq`, and no `seq` stands twice.

Every column is a read-only, C-contiguous numpy array (see `frozen`): read-only and writable
arrays are different types to numba, and one column of the other kind would compile the whole
core a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Int16s = npt.NDArray[np.int16]
Int8s = npt.NDArray[np.int8]
Bytes = npt.NDArray[np.uint8]

# `side`: the aggressor's.
BUY, SELL = 1, -1

# `kind` of a trade row: what the wire's X says. Only the first two are prints.
MARKET, RPI, NA, INSURANCE_FUND, ADL, OTHER = 0, 1, 2, 3, 4, 5
TRADE_KINDS = ("MARKET", "RPI", "NA", "INSURANCE_FUND", "ADL", "OTHER")

# `kind` of a control row: what only the recorder can know.
RUN_START, RUN_STOP, CONNECT, DISCONNECT, CLOCK_STEP, TICK = 1, 2, 3, 4, 5, 6
CONTROL_KINDS = ("", "RUN_START", "RUN_STOP", "CONNECT", "DISCONNECT", "CLOCK_STEP", "TICK")

DEPTHS = (5, 10, 20)  # how many levels a side a partial book stream shows
MARK_DECIMALS = 8  # of the prices and the rate of a mark frame, whatever the symbol's own digits


class DepthTable(NamedTuple):
    """Partial books. `bid_px[0]` is the best bid's column; levels that are not shown are zero."""

    seq: Int64s
    ts_recv: Int64s
    ts_event: Int64s  # E
    ts_txn: Int64s  # T
    first_id: Int64s  # U
    last_id: Int64s  # u
    prev_id: Int64s  # pu
    conn: Int16s  # the connection it came by; 0 when there is no telling
    depth: Int8s  # levels the stream shows: 5, 10 or 20
    bid_n: Int8s  # levels the frame holds
    ask_n: Int8s
    layout: Int32s  # the text around the numbers; -1 when columns cannot give back the text
    bid_px: tuple[Int64s, ...]  # as many columns as the deepest stream of the batch shows
    bid_qty: tuple[Int64s, ...]
    ask_px: tuple[Int64s, ...]
    ask_qty: tuple[Int64s, ...]


class TradeTable(NamedTuple):
    """Trades, non-prints included (their price and quantity as the wire has them)."""

    seq: Int64s
    ts_recv: Int64s
    ts_event: Int64s  # E
    ts_txn: Int64s  # T
    trade_id: Int64s  # t
    px: Int64s
    qty: Int64s
    side: Int8s  # BUY or SELL: the aggressor
    kind: Int8s  # MARKET, RPI, NA, INSURANCE_FUND, ADL, OTHER
    conn: Int16s
    layout: Int32s


class MarkTable(NamedTuple):
    """Mark prices. Prices and the rate are in 10^-MARK_DECIMALS, whatever the symbol's scale."""

    seq: Int64s
    ts_recv: Int64s
    ts_event: Int64s  # E
    next_funding_ts: Int64s  # T; 0 for a contract without funding
    px: Int64s  # p: the mark price
    average_px: Int64s  # ap; 0 where the frame has none
    settle_px: Int64s  # P: what a delivery would settle at
    index_px: Int64s  # i
    rate: Int64s  # r: of the next funding, may be negative; 0 for a contract without funding
    conn: Int16s
    layout: Int32s


class ControlTable(NamedTuple):
    """What only the recorder can know, and journals: starts, stops, connections, clock, ticks."""

    seq: Int64s
    ts_recv: Int64s
    kind: Int8s
    conn: Int16s
    value: Int64s  # CLOCK_STEP: by how many ns; otherwise 0


class Events(NamedTuple):
    """A batch: four tables, and the order between them by `seq`."""

    depth: DepthTable
    trades: TradeTable
    marks: MarkTable
    control: ControlTable

    @property
    def n(self) -> int:
        """How many events the batch holds."""
        return sum(len(table.seq) for table in self)


class Frames(NamedTuple):
    """Raw frames in one buffer: frame i is `text[start[i]:stop[i]]`."""

    text: Bytes
    start: Int64s
    stop: Int64s
    seq: Int64s
    ts_recv: Int64s
    conn: Int16s


_DTYPES = {"conn": "i2", "layout": "i4"} | dict.fromkeys(
    ("depth", "bid_n", "ask_n", "side", "kind"), "i1"
)
LEVEL_COLUMNS = ("bid_px", "bid_qty", "ask_px", "ask_qty")


def frozen(array: npt.ArrayLike, dtype: npt.DTypeLike = "i8") -> Any:
    """A read-only, contiguous view (a copy only if the dtype or the strides differ)."""
    view = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def depth_table(levels: int, **columns: Any) -> DepthTable:
    """A DepthTable of `levels` level columns a side from any array-likes.

    Level columns are sequences of arrays; columns that are not given are zeros.
    """
    rows = len(columns["seq"])
    made: dict[str, Any] = {}
    for name in DepthTable._fields:
        if name in LEVEL_COLUMNS:
            given = list(columns.get(name, ()))
            given += [np.zeros(rows, "i8")] * (levels - len(given))
            made[name] = tuple(frozen(column) for column in given)
        else:
            made[name] = frozen(columns.get(name, np.zeros(rows)), _DTYPES.get(name, "i8"))
    return DepthTable(**made)


def trade_table(**columns: Any) -> TradeTable:
    """A TradeTable from any array-likes; columns that are not given are zeros."""
    return TradeTable(**_columns(TradeTable._fields, columns))


def mark_table(**columns: Any) -> MarkTable:
    """A MarkTable from any array-likes; columns that are not given are zeros."""
    return MarkTable(**_columns(MarkTable._fields, columns))


def control_table(**columns: Any) -> ControlTable:
    """A ControlTable from any array-likes; columns that are not given are zeros."""
    return ControlTable(**_columns(ControlTable._fields, columns))


def _columns(names: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    zeros = np.zeros(len(given["seq"]))
    return {name: frozen(given.get(name, zeros), _DTYPES.get(name, "i8")) for name in names}


def joined(parts: Sequence[Events]) -> Events:
    """Batches that follow one another as one; levels that a batch lacks are zeros."""
    if len(parts) == 1:
        return parts[0]
    levels = max(len(part.depth.bid_px) for part in parts)
    depth = [_columns_of(part.depth, levels) for part in parts]
    return Events(
        depth_table(levels, **_concatenated(depth)),
        trade_table(**_concatenated([part.trades._asdict() for part in parts])),
        mark_table(**_concatenated([part.marks._asdict() for part in parts])),
        control_table(**_concatenated([part.control._asdict() for part in parts])),
    )


def _columns_of(depth: DepthTable, levels: int) -> dict[str, Any]:
    given = depth._asdict()
    zeros = (np.zeros(len(depth.seq), np.int64),) * (levels - len(depth.bid_px))
    return given | {name: given[name] + zeros for name in LEVEL_COLUMNS}


def _concatenated(tables: list[dict[str, Any]]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, first in tables[0].items():
        parts = [table[name] for table in tables]
        if isinstance(first, tuple):
            columns[name] = [np.concatenate(level) for level in zip(*parts, strict=True)]
        else:
            columns[name] = np.concatenate(parts)
    return columns


def no_depth(levels: int = 5) -> DepthTable:
    """A DepthTable without rows."""
    return depth_table(levels, seq=())


def no_trades() -> TradeTable:
    """A TradeTable without rows."""
    return trade_table(seq=())


def no_marks() -> MarkTable:
    """A MarkTable without rows."""
    return mark_table(seq=())


def no_control() -> ControlTable:
    """A ControlTable without rows."""
    return control_table(seq=())


def no_events() -> Events:
    """A batch of nothing."""
    return Events(no_depth(), no_trades(), no_marks(), no_control())
