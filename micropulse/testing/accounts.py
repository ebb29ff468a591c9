"""The money of a run, added up anew from its fills: to the unit, in whole numbers."""

from __future__ import annotations

from pathlib import Path

from micropulse.instrument import decimals_of_money, to_text, to_units
from micropulse.testing.tables import Row, by, must, opened, rows
from replay.runs import Run, from_flat_to_flat

SIDES = {"buy": 1, "sell": -1, "long": 1, "short": -1}


class Scale:
    """What a run's whole numbers stand for."""

    def __init__(self, run: Run) -> None:
        said = run.said["instrument"]
        self.px, self.qty = run.px_decimals, run.qty_decimals
        self.money = decimals_of_money(self.px, self.qty)
        self.unit = int(said["notional_unit"])  # money in one price unit x one quantity unit
        self.divisor = int(said["fee_divisor"])
        self.tick = int(said["tick"])
        self.maker_e8, self.taker_e8 = (to_units(rate, 8) for rate in run.fees)

    def fee(self, fill: Row) -> int:
        """price x quantity x rate, rounded up to the unit of money."""
        rate_e8 = self.maker_e8 if fill["maker"] else self.taker_e8
        return int(-(-fill["px"] * fill["qty"] * rate_e8 // self.divisor))

    def notional(self, fills: list[Row]) -> int:
        """Money that changed hands, without fees."""
        return sum(int(fill["px"] * fill["qty"]) for fill in fills) * self.unit


def accounts_reconcile(run: Run | Path | str) -> int:
    """Slices are the orders, trips are their slices, cash + position x price is the equity of every
    sample, fees are what the rate says, and the totals are the sums; how many fills there were.

    Everything is computed again from fills.parquet. Raises RunError for no complete run.
    """
    run = opened(run)
    scale, orders, fills = Scale(run), rows(run.orders), rows(run.fills)
    slices = by(fills, "order_id")
    for fill in fills:
        must(f"fill of order {fill['order_id']}", fill, "fee", fill["fee"], scale.fee(fill))
    _slices_are_the_orders(orders, slices)
    has_funding = run.summary["counts"]["fundings"] > 0
    _samples_add_up(rows(run.samples), fills, rows(run.trips), scale, has_funding)
    _trips_are_their_slices(rows(run.trips), fills, scale)
    _totals(run, orders, fills, scale)
    return len(fills)


def signed(fill: Row) -> int:
    """A fill's quantity, below 0 when it sold."""
    return int(SIDES[fill["side"]] * fill["qty"])


def cash_of(fills: list[Row], scale: Scale) -> int:
    """What fills did to cash, fees included."""
    return sum(-signed(fill) * fill["px"] * scale.unit - fill["fee"] for fill in fills)


def _slices_are_the_orders(orders: list[Row], slices: dict[int, list[Row]]) -> None:
    last = {row["order_id"]: row for row in orders}
    unknown = sorted(set(slices) - set(last))
    assert not unknown, f"fills.parquet has slices of order {unknown[0]}, which there is not"
    for number, order in last.items():
        mine, what = slices.get(number, []), f"order {number}"
        if order["status"] != "submitted":  # its last row was written before later slices came
            must(what, order, "filled", order["filled"], sum(fill["qty"] for fill in mine))
        must(what, order, "slices", [fill["slice"] for fill in mine], list(range(len(mine))))
        for fill in mine:
            must(f"fill of {what}", fill, "side", fill["side"], order["side"])


def _samples_add_up(
    samples: list[Row], fills: list[Row], trips: list[Row], scale: Scale, has_funding: bool
) -> None:
    """A sample stands after the event of its `seq`; its mid marks the position. What an open round
    trip has paid in funding so far is in no table: where any was paid, cash and equity are
    compared when flat."""
    cash = position = done = 0
    paid = list(trips)
    for row, sample in enumerate(samples):
        while done < len(fills) and fills[done]["seq"] <= sample["seq"]:
            cash += cash_of([fills[done]], scale)
            position += signed(fills[done])
            done += 1
        while paid and paid[0]["exit_seq"] <= sample["seq"]:
            cash += paid.pop(0)["funding"]
        what = f"sample {row}"
        must(what, sample, "position", sample["position"], position)
        if has_funding and position:
            continue
        must(what, sample, "cash", sample["cash"], cash)
        if sample["mid"] is not None:  # else it is marked at an earlier mid
            mid2 = round(sample["mid"] * 2 * 10**scale.px)
            equity = cash + position * mid2 * scale.unit // 2
            must(what, sample, "equity", sample["equity"], equity)


def _trips_are_their_slices(trips: list[Row], fills: list[Row], scale: Scale) -> None:
    stays = from_flat_to_flat(fills)
    for number, trip in enumerate(trips):
        assert number < len(stays), f"round trip {number} has no fills"
        ins = [fill for fill in stays[number] if fill["side"] == stays[number][0]["side"]]
        outs = [fill for fill in stays[number] if fill["side"] != stays[number][0]["side"]]
        must(f"round trip {number}", trip, "exit quantity", sum(f["qty"] for f in outs),
             sum(f["qty"] for f in ins))  # fmt: skip
        side, qty = SIDES[ins[0]["side"]], sum(fill["qty"] for fill in ins)
        gross = side * (scale.notional(outs) - scale.notional(ins))
        fees = sum(fill["fee"] for fill in ins + outs)
        expected = {
            "id": number,
            "side": "long" if side > 0 else "short",
            "qty": qty,
            "entry_order": ins[0]["order_id"],
            "exit_order": outs[-1]["order_id"],
            "entry_seq": ins[0]["seq"],
            "entry_ts": ins[0]["ts"],
            "exit_seq": outs[-1]["seq"],
            "exit_ts": outs[-1]["ts"],
            "hold_s": float(to_text(outs[-1]["ts"] - ins[0]["ts"], 9)),
            "gross": gross,
            "fees": fees,
            "net": gross - fees + trip["funding"],
        }
        for field, value in expected.items():
            must(f"round trip {number}", trip, field, trip[field], value)


def _totals(run: Run, orders: list[Row], fills: list[Row], scale: Scale) -> None:
    trips, summary = rows(run.trips), run.summary
    gross, fees = sum(trip["gross"] for trip in trips), sum(fill["fee"] for fill in fills)
    funding = sum(trip["funding"] for trip in trips)
    position = sum(signed(fill) for fill in fills)
    left = summary["open_position"]
    expected = {
        "gross": to_text(gross, scale.money),
        "fees": to_text(fees, scale.money),
        "fills": len(fills),
        "round_trips": len(trips),
        "orders": len({row["order_id"] for row in orders}),
        "rejected": sum(row["status"] == "rejected" for row in orders),
    }
    for field, value in expected.items():
        must("summary.json", {}, field, summary[field], value)
    must("summary.json", {}, "open position", left["qty"] if left else to_text(0, scale.qty),
         to_text(position, scale.qty))  # fmt: skip
    if not position:
        must("summary.json", {}, "cash when flat", cash_of(fills, scale), gross - fees)
    if position and summary["counts"]["fundings"]:
        return  # what is open has paid or received some, and no table says how much
    net = gross - fees + funding
    must("summary.json", {}, "net", summary["net"], to_text(net, scale.money))
    if summary["funding"] != "unknown":
        must("summary.json", {}, "funding", summary["funding"], to_text(funding, scale.money))
