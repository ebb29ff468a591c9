"""From all parts of a sweep its results: tables, verdict, page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from micropulse.fingerprint import package_fingerprint, source_hash
from micropulse.instrument import to_text
from micropulse.sinks.tables import Digits, decimals
from micropulse.strategy import strategy_name
from recorder.folder import date_of
from replay.sweep.days import Day
from replay.sweep.folder import MARK, SweepFolder
from replay.sweep.grid import Grid, Variant
from replay.sweep.jobs import FIGURES, Done, Job
from replay.sweep.page import page
from replay.sweep.verdict import sentences, verdict

MONEY = ("gross", "fees", "funding", "net", "unrealised", "drawdown")
SUMMED = tuple(name for name in FIGURES if name not in ("drawdown", "open_qty"))


class DayResult(NamedTuple):
    """What all jobs of one day say, variants in the grid's order."""

    day: Day
    events: int
    first_ts: int | None
    last_ts: int | None
    market: dict[str, int]
    problems: list[str]
    figures: dict[str, list[int]]
    digests: list[str]
    failures: dict[int, str]

    @property
    def has_market(self) -> bool:
        """Whether there was a book or a trade; else it is no day."""
        return self.market["books"] + self.market["trades"] > 0


def write_results(
    place: SweepFolder,
    days: Sequence[Day],
    grid: Grid,
    parts: Sequence[tuple[Job, Done]],
    tried: int,
) -> dict[str, Any]:
    """Write days.parquet, variants.parquet, sweep.json and sweep.html; return what sweep.json
    holds. `parts` are all jobs, by day, then in the order of the variants."""
    results = sorted(
        (_day_result(day, [done for job, done in parts if job.day == day]) for day in days),
        key=lambda result: (result.first_ts is None, result.first_ts),
    )
    digits = Digits(days[0].px_decimals, days[0].qty_decimals)
    failed = [
        next((result.failures[v] for result in results if v in result.failures), None)
        for v in range(len(grid.variants))
    ]
    traded = [result for result in results if result.has_market]
    # What is still open at midnight is marked, or it would be no day's.
    daily = _matrix(traded, "net") + _matrix(traded, "unrealised")
    variants = _variants(grid.variants, results, failed)
    # Not to trade is no variant worth choosing, though it is often the one that loses least.
    ranked = [v for v, row in enumerate(variants) if row["failed"] is None and row["fills"]]
    found = verdict(daily[:, ranked] / 10**digits.money, tried)
    for row_of, v in enumerate(ranked):
        variants[v] |= found["each"][row_of]
    best = None if found["best"] is None else variants[ranked[found["best"]]]
    idle = sum(row["failed"] is None for row in variants) - len(ranked)
    said = _said(days, grid, results, digits, found, best) | {"never_traded": idle}
    place.write_table("days.parquet", _days_table(grid, results, digits))
    place.write_table("variants.parquet", _variants_table(grid, variants, digits))
    place.write("sweep.json", json.dumps({MARK: 1} | said, indent=2) + "\n")
    place.write("sweep.html", page(said, grid, variants, daily, digits))
    return said


def _day_result(day: Day, parts: list[Done]) -> DayResult:
    """The blocks of a day side by side; what they say of the market is the same in each."""
    failures: dict[int, str] = {}
    at = 0
    for part in parts:
        failures |= {at + v: why for v, why in part.failures.items()}
        at += len(part.digests)
    first = parts[0]
    return DayResult(
        day,
        first.events,
        first.first_ts,
        first.last_ts,
        first.market,
        first.problems,
        {name: [value for part in parts for value in part.figures[name]] for name in FIGURES},
        [digest for part in parts for digest in part.digests],
        failures,
    )


def _matrix(results: list[DayResult], figure: str) -> Any:
    """days × variants."""
    rows = [result.figures[figure] for result in results]
    return np.array(rows, np.float64) if rows else np.zeros((0, 0))


def _variants(
    variants: Sequence[Variant], results: list[DayResult], failed: list[str | None]
) -> list[dict[str, Any]]:
    """Totals of each variant over all days; null where it failed on any."""
    rows = []
    for v, variant in enumerate(variants):
        row: dict[str, Any] = {"variant": variant.id, "values": variant.values}
        for name in SUMMED:
            row[name] = sum(result.figures[name][v] for result in results)
        row["drawdown"] = max(result.figures["drawdown"][v] for result in results)
        row["total"] = row["net"] + row["unrealised"]
        if failed[v] is not None:
            row |= dict.fromkeys((*SUMMED, "drawdown", "total"))
        rows.append(row | {"sharpe": None, "deflated_sharpe": None, "failed": failed[v]})
    return rows


