"""How far two runs are apart, in total and in ten-minute buckets, and how sure that is.

Both runs saw the same market, so the buckets are compared pair by pair: what the market did to
both cancels out. The interval of the paired difference is a circular block bootstrap over the
buckets' differences; the one beside it takes the runs for independent, which they are not: the
MOVER interval (Zou and Donner 2008) of the two runs' own bootstrap intervals,

    low  = d - sqrt((a - a.low)^2 + (b.high - b)^2),   d = a - b,   and high likewise.

An open position is marked at the last mid, so that a bucket's net is what it changed.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from micropulse.sinks.transactions import iso
from replay.runs import Run
from replay.statistics.bootstrap import Interval, block_bootstrap

BUCKET_NS = 600 * 10**9
SEED = 5
MEASURES = ("net", "gross", "fees", "trades")


class Figure(NamedTuple):
    """One figure of both runs; `b - a` is None where one of them has none."""

    name: str
    a: Decimal | None
    b: Decimal | None
    unit: str

    @property
    def difference(self) -> Decimal | None:
        """B less A."""
        return None if self.a is None or self.b is None else self.b - self.a

    def plain(self) -> dict[str, Any]:
        """For JSON: numbers as decimal text."""
        values = {"a": self.a, "b": self.b, "difference": self.difference}
        text = {name: None if v is None else f"{v:f}" for name, v in values.items()}
        return {"name": self.name, "unit": self.unit} | text


class Bucket(NamedTuple):
    """Ten minutes of both runs, from `start` (ns, a multiple of ten minutes UTC)."""

    start: int
    a: dict[str, Decimal]
    b: dict[str, Decimal]

    def difference(self, measure: str) -> Decimal:
        """B less A."""
        return self.b[measure] - self.a[measure]

    def plain(self) -> dict[str, Any]:
        """For JSON: numbers as decimal text."""
        sides = {name: {m: f"{side[m]:f}" for m in MEASURES} for name, side in self._sides()}
        return {"start": iso(self.start)} | sides

    def _sides(self) -> tuple[tuple[str, dict[str, Decimal]], ...]:
        both = {measure: self.difference(measure) for measure in MEASURES}
        return ("a", self.a), ("b", self.b), ("difference", both)


class Apart(NamedTuple):
    """The sum of a measure's bucket differences: its paired interval, and the unpaired one."""

    measure: str
    paired: Interval
    unpaired: tuple[float, float]  # low, high

    @property
    def narrower(self) -> float | None:
        """How many times the paired interval is narrower; None where there is none."""
        width = self.paired.high - self.paired.low
        ratio = (self.unpaired[1] - self.unpaired[0]) / width if width > 0 else math.nan
        return ratio if math.isfinite(ratio) else None

    def plain(self) -> dict[str, Any]:
        """For JSON: None where there is no interval."""
        return {
            "measure": self.measure,
            "difference": self.paired.mid,
            "paired": _bounds(self.paired.low, self.paired.high),
            "unpaired": _bounds(*self.unpaired),
            "narrower": self.narrower,
            "block": self.paired.block,
        }


def figures(a: Run, b: Run) -> list[Figure]:
    """Totals of both runs, exact where they are money."""
    mine, yours = (_totals(run) for run in (a, b))
    return [Figure(name, mine[name][0], yours[name][0], mine[name][1]) for name in mine]


def _totals(run: Run) -> dict[str, tuple[Decimal | None, str]]:
    said, trips, samples = run.summary, run.trips, run.samples
    won = int((trips["net"] > 0).sum())
    held = int((samples["position"] != 0).sum())
    return {
        "net": (Decimal(said["net"]), "USDT"),
        "gross": (Decimal(said["gross"]), "USDT"),
        "fees": (Decimal(said["fees"]), "USDT"),
        "net, open marked": (final_equity(run), "USDT"),
        "trades": (Decimal(said["round_trips"]), ""),
        "orders": (Decimal(said["orders"]), ""),
        "rejected": (Decimal(said["rejected"]), ""),
        "hit rate": (_share(won, len(trips)), "%"),
        "exposure": (_share(held, len(samples)), "%"),
    }


def _share(part: int, whole: int) -> Decimal | None:
    """Per cent, to two digits."""
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01"))


def final_equity(run: Run) -> Decimal:
    """What the run ended with: net, and what is open at the last mid."""
    still = run.summary["open_position"]
    return Decimal(run.summary["net"]) + Decimal(still["unrealised"] if still else 0)


def buckets(a: Run, b: Run) -> list[Bucket]:
    """Every ten minutes from the first event of the runs to the last, the empty ones too."""
    first, last = a.said["source"]["first_ts"], a.said["source"]["last_ts"]
    if first is None:
        return []
    starts = list(range(first // BUCKET_NS * BUCKET_NS, last + 1, BUCKET_NS))
    sides = [_by_bucket(run, starts) for run in (a, b)]
    return [Bucket(start, *both) for start, *both in zip(starts, *sides, strict=True)]


def _by_bucket(run: Run, starts: list[int]) -> list[dict[str, Decimal]]:
    """The measures of one run in each bucket. Their sums are the run's own totals."""
    equity = run.samples.select(pl.col("ts_recv").cast(pl.Int64), "equity")
    times, worth = equity["ts_recv"].to_list(), equity["equity"].to_list()
    fees, trades = [Decimal(0)] * len(starts), [Decimal(0)] * len(starts)
    for ts, fee in zip(run.fills["ts"].cast(pl.Int64), run.fills["fee"], strict=True):
        fees[(ts - starts[0]) // BUCKET_NS] += fee
    for ts in run.trips["exit_ts"]:
        trades[(ts - starts[0]) // BUCKET_NS] += 1
    before, made = Decimal(0), []
    for k, start in enumerate(starts):
        at = bisect_right(times, start + BUCKET_NS)
        after = worth[at - 1] if at else Decimal(0)
        if k == len(starts) - 1:
            after = final_equity(run)
        net = after - before
        made.append({"net": net, "gross": net + fees[k], "fees": fees[k], "trades": trades[k]})
        before = after
    return made


def apart(found: list[Bucket]) -> list[Apart]:
    """The intervals of every measure; NaN with fewer buckets than a bootstrap needs."""
    return [_apart(measure, found) for measure in MEASURES]


def _apart(measure: str, found: list[Bucket]) -> Apart:
    def interval(values: list[Decimal], seed: int) -> Interval:
        return block_bootstrap(np.array([float(v) for v in values]), _sum, seed)

    paired = interval([bucket.difference(measure) for bucket in found], SEED)
    a = interval([bucket.a[measure] for bucket in found], SEED + 1)
    b = interval([bucket.b[measure] for bucket in found], SEED + 2)
    low = paired.mid - math.hypot(b.mid - b.low, a.high - a.mid)
    high = paired.mid + math.hypot(b.high - b.mid, a.mid - a.low)
    return Apart(measure, paired, (low, high))


def _sum(values: Any) -> float:
    return float(values.sum())


def _bounds(low: float, high: float) -> list[float] | None:
    return [low, high] if math.isfinite(low) and math.isfinite(high) else None
