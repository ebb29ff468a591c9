"""Reading a run folder again: what the report, comparisons and sweeps are made from.

run = Run(Path("run"))
run.summary["net"], run.trips, run.samples
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from micropulse.instrument import decimals_of_money
from micropulse.params import Execution, fees_e8
from micropulse.sinks.run_folder import is_run_folder
from micropulse.sinks.transactions import COLUMNS, MONEY

TIME = pl.Datetime("ns", "UTC")
WHOLE = ("id", "entry_ts", "exit_ts", "entry_seq", "exit_seq", "entry_order", "exit_order")


class RunError(Exception):
    """A folder that is no complete run."""


class Run:
    """A complete run folder. Tables are read when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        """Raises RunError when there is no complete run in `folder`."""
        if not is_run_folder(folder):
            raise RunError(
                f"{folder} is no run folder. `micropulse backtest SOURCE -o {folder}` makes one."
            )
        self.folder = folder
        self.said: dict[str, Any] = _json(folder / "run.json")
        if self.said.get("state") == "running":
            raise RunError(
                f"The run in {folder} has not ended (or was killed): it has no results yet. The "
                "command that began it goes on with it."
            )
        self.summary: dict[str, Any] = _json(folder / "summary.json")
        self.px_decimals = int(self.said["digits"]["px"])
        self.qty_decimals = int(self.said["digits"]["qty"])

    @cached_property
    def samples(self) -> pl.DataFrame:
        """Features and holdings, once a second of log time."""
        return pl.read_parquet(self.folder / "samples.parquet")

    @cached_property
    def signals(self) -> pl.DataFrame:
        """Walls, spikes, entries considered, orders asked for."""
        return pl.read_parquet(self.folder / "signals.parquet")

    @cached_property
    def orders(self) -> pl.DataFrame:
        """A row each time an order changed its status."""
        return pl.read_parquet(self.folder / "orders.parquet")

    @cached_property
    def fills(self) -> pl.DataFrame:
        """A row a slice."""
        return pl.read_parquet(self.folder / "fills.parquet")

    @property
    def fees(self) -> tuple[str, str]:
        """Maker's and taker's fee as shares of the notional, as the run resolved them."""
        rates = fees_e8(msgspec.convert(self.said["params"]["execution"], Execution))
        maker, taker = (f"{Decimal(rate).scaleb(-8).normalize():f}" for rate in rates)
        return maker, taker

    @cached_property
    def checkpoints(self) -> pl.DataFrame:
        """The digest every 10,000 events."""
        return pl.read_parquet(self.folder / "checkpoints.parquet")

    @cached_property
    def trips(self) -> pl.DataFrame:
        """A row a round trip: money and prices exact, times as timestamps and as ns."""
        money = pl.Decimal(38, decimals_of_money(self.px_decimals, self.qty_decimals))
        types: dict[str, Any] = dict.fromkeys(COLUMNS, pl.String)
        types |= dict.fromkeys(WHOLE, pl.Int64) | dict.fromkeys(MONEY, money)
        types |= dict.fromkeys(("entry_px", "exit_px"), pl.Decimal(38, self.px_decimals + 2))
        types |= dict.fromkeys(("mae_ticks", "mfe_ticks", "hold_s"), pl.Float64)
        types |= {"qty": pl.Decimal(38, self.qty_decimals), "after_gap": pl.Boolean}
        trips = pl.read_csv(self.folder / "transaction.csv", schema_overrides=types)
        return trips.with_columns(
            entry_time=pl.col("entry_ts").cast(TIME), exit_time=pl.col("exit_ts").cast(TIME)
        )


def from_flat_to_flat(fills: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The slices of each round trip, in their order; the last may be open still."""
    stays: list[list[dict[str, Any]]] = []
    held: Any = 0
    for fill in fills:
        if not held:
            stays.append([])
        stays[-1].append(fill)
        held += fill["qty"] if fill["side"] == "buy" else -fill["qty"]
    return stays


def _json(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
