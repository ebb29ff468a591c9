"""Records -> Arrow tables and Parquet files.

Prices, quantities and money are DECIMAL over the very int64 the core computed with; times are
timestamp[ns, UTC]; null features are null. polars, DuckDB and pandas open the files as they are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from micropulse.instrument import decimals_of_money
from micropulse.schema import (
    FEATURE_COLUMNS,
    ORDER_KINDS,
    ORDER_NOTES,
    ORDER_STATES,
    ROW_EVENTS,
    SIDES,
    SIGNALS,
    TIMES_IN_FORCE,
    UNKNOWN,
    WALL_ENDS,
)

ROW_GROUP = 16_384  # 45 columns wide: 6 MB a group of samples
pa.set_memory_pool(pa.system_memory_pool())  # mimalloc keeps 20 MB of what was given back
TIME = pa.timestamp("ns", tz="UTC")
FLAGS = ("book_stale", "warm_10s", "closes", "after_gap")
TIMES = ("ts", "ts_recv", "ready_ts", "status_ts", "removed_wall_ts")
TRADE_SIDES = ("sell", "", "buy")  # side + 1


class Digits(NamedTuple):
    """How many decimals a run's prices and quantities have."""

    px: int
    qty: int

    @property
    def money(self) -> int:
        """Decimals of cash, fees and P&L."""
        return decimals_of_money(self.px, self.qty)


# Rows are views into the outbox, which the core writes over; a single row is contiguous, and Arrow
# would keep a view of it. So each table is made of a copy.


def features_table(samples: Any) -> pa.Table:
    """`seq`, `ts_recv`, `event`, then every feature, one row a sample."""
    samples = samples.copy()
    columns = {
        "seq": pa.array(samples["seq"]),
        "ts_recv": times(samples["ts_recv"]),
        "event": words(samples["event"], ROW_EVENTS),
    }
    features = samples["features"]
    for name in FEATURE_COLUMNS:
        columns[name] = _feature(name, features[name])
    return pa.table(columns)


def samples_table(samples: Any, digits: Digits) -> pa.Table:
    """The features once a second, and what was held: `position`, `cash`, `equity`."""
    samples = samples.copy()
    table = features_table(samples)
    table = table.append_column("position", decimals(samples["qty"], digits.qty))
    table = table.append_column("cash", decimals(samples["cash"], digits.money))
    return table.append_column("equity", decimals(samples["equity"], digits.money))


def signals_table(signals: Any, digits: Digits, reasons: tuple[str, ...]) -> pa.Table:
    """Walls, spikes, entries considered. `px` is the wall's, else the mid."""
    signals = signals.copy()
    walls = signals["kind"] < SIGNALS.index("spike_up")
    side = np.where(walls, signals["side"], signals["side"] + 4)
    px = np.where(walls, signals["px"] * 10, signals["px"] * 5)  # twice the mid has a digit more
    return pa.table(
        {
            "seq": pa.array(signals["seq"]),
            "ts": times(signals["ts"]),
            "kind": words(signals["kind"], SIGNALS),
            "side": words(side, (*SIDES, *TRADE_SIDES)),
            "px": decimals(px, digits.px + 1),
            "qty": decimals(signals["qty"], digits.qty),
            "age_s": pa.array(signals["age_ns"] / 1e9),
            "reason": words(signals["reason"], reasons),
        }
    )


