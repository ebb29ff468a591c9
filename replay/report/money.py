"""What the run earned, with intervals, and what the costs do to it.

Money is summed exactly (Decimal) and given as decimal text; intervals are floats by nature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from replay.report.evidence import ADDED_MS, Evidence
from replay.report.trades import Trade
from replay.runs import Run
from replay.statistics.bootstrap import (
    FEWEST,
    LEVEL,
    RESAMPLES,
    Floats,
    Interval,
    block_bootstrap,
    block_bootstrap_mean,
    block_bootstrap_ratio,
)

SEED = 1
MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
FEWEST_DAYS = 20  # the day is the sampling unit: fewer give no Sharpe ratio
DAYS_A_YEAR = 365  # this market has no weekends
ZERO = Decimal(0)


def headline(run: Run, trades: list[Trade]) -> dict[str, Any]:
    """name -> {value, low, high}; null where a figure is undefined or has too few values.

    Intervals are of block bootstraps over trades in their order; of `trades` and `exposure` over
    minutes. They know only the days of this run.
    """
    net = np.array([float(trade.net) for trade in trades])
    found = {
        "net": _money(_sum(trades, "net"), _of_sum(net)),
        "gross": _money(_sum(trades, "gross"), _of_sum(_floats(trades, "gross"))),
        "fees": _money(_sum(trades, "fees"), _of_sum(_floats(trades, "fees"))),
        "slippage": _money(_sum(trades, "slippage"), _of_sum(_floats(trades, "slippage"))),
        "trades": _count(run, trades),
        "hit_rate": _plain(block_bootstrap_mean((net > 0).astype(np.float64), SEED)),
        "profit_factor": _plain(block_bootstrap(net, profit_factor, SEED)),
        "expectancy": _plain(block_bootstrap_mean(net, SEED)),
        "expectancy_ticks": _plain(block_bootstrap_mean(_floats(trades, "ticks"), SEED)),
        "expectancy_bps": _plain(block_bootstrap_mean(_floats(trades, "bps"), SEED)),
        "max_drawdown": _plain(block_bootstrap(net, drawdown, SEED)),
        "exposure": _exposure(run, trades),
        "fees_of_gross": _share(trades, "fees"),
        "slippage_of_gross": _share(trades, "slippage"),
    }
    return found | {"sharpe": _sharpe(run, trades)}


def how_sure() -> dict[str, Any]:
    """How the intervals were made."""
    return {
        "method": "circular block bootstrap, block by Politis and White (2004)",
        "level": LEVEL,
        "resamples": RESAMPLES,
        "seed": SEED,
        "fewest": FEWEST,
        "covers": "these days only",
    }


def days(run: Run) -> int:
    """How many UTC days the run touches."""
    source = run.said["source"]
    if source["first_ts"] is None:
        return 0
    return int(source["last_ts"] // DAY_NS - source["first_ts"] // DAY_NS + 1)


def costs(run: Run, trades: list[Trade], evidence: Evidence | None) -> dict[str, Any]:
    """What other fees, slippage and latency would have left.

    The break-even fee is the share of the turnover at which net is zero: gross / turnover; null
    when there is nothing to pay it from. `latency` is null where the source is not there.
    """
    gross, fees, slippage, turnover = (
        _sum(trades, name) for name in ("gross", "fees", "slippage", "turnover")
    )
    break_even = gross / turnover if turnover and gross > 0 else None
    slower = None
    if evidence is not None and evidence.slower:
        slower = [one._asdict() for one in evidence.slower]
    summary = run.summary
    base = {name: summary[name] for name in ("gross", "fees", "net")}
    return {
        "taker_fee": run.fees[1],
        "fee_paid": f"{fees / turnover:.8f}" if turnover else None,
        "break_even_fee": f"{break_even:.8f}" if break_even is not None else None,
        "turnover": f"{turnover:f}",
        "slippage": [
            {"times": times, "net": f"{gross - fees + (1 - times) * slippage:f}"}
            for times in (0, 1, 2)
        ],
        "as_run": {"added_ms": 0, "trades": summary["round_trips"]} | base,
        "latency": slower,
        "latency_added_ms": list(ADDED_MS),
    }


def profit_factor(net: Floats) -> float:
    """What the winners made / what the losers lost; infinite without a loss, NaN without both."""
    won, lost = float(net[net > 0].sum()), -float(net[net < 0].sum())
    if lost:
        return won / lost
    return math.inf if won else math.nan


def drawdown(net: Floats) -> float:
    """The deepest fall of the sum so far from its highest point, the start included."""
    if not len(net):
        return 0.0
    so_far = np.concatenate(([0.0], np.cumsum(net)))
    return float((np.maximum.accumulate(so_far) - so_far).max())


def number(value: float, digits: int = 8) -> float | None:
    """Rounded to significant digits; None for what is undefined or infinite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _plain(interval: Interval) -> dict[str, float | None]:
    return {
        "value": number(interval.mid),
        "low": number(interval.low),
        "high": number(interval.high),
    }


