"""Markouts: where the mid went after a signal, in the direction the signal speaks of.

In basis points of the mid at the signal. A signal of a rule that names no direction (an entry
considered and let be) counts as up. A markout is not counted when the newest mid at its end is
more than two seconds old: there was a gap, or the recording had ended.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from micropulse.events import Int64s
from micropulse.schema import SECOND
from replay.report.evidence import Mids
from replay.report.money import SEED, number
from replay.report.trades import Book
from replay.runs import Run
from replay.statistics.bootstrap import block_bootstrap_mean

HORIZONS_S = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
STALE_NS = 2 * SECOND
SAMPLE_S = 1.0  # what samples cannot tell apart
RESAMPLES = 1_000

# A wall holds the price on its side; when it goes the way is free.
OF_WALL = {"wall_born": 1, "wall_slid": 1, "wall_cancelled": -1, "wall_eaten": -1}
OF_SIDE = {"bid": 1, "ask": -1, "buy": 1, "sell": -1}
OF_SPIKE = {"spike_up": 1, "spike_down": -1}

Floats = npt.NDArray[np.float64]


def markouts(run: Run, book: Book, mids: Mids | None) -> dict[str, Any]:
    """`rows`: a kind of signal each, with its `at`: {s, n, mean, low, high} a horizon.

    `mids` are those of the source's books; without, the samples' (a second apart) are taken.
    """
    known = mids if mids is not None else of_samples(run)
    finest_s = 0.0 if mids is not None else SAMPLE_S
    rows = []
    for kind, reason, ts, way in _groups(run, book):
        base = _mid_at(known, ts)
        rows.append(
            {"kind": kind, "reason": reason, "n": len(ts)} | _row(known, ts, way, base, finest_s)
        )
    rows += _of_fills(run, known, finest_s)
    return {
        "from": "books" if mids is not None else "samples",
        "horizons_s": list(HORIZONS_S),
        "rows": rows,
    }


def of_samples(run: Run) -> Mids:
    """The mids of the run folder's samples, a second apart."""
    digits = run.px_decimals
    rows = run.samples.filter(pl.col("mid").is_not_null() & ~pl.col("book_stale"))
    mid2 = (rows["mid"].to_numpy() * 2 * 10**digits).round().astype(np.int64)
    return Mids(rows["ts_recv"].cast(pl.Int64).to_numpy(), mid2)


def _groups(run: Run, book: Book) -> list[tuple[str, str | None, Int64s, Floats]]:
    """(kind, reason, times, directions) of every kind of signal, entries by their reasons."""
    signals = run.signals.select("kind", "reason", "side", pl.col("ts").cast(pl.Int64))
    groups: list[tuple[str, str | None, Int64s, Floats]] = []
    for (kind,), part in sorted(signals.group_by("kind", maintain_order=True)):
        name = str(kind)
        groups.append((name, None, *_times(name, part)))
        if name == "entry_refused" and part["reason"].n_unique() > 1:
            for (reason,), few in sorted(part.group_by("reason", maintain_order=True)):
                groups.append((name, str(reason), *_times(name, few)))
    taken = [one for one in book.orders.values() if not one.closes and one.filled > 0]
    if taken:
        ts = np.array([order.ts for order in taken], np.int64)
        way = np.array([order.side for order in taken], np.float64)
        groups.append(("entry_taken", None, ts, way))
    return groups


def _times(kind: str, part: pl.DataFrame) -> tuple[Int64s, Floats]:
    sides = np.array([OF_SIDE.get(side, 1) for side in part["side"].to_list()], np.float64)
    if kind in OF_SPIKE:
        sides = np.full(len(part), float(OF_SPIKE[kind]))
    if kind == "exit_asked":  # an exit's order goes the other way: what would holding have paid?
        sides = -sides
    return part["ts"].to_numpy(), sides * OF_WALL.get(kind, 1)


def _of_fills(run: Run, known: Mids, finest_s: float) -> list[dict[str, Any]]:
    """From the price that was paid, not the mid: what was left after the spread and the delay."""
    orders = run.orders.filter(pl.col("status") == "submitted").select("order_id", "closes")
    fills = run.fills.join(orders, on="order_id", maintain_order="left").filter(~pl.col("closes"))
    if not len(fills):
        return []
    ts = fills["ts"].cast(pl.Int64).to_numpy()
    way = np.array([OF_SIDE[side] for side in fills["side"].to_list()], np.float64)
    paid = fills["px"].cast(pl.Float64).to_numpy() * 2 * 10**run.px_decimals
    return [
        {"kind": "entry_filled", "reason": None, "n": len(ts)}
        | _row(known, ts, way, paid, finest_s)
    ]


def _row(known: Mids, ts: Int64s, way: Floats, base: Floats, finest_s: float) -> dict[str, Any]:
    """The markouts of one kind at every horizon, against `base` (twice the price, in units)."""
    at: list[dict[str, Any]] = []
    for seconds in HORIZONS_S:
        if seconds < finest_s:
            at.append({"s": seconds, "n": 0, "mean": None, "low": None, "high": None})
            continue
        then = _mid_at(known, ts + round(seconds * SECOND))
        moved = way * (then - base) / base * 10_000
        moved = moved[~np.isnan(moved)]
        found = block_bootstrap_mean(moved, SEED, RESAMPLES)
        bounds = {"mean": found.mid, "low": found.low, "high": found.high}
        numbers = {name: number(value, 6) for name, value in bounds.items()}
        at.append({"s": seconds, "n": len(moved)} | numbers)
    return {"at": at}


def _mid_at(known: Mids, ts: Int64s) -> Floats:
    """Twice the mid at these times; NaN before the first, and where the newest is too old."""
    if not len(known.ts):
        return np.full(len(ts), np.nan)
    at = np.searchsorted(known.ts, ts, side="right") - 1
    old = ts - known.ts[np.maximum(at, 0)]
    return np.where((at >= 0) & (old <= STALE_NS), known.mid2[np.maximum(at, 0)], np.nan)
