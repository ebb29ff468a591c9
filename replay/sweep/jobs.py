"""A job: one day and a block of variants that share their [features]. What a worker does.

A job and what comes of it are plain values: they go to another process or machine and come back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from micropulse.digest import TRADES, trades_digest
from micropulse.events import no_events
from micropulse.fingerprint import package_fingerprint
from micropulse.instrument import instrument
from micropulse.params import settings_of
from micropulse.strategy import load_strategy
from micropulse.variants import Variants
from replay.source import open_source
from replay.sweep.days import Day
from replay.sweep.grid import Grid, Variant

# A market costs what 15 to 30 variants cost, and a job is the least a core can do alone: 1,000
# variants of one day are four jobs.
BLOCK = 256

FIGURES = (
    *("orders", "rejected", "fills", "round_trips", "wins", "gross", "fees", "funding"),
    *("net", "unrealised", "drawdown", "held_ns", "open_qty"),
    *("refused_pending", "refused_position", "refused_stale", "refused_flat", "refused_sideless"),
    *("refused_full", "refused_cancel", "entries_beyond_depth", "exits_beyond_depth"),
    *("limits_beyond_depth", "queues_unseen", "cancels_too_late", "funding_unknown"),
)


class Job(NamedTuple):
    """One day and some variants of it."""

    key: str  # 16 hex digits over all that its result depends on
    day: Day
    strategy: str  # as load_strategy takes it
    variants: tuple[str, ...]  # their ids
    params: tuple[dict[str, Any], ...]  # and their resolved parameters
    code: str  # fingerprint of the program that asks


class Done(NamedTuple):
    """What came of a job: a value a variant."""

    key: str
    events: int
    first_ts: int | None
    last_ts: int | None
    market: dict[str, int]  # what was counted of the market, the same for every variant
    problems: list[str]  # of the source, for people
    figures: dict[str, list[int]]  # each of FIGURES
    digests: list[str]  # of orders, fills and round trips: a backtest's trades_digest
    failures: dict[int, str]  # variant's place -> what its strategy did wrong


class CodeError(Exception):
    """A worker that runs another version of the program."""


def jobs_of(days: Sequence[Day], grid: Grid, block: int = BLOCK) -> list[Job]:
    """All jobs, by day, then by the order of the variants."""
    code = package_fingerprint("micropulse", "")
    blocks: list[list[Variant]] = []
    for variant in grid.variants:
        last = blocks[-1][-1].settings.features if blocks else None
        if last != variant.settings.features or len(blocks[-1]) == block:
            blocks.append([])
        blocks[-1].append(variant)
    jobs = []
    for day in days:
        for part in blocks:
            ids = tuple(variant.id for variant in part)
            said = json.dumps([code, day.key, ids])
            key = hashlib.sha256(said.encode()).hexdigest()[:16]
            params = tuple(variant.settings.as_dict() for variant in part)
            jobs.append(Job(key, day, grid.strategy_name, ids, params, code))
    return jobs


def run_job(job: Job) -> Done:
    """Read the day once, for all variants. Raises CodeError, and what a source raises."""
    code = package_fingerprint("micropulse", "")
    if code != job.code:
        raise CodeError(
            f"A worker runs other code ({code}, not {job.code}): its results would not be "
            "comparable. Install the same version of MicroPulse everywhere."
        )
    source = open_source(job.day.source, job.day.symbol)
    variants, tallies = _begin(job)

    def take(variant: int, orders: Any, fills: Any, trips: Any) -> None:
        tallies[variant].add(orders, fills, trips)

    first = None
    for events in source:
        if first is None and events.n:
            first = min(int(table.ts_recv[0]) for table in events if len(table.seq))
        variants.feed(events, take)
    market = variants.market
    rows = [tally.figures(variants, v) for v, tally in enumerate(tallies)]
    return Done(
        job.key,
        int(market.counts.events),
        first,
        None if first is None else int(market.clock.now),
        {name: int(market.counts[name]) for name in market.counts.dtype.names},
        list(source.problems),
        {name: [row[name] for row in rows] for name in FIGURES},
        [tally.digest() for tally in tallies],
        variants.failures,
    )


def warm(job: Job) -> None:
    """Compile what the job needs, so that workers find it in the cache."""
    variants, _ = _begin(job)
    variants.warm(no_events())


def _begin(job: Job) -> tuple[Variants, list[Tally]]:
    strategy = load_strategy(job.strategy)
    day = job.day
    settings = [settings_of(strategy.Params, params) for params in job.params]
    symbol, _ = instrument(day.symbol, day.px_decimals, day.qty_decimals)
    made = Variants(strategy, symbol, settings, day.qty_decimals)
    return made, [Tally() for _ in settings]


class Tally:
    """What comes out of one variant, summed up as it comes."""

    def __init__(self) -> None:
        self._hashes = {name: hashlib.sha256() for name in TRADES}
        self.wins = 0
        self.held_ns = 0
        self.net = 0  # of closed trips
        self.peak = 0
        self.drawdown = 0  # the deepest fall of that sum below its peak

    def add(self, orders: Any, fills: Any, trips: Any) -> None:
        """Some rows more."""
        for name, rows in zip(TRADES, (orders, fills, trips), strict=True):
            self._hashes[name].update(rows)
        if len(trips):
            nets = trips["net"]
            self.wins += int((nets > 0).sum())
            self.held_ns += int((trips["exit_ts"] - trips["entry_ts"]).sum())
            path = self.net + np.cumsum(nets)
            peaks = np.maximum(np.maximum.accumulate(path), self.peak)
            self.drawdown = max(self.drawdown, int((peaks - path).max()))
            self.net, self.peak = int(path[-1]), int(peaks[-1])

    def digest(self) -> str:
        """What a single backtest calls `trades_digest`."""
        return trades_digest(self._hashes)

    def figures(self, variants: Variants, v: int) -> dict[str, int]:
        """Each of FIGURES; money in its smallest unit."""
        account, market = variants.traders[v].account, variants.market
        net = int(account.gross - account.fees + account.funding)
        half_unit = int(market.instrument.notional_unit) // 2
        worth = int(account.cash) + int(account.qty) * int(market.book.known_mid2) * half_unit
        return variants.counts(v) | {
            "orders": int(account.orders),
            "rejected": int(account.rejected),
            "fills": int(account.fills),
            "round_trips": int(account.trips),
            "wins": self.wins,
            "gross": int(account.gross),
            "fees": int(account.fees),
            "funding": int(account.funding),
            "net": net,
            "unrealised": worth - net,
            "drawdown": self.drawdown,
            "held_ns": self.held_ns,
            "open_qty": int(account.qty),
        }
