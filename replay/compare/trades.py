"""The trades of two runs, matched: only in A, only in B, the same in both, in both but different.

Two trades are one when their entry orders were decided on the same event and side.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from micropulse.sinks.transactions import iso
from replay.runs import Run, from_flat_to_flat


class Trade(NamedTuple):
    """An entry that was filled, and what became of it; the exit's fields are None while open."""

    seq: int  # of the event the entry was decided on
    ts: int
    side: str
    qty: Decimal
    entry_fill_seq: int
    entry_px: Decimal
    entry_reason: str | None
    fees: Decimal
    exit_seq: int | None = None
    exit_ts: int | None = None
    exit_fill_seq: int | None = None
    exit_px: Decimal | None = None
    exit_reason: str | None = None
    gross: Decimal | None = None
    net: Decimal | None = None

    def plain(self) -> dict[str, Any]:
        """For JSON: money and prices as decimal text, times as ISO."""
        values = {name: _plain(value) for name, value in self._asdict().items()}
        values["ts"], values["exit_ts"] = (
            None if ts is None else iso(ts) for ts in (self.ts, self.exit_ts)
        )
        return values


class Pair(NamedTuple):
    """One trade that both made, otherwise; `fields` are the names of what is not the same."""

    a: Trade
    b: Trade
    fields: tuple[str, ...]


class Matched(NamedTuple):
    """Every trade of both runs, once."""

    only_a: list[Trade]
    only_b: list[Trade]
    same: list[Trade]
    different: list[Pair]


def match_trades(a: list[Trade], b: list[Trade]) -> Matched:
    """Pair the trades of two runs over the same events."""
    left, right = _keyed(a), _keyed(b)
    both = [(trade, right[key]) for key, trade in left.items() if key in right]
    pairs = [Pair(one, other, unequal_fields(one, other)) for one, other in both]
    return Matched(
        [trade for key, trade in left.items() if key not in right],
        [trade for key, trade in right.items() if key not in left],
        [pair.a for pair in pairs if not pair.fields],
        [pair for pair in pairs if pair.fields],
    )


def unequal_fields(a: Trade, b: Trade) -> tuple[str, ...]:
    """The names of the fields in which two trades differ."""
    return tuple(name for name in Trade._fields if getattr(a, name) != getattr(b, name))


def trades_of(run: Run) -> list[Trade]:
    """Every stay in the market, from flat to flat, in order; an open one has no exit."""
    first = run.orders.unique("order_id", keep="first").with_columns(pl.col("ts").cast(pl.Int64))
    orders = {row["order_id"]: row for row in first.to_dicts()}
    trips = run.trips.to_dicts()
    found = []
    for n, fills in enumerate(from_flat_to_flat(run.fills.to_dicts())):
        ins = [fill for fill in fills if fill["side"] == fills[0]["side"]]
        entry = orders[fills[0]["order_id"]]
        is_open = n >= len(trips)
        found.append(_open_trade(entry, ins) if is_open else _closed_trade(orders, ins, trips[n]))
    return found


def _open_trade(order: dict[str, Any], slices: list[dict[str, Any]]) -> Trade:
    """An entry that was filled; what a trip adds is not known."""
    qty = sum((one["qty"] for one in slices), Decimal(0))
    paid = sum((one["px"] * one["qty"] for one in slices), Decimal(0))
    return Trade(
        seq=order["seq"],
        ts=order["ts"],
        side="long" if order["side"] == "buy" else "short",
        qty=qty,
        entry_fill_seq=slices[0]["seq"],
        entry_px=paid / qty,
        entry_reason=order["reason"],
        fees=sum((one["fee"] for one in slices), Decimal(0)),
    )


def _closed_trade(
    orders: dict[int, dict[str, Any]], slices: list[dict[str, Any]], trip: dict[str, Any]
) -> Trade:
    """An entry and its way back to flat."""
    leave = orders[trip["exit_order"]]
    return _open_trade(orders[trip["entry_order"]], slices)._replace(
        entry_px=trip["entry_px"],
        exit_seq=leave["seq"],
        exit_ts=trip["exit_ts"],
        exit_fill_seq=trip["exit_seq"],
        exit_px=trip["exit_px"],
        exit_reason=trip["exit_reason"],
        gross=trip["gross"],
        fees=trip["fees"],
        net=trip["net"],
    )


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _keyed(trades: list[Trade]) -> dict[tuple[int, str, int], Trade]:
    """By the event and side of the entry, counted where one event had several."""
    seen: Counter[tuple[int, str]] = Counter()
    keyed = {}
    for trade in trades:
        place = (trade.seq, trade.side)
        keyed[(*place, seen[place])] = trade
        seen[place] += 1
    return keyed