def _said(
    days: Sequence[Day],
    grid: Grid,
    results: list[DayResult],
    digits: Digits,
    found: dict[str, Any],
    best: dict[str, Any] | None,
) -> dict[str, Any]:
    """sweep.json. No clock, host or path of the program is in it."""
    hashed = hashlib.sha256()
    for result in results:
        hashed.update(json.dumps([result.day.key, result.digests]).encode())
    failures = [
        {"variant": grid.variants[v].id, "day": result.day.name, "failed": why}
        for result in results
        for v, why in sorted(result.failures.items())
    ]
    return {
        "digest": hashed.hexdigest(),
        "symbol": days[0].symbol,
        "strategy": strategy_name(grid.strategy),
        "strategy_sha256": source_hash(grid.strategy),
        "code": package_fingerprint("micropulse", ""),
        "variants": len(grid.variants),
        "axes": {axis.path: len(set(column)) for axis, column in _columns(grid)},
        "days": [_day(result) for result in results],
        "backtests": len(grid.variants) * len(results),
        "best": _best(best, grid, digits),
        "failures": failures,
        "verdict": {name: found[name] for name in found if name not in ("each", "best")},
        "words": sentences(found),
    }


def _day(result: DayResult) -> dict[str, Any]:
    return {
        "name": result.day.name,
        "date": None if result.first_ts is None else date_of(result.first_ts),
        "data": result.day.key,
        "events": result.events,
        "counted": result.has_market,
        "first_ts": result.first_ts,
        "last_ts": result.last_ts,
        "counts": result.market,
        "problems": result.problems,
    }


def _best(row: dict[str, Any] | None, grid: Grid, digits: Digits) -> dict[str, Any] | None:
    """The variant with the largest net, what is open marked."""
    if row is None:
        return None
    return {
        "variant": row["variant"],
        "params": {axis.path: value for axis, value in zip(grid.axes, row["values"], strict=True)},
        "round_trips": row["round_trips"],
        **{
            name: to_text(row[name], digits.money)
            for name in ("gross", "fees", "funding", "net", "total")
        },
        "sharpe": row["sharpe"],
        "deflated_sharpe": row["deflated_sharpe"],
    }


def _columns(grid: Grid) -> list[tuple[Any, list[Any]]]:
    """Each axis, and its value in each variant."""
    return [
        (axis, [variant.values[place] for variant in grid.variants])
        for place, axis in enumerate(grid.axes)
    ]


def _days_table(grid: Grid, results: list[DayResult], digits: Digits) -> pa.Table:
    """A row a day and variant, by day, then in the grid's order."""
    n = len(grid.variants)
    columns: dict[str, Any] = {
        "day": pa.array([result.day.name for result in results for _ in range(n)], pa.string()),
        "data": pa.array([result.day.key for result in results for _ in range(n)], pa.string()),
        "variant": pa.array([v.id for _ in results for v in grid.variants], pa.string()),
    }
    for axis, values in _columns(grid):
        columns[axis.path] = pa.array(values * len(results))
    for name in FIGURES:
        values = [value for result in results for value in result.figures[name]]
        columns[name] = _figure(name, values, digits)
    digests = [digest for result in results for digest in result.digests]
    columns["trades_digest"] = pa.array(digests, pa.string())
    failed = [result.failures.get(v) for result in results for v in range(n)]
    columns["failed"] = pa.array(failed, pa.string())
    return pa.table(columns)


def _variants_table(grid: Grid, variants: list[dict[str, Any]], digits: Digits) -> pa.Table:
    """A row a variant, in the grid's order."""
    columns: dict[str, Any] = {"variant": pa.array([row["variant"] for row in variants])}
    for axis, values in _columns(grid):
        columns[axis.path] = pa.array(values)
    for name in (*SUMMED, "drawdown", "total"):
        columns[name] = _figure(name, [row[name] for row in variants], digits)
    for name in ("sharpe", "deflated_sharpe"):
        columns[name] = pa.array([row[name] for row in variants], pa.float64())
    columns["failed"] = pa.array([row["failed"] for row in variants], pa.string())
    params = [json.dumps(variant.settings.as_dict()) for variant in grid.variants]
    columns["params"] = pa.array(params, pa.string())
    return pa.table(columns)


def _figure(name: str, values: list[Any], digits: Digits) -> pa.Array:
    """Money and quantities as decimals; null where a variant failed."""
    if name not in (*MONEY, "total", "open_qty"):
        return pa.array(values, pa.int64())
    scale = digits.qty if name == "open_qty" else digits.money
    exact = decimals(np.array([value or 0 for value in values], np.int64), scale)
    known = pa.array([value is not None for value in values])
    return pc.if_else(known, exact, pa.scalar(None, exact.type))