def orders_table(orders: Any, digits: Digits, reasons: tuple[str, ...]) -> pa.Table:
    """A row each time an order changed its status, rejected and expired ones included."""
    orders = orders.copy()
    at_market, limits = orders["kind"] == 0, orders["kind"] == 1
    tif = np.where(limits, orders["tif"] + 1, 0)
    return pa.table(
        {
            "order_id": pa.array(orders["id"]),
            "status": words(orders["status"], ORDER_STATES),
            "status_seq": pa.array(orders["status_seq"]),
            "status_ts": times(orders["status_ts"]),
            "note": words(orders["note"], ORDER_NOTES),
            "seq": pa.array(orders["seq"]),
            "ts": times(orders["ts"]),
            "kind": words(orders["kind"], ORDER_KINDS),
            "tif": words(tif, ("", *TIMES_IN_FORCE)),
            "side": words(orders["side"] + 1, TRADE_SIDES),
            "qty": decimals(orders["qty"], digits.qty),
            "px": decimals(orders["px"], digits.px, null=at_market),
            "queue_ahead": decimals(orders["ahead"], digits.qty, null=orders["ahead"] == UNKNOWN),
            "filled": decimals(orders["filled"], digits.qty),
            "closes": pa.array(orders["closes"] != 0),
            "reason": words(orders["reason"], reasons),
            "latency_ns": pa.array(orders["latency_ns"]),
            "ready_ts": times(orders["ready_ts"]),
            "arrival": times(orders["arrival"], null=orders["arrival"] == UNKNOWN),
            "mid": decimals(orders["mid2"] * 5, digits.px + 1),
            "books": pa.array(orders["books"]),
            "after_gap": pa.array(orders["after_gap"] != 0),
        }
    )


def fills_table(fills: Any, digits: Digits) -> pa.Table:
    """A row a slice: what was paid, and what the level showed."""
    fills = fills.copy()
    return pa.table(
        {
            "order_id": pa.array(fills["order_id"]),
            "slice": pa.array(fills["slice_no"]),
            "seq": pa.array(fills["seq"]),
            "ts": times(fills["ts"]),
            "book_ts": times(fills["txn"]),
            "side": words(fills["side"] + 1, TRADE_SIDES),
            "maker": pa.array(fills["maker"] != 0),
            "px": decimals(fills["px"], digits.px),
            "level_px": decimals(fills["level_px"], digits.px),
            "qty": decimals(fills["qty"], digits.qty),
            "fee": decimals(fills["fee"], digits.money),
        }
    )


def _feature(name: str, column: Any) -> pa.Array:
    if name == "removed_wall_side":
        return words(column, SIDES)
    if name == "removed_wall_kind":
        return words(column, WALL_ENDS)
    if name in TIMES:
        return times(column, null=column == 0)
    if name in FLAGS:
        return pa.array(column != 0)
    return pa.array(column, from_pandas=True)


def decimals(column: Any, digits: int, null: Any = None) -> pa.Array:
    """int64 as DECIMAL(18, digits), over the same bytes."""
    return _over_int64(column, pa.decimal64(18, digits), null)


def times(column: Any, null: Any = None) -> pa.Array:
    """int64 ns as timestamp[ns, UTC], over the same bytes."""
    return _over_int64(column, TIME, null)


def _over_int64(column: Any, of: pa.DataType, null: Any) -> pa.Array:
    """Not by cast: that and take import pyarrow.compute, 0.1 s of every start."""
    known = pa.array(np.ascontiguousarray(column, dtype=np.int64), mask=null)
    return pa.Array.from_buffers(of, len(known), known.buffers())


def words(column: Any, names: tuple[str | None, ...]) -> pa.Array:
    """Codes as the words they stand for; '' and None are null."""
    vocabulary = np.array([name or None for name in names], dtype=object)
    return pa.array(vocabulary[np.ascontiguousarray(column)], pa.string())


class ParquetFile:
    """A Parquet file that appears under its name when it is complete, and not before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def add(self, table: pa.Table) -> None:
        """Append rows; a row group is written once there are enough of them."""
        self._waiting.append(table)
        self._rows += len(table)
        if self._rows >= ROW_GROUP:
            self._write()

    def _write(self) -> None:
        table = pa.concat_tables(self._waiting)
        if self._writer is None:
            words = [one.name for one in table.schema if pa.types.is_string(one.type)]
            self._writer = pq.ParquetWriter(
                self._partial,
                table.schema,
                compression="zstd",
                use_dictionary=words,  # numbers seldom repeat: with one, slower and 20 % larger
                store_decimal_as_integer=True,
            )
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        """Write the rest and give the file its name."""
        if self._waiting:
            self._write()
        if self._writer is not None:
            self._writer.close()
            self._partial.replace(self._path)

    def discard(self) -> None:
        """Give up: nothing appears under the file's name."""
        if self._writer is not None:
            self._writer.close()
            self._partial.unlink(missing_ok=True)
