"""What a run did at an event, in words: what its rule asked for and let be, orders, fills."""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from micropulse.run import Rows
from micropulse.sinks.run_folder import reason_words
from micropulse.sinks.tables import fills_table, orders_table, signals_table
from replay.backtest import Session

DECISIONS = ("entry_refused", "entry_asked", "exit_asked")
# What an order's row says of its settings, and not of what was done.
OF_SETTINGS = ("latency_ns", "ready_ts", "arrival")


class Did(NamedTuple):
    """Sentences: what was let be, and what was asked for, sent and filled."""

    let_be: list[str]
    acted: list[str]

    @property
    def words(self) -> list[str]:
        """All of it; never empty."""
        return [*self.let_be, *self.acted] or ["nothing"]


class Deeds:
    """A sink that says in sentences what the rule and the exchange did."""

    def __init__(self, session: Session) -> None:
        self._digits = session.digits
        self._reasons = tuple(reason_words(session.strategy))
        self.did = Did([], [])

    def take(self, rows: Rows) -> None:
        """Decisions, then orders, then slices."""
        signals = signals_table(rows.signals, self._digits, self._reasons)
        orders = orders_table(rows.orders, self._digits, self._reasons)
        fills = fills_table(rows.fills, self._digits)
        let_be, acted = self.did
        for row in _rows(only_deeds(signals)):
            (let_be if row["kind"] == "entry_refused" else acted).append(_decision(row))
        acted += [_order(row) for row in _rows(orders)]
        acted += [_fill(row) for row in _rows(fills)]

    def end_of_batch(self) -> None:
        """Nothing to flush."""


def only_deeds(table: pa.Table) -> pa.Table:
    """Of signals.parquet, orders.parquet or fills.parquet only what was done."""
    if "age_s" in table.column_names:  # signals; orders have a kind, too
        return table.filter(pc.is_in(table["kind"], pa.array(DECISIONS)))
    return table.drop_columns([name for name in OF_SETTINGS if name in table.column_names])


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Without times: Python's own hold no nanoseconds."""
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    rows: list[dict[str, Any]] = table.drop_columns(times).to_pylist()
    return rows


def _decision(row: dict[str, Any]) -> str:
    why = f" ({row['reason']})" if row["reason"] else ""
    if row["kind"] == "entry_refused":
        return f"let an entry be{why}"
    verb = "enter" if row["kind"] == "entry_asked" else "leave"
    return f"asked to {verb}: {row['side']} {row['qty']}{why}"


def _order(row: dict[str, Any]) -> str:
    note = f" ({row['note']})" if row["note"] else ""
    filled = f", {row['filled']} of {row['qty']} filled" if row["filled"] else ""
    return f"order {row['order_id']} {row['status']}{filled}{note}"


def _fill(row: dict[str, Any]) -> str:
    return f"order {row['order_id']}: {row['side']} {row['qty']} at {row['px']}, fee {row['fee']}"
