"""Round trips with what was decided, asked and filled: what the figures are made of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from replay.runs import Run


class Order(NamedTuple):
    """An order as it ended. Times in ns; `arrival` is on the exchange's clock."""

    id: int
    seq: int  # of the event it was decided on
    ts: int
    ready_ts: int
    arrival: int | None
    mid: Decimal  # at the decision
    side: int
    closes: bool
    reason: str | None
    status: str
    note: str | None
    qty: Decimal
    filled: Decimal
    status_seq: int
    status_ts: int
    after_gap: bool


class Trade(NamedTuple):
    """A round trip. `ticks` and `bps` are of its net."""

    id: int
    side: int
    qty: Decimal
    asked_ts: int  # the decision to enter
    left_ts: int  # the decision to leave
    entry_ts: int
    exit_ts: int
    entry_px: Decimal
    exit_px: Decimal
    turnover: Decimal  # what was paid and got, together
    gross: Decimal
    fees: Decimal
    net: Decimal
    slippage: Decimal
    ticks: float
    bps: float
    mae_ticks: float
    mfe_ticks: float
    entry_reason: str
    exit_reason: str
    after_gap: bool
    entry_order: int
    exit_order: int

    @property
    def hold_s(self) -> float:
        """From the first fill to the last."""
        return (self.exit_ts - self.entry_ts) / 1e9


class Book:
    """The orders, fills and round trips of a run, joined."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.tick = Decimal(int(run.said["instrument"]["tick"])).scaleb(-run.px_decimals)

    @cached_property
    def orders(self) -> dict[int, Order]:
        """Each order by its id, as its last row left it."""
        ns = [pl.col(name).cast(pl.Int64) for name in ("ts", "ready_ts", "arrival", "status_ts")]
        rows = self._run.orders.with_columns(ns).rename({"order_id": "id"})
        side = {"buy": 1, "sell": -1}
        rows = rows.with_columns(pl.col("side").replace_strict(side, return_dtype=pl.Int64))
        return {row["id"]: Order(**row) for row in rows.select(Order._fields).iter_rows(named=True)}

    @cached_property
    def trades(self) -> list[Trade]:
        """The round trips in the order in which they ended."""
        return [self._trade(row) for row in self._run.trips.iter_rows(named=True)]

    @cached_property
    def _fills(self) -> tuple[list[int], list[tuple[int, Decimal]]]:
        """The seq of each fill, and (side, price × quantity)."""
        fills = self._run.fills.select("seq", "side", "px", "qty").rows()
        paid = [(1 if side == "buy" else -1, px * qty) for _, side, px, qty in fills]
        return [seq for seq, *_ in fills], paid

    def _turnover(self, side: int, entry_seq: int, exit_seq: int) -> tuple[Decimal, Decimal]:
        """(paid to enter, got to leave). One position at a time: all fills in between are its."""
        seqs, fills = self._fills
        own = fills[bisect_left(seqs, entry_seq) : bisect_right(seqs, exit_seq)]
        entered = sum((paid for way, paid in own if way == side), Decimal(0))
        return entered, sum((paid for way, paid in own if way != side), Decimal(0))

    def _trade(self, row: dict[str, Any]) -> Trade:
        asked, left = self.orders[row["entry_order"]], self.orders[row["exit_order"]]
        side = 1 if row["side"] == "long" else -1
        entered, got = self._turnover(side, row["entry_seq"], row["exit_seq"])
        return Trade(
            side=side,
            asked_ts=asked.ts,
            left_ts=left.ts,
            turnover=entered + got,
            slippage=row["entry_slippage"] + row["exit_slippage"],
            ticks=float(row["net"] / (row["qty"] * self.tick)),
            bps=float(row["net"] / entered * 10_000),
            entry_reason=row["entry_reason"] or "",
            exit_reason=row["exit_reason"] or "",
            **{name: row[name] for name in _TAKEN},
        )


_TAKEN = (
    *("id", "qty", "entry_ts", "exit_ts", "entry_px", "exit_px", "gross", "fees", "net"),
    *("mae_ticks", "mfe_ticks", "after_gap", "entry_order", "exit_order"),
)