def _money(exact: Decimal, interval: Interval) -> dict[str, Any]:
    """The exact sum, and bounds around it."""
    return _plain(interval) | {"value": f"{exact:f}"}


def _sum(trades: Sequence[Trade], name: str) -> Decimal:
    return sum((getattr(trade, name) for trade in trades), ZERO)


def _floats(trades: Sequence[Trade], name: str) -> Floats:
    return np.array([float(getattr(trade, name)) for trade in trades])


def _of_sum(values: Floats) -> Interval:
    """The interval of a sum: that of the mean, times how many."""
    mean = block_bootstrap_mean(values, SEED)
    n = len(values)
    return Interval(mean.low * n, mean.mid * n, mean.high * n, mean.block)


def _share(trades: Sequence[Trade], name: str) -> dict[str, Any]:
    """A cost as a share of what the mids at the decisions would have paid (gross + slippage).

    Undefined where that is not above zero.
    """
    paid = _floats(trades, "gross") + _floats(trades, "slippage")
    return _plain(block_bootstrap_ratio(_floats(trades, name), paid, SEED))


def _minutes(run: Run) -> Any:
    """The borders of the run's minutes, from its first event; the last one may be short."""
    source = run.said["source"]
    if source["first_ts"] is None:
        return np.zeros(1)
    first, last = source["first_ts"], source["last_ts"]
    return np.append(np.arange(first, last, MINUTE_NS), max(last, first + 1))


def _count(run: Run, trades: Sequence[Trade]) -> dict[str, Any]:
    """How many round trips; the interval by minutes."""
    borders = _minutes(run)
    exits = np.array([trade.exit_ts for trade in trades], np.int64)
    a_minute = np.histogram(np.minimum(exits, borders[-1]), borders)[0].astype(np.float64)
    return _plain(_of_sum(a_minute)) | {"value": len(trades)}


def _exposure(run: Run, trades: Sequence[Trade]) -> dict[str, Any]:
    """The share of time in a position; the interval by minutes."""
    borders = _minutes(run)
    if len(borders) < 2:
        return {"value": None, "low": None, "high": None}
    spans = [(trade.entry_ts, trade.exit_ts) for trade in trades]
    still = run.summary["open_position"]
    if still and still.get("entry_ts"):
        spans.append((still["entry_ts"], int(borders[-1])))
    held = np.zeros(len(borders))
    for start, stop in spans:  # how long it was held before each border
        held += np.clip(borders - start, 0, stop - start)
    shares = np.diff(held) / np.diff(borders)
    whole = float(held[-1] - held[0]) / float(borders[-1] - borders[0])
    return _plain(block_bootstrap_mean(shares, SEED)) | {"value": number(whole)}


def _sharpe(run: Run, trades: Sequence[Trade]) -> dict[str, Any] | None:
    """Mean / deviation of daily net, a year; null under 20 days."""
    n = days(run)
    if n < FEWEST_DAYS:
        return None
    first = run.said["source"]["first_ts"] // DAY_NS
    daily = np.zeros(n)
    for trade in trades:
        daily[trade.exit_ts // DAY_NS - first] += float(trade.net)

    def sharpe(part: Floats) -> float:
        spread = float(part.std(ddof=1))
        return float(part.mean()) / spread * math.sqrt(DAYS_A_YEAR) if spread else math.nan

    statistic: Callable[[Floats], float] = sharpe
    return _plain(block_bootstrap(daily, statistic, SEED))
