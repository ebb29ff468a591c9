"""The run card: what was run on what, so that nobody has to remember."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from replay.report.money import SEED
from replay.runs import Run
from replay.sweep.ledger import LEDGER, data_key, tried

SILENT_S = 5  # so long without an event is worth a line
ODD = (
    *("missed_trades", "pu_breaks", "disconnects", "clock_steps", "clock_backwards"),
    *("duplicate_books", "duplicate_trades", "crossed_books", "one_sided_books", "damaged"),
    *("fallback", "undecoded", "not_json", "window_full", "queue_full", "walls_full"),
    *("entries_beyond_depth", "exits_beyond_depth", "limits_beyond_depth", "queues_unseen"),
    *("queues_retaken", "prints_unseen", "prints_late", "reports_full", "funding_unknown"),
)
SECOND_NS = 1_000_000_000


def card(run: Run) -> dict[str, Any]:
    """Data with hashes and gaps, parameters, versions, fees, latency, seed, digests."""
    said, counts = run.said, run.said["counts"]
    execution = said["params"]["execution"]
    maker_fee, taker_fee = run.fees
    return {
        "kind": said["kind"],
        "symbol": said["symbol"],
        "strategy": said["strategy"],
        "source": said["source"],
        "events": {name: counts[name] for name in ("events", "books", "trades", "prints")},
        "odd": {name: counts[name] for name in ODD if counts.get(name)},
        "gaps": gaps(run),
        "problems": run.summary["problems"],
        "params": said["params"],
        "maker_fee": maker_fee,
        "taker_fee": taker_fee,
        "latency": execution.get("latency", "unknown"),
        "funding": run.summary["funding"],
        "limits": said["instrument"]["limits"],
        "market_seed": _market_seed(run),
        "bootstrap_seed": SEED,
        "code": said["code"],
        "versions": said["versions"],
        "platform": said["platform"],
        "digest": said["digest"],
        "input_digest": said["input_digest"],
        "variants_tried": variants_tried(run),
    }


def variants_tried(run: Run) -> int | None:
    """How many variants were ever tried on this data; None where the ledger knows nothing of it."""
    return len(tried(LEDGER, [data_key(run.said["source"], run.said["symbol"])])) or None


def gaps(run: Run) -> list[dict[str, Any]]:
    """Stretches of samples with a stale book, or in which nothing came: from_ts, to_ts, what. To
    the second: a sample stands for the one that it begins."""
    samples = run.samples.select(pl.col("ts_recv").cast(pl.Int64), "seq", "book_stale")
    if not len(samples):
        return []
    ts, seq = samples["ts_recv"].to_numpy(), samples["seq"].to_numpy()
    stale = samples["book_stale"].fill_null(False).to_numpy()
    silent = np.concatenate(([False], np.diff(seq) == 0))
    found = [(a, b + SECOND_NS, "book stale") for a, b in _stretches(ts, stale)]
    found += [
        (a - SECOND_NS, b, "nothing came")
        for a, b in _stretches(ts, silent)
        if b - a >= (SILENT_S - 1) * SECOND_NS
    ]
    return [{"from_ts": a, "to_ts": b, "what": what} for a, b, what in sorted(found)]


def _stretches(ts: Any, on: Any) -> list[tuple[int, int]]:
    """(first, last) time of each unbroken stretch of samples that are `on`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(np.int8), [0]))))
    return [(int(ts[a]), int(ts[b - 1])) for a, b in edges.reshape(-1, 2).tolist()]


def _market_seed(run: Run) -> str | None:
    """The seed of a simulated market; None for one that was recorded."""
    name = str(run.said["source"]["name"])
    return name.removeprefix("sim:") if name.startswith("sim:") else None
