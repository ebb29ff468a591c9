"""Round trips with what was decided, asked and filled: what the figures are made of."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from replay.runs import Run, from_flat_to_flat


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
        rows = self._run.trips.iter_rows(named=True)
        return [
            self._trade(row, *turned) for row, turned in zip(rows, self._turnovers, strict=False)
        ]

    @cached_property
    def _turnovers(self) -> list[tuple[Decimal, Decimal]]:
        """(paid to enter, got to leave) of each round trip."""
        found = []
        for fills in from_flat_to_flat(self._run.fills.select("side", "px", "qty").to_dicts()):
            paid = [(fill["side"], fill["px"] * fill["qty"]) for fill in fills]
            entered = sum((money for way, money in paid if way == paid[0][0]), Decimal(0))
            found.append((entered, sum((money for _, money in paid), Decimal(0)) - entered))
        return found

    def _trade(self, row: dict[str, Any], entered: Decimal, got: Decimal) -> Trade:
        asked, left = self.orders[row["entry_order"]], self.orders[row["exit_order"]]
        side = 1 if row["side"] == "long" else -1
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
