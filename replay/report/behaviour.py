"""How the rule behaved: why it came and went, what was let be, how long, in what market."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from replay.report.evidence import Evidence
from replay.report.money import number
from replay.report.trades import Book, Trade
from replay.runs import Run

HOUR_NS = 3_600_000_000_000
SPREADS = (1, 2, 5, 10)  # ticks: the lower ends of the classes
VOLATILITY_S = 60  # of how many seconds of one-second moves
QUARTERS = ("calmest quarter", "calm quarter", "lively quarter", "liveliest quarter")
FEWEST_FOR_QUARTERS = 8


def reasons(trades: list[Trade]) -> list[dict[str, Any]]:
    """Entry reason × exit reason: how often, and what came of it; the worst first."""
    groups = _grouped(trades, lambda trade: (trade.entry_reason, trade.exit_reason))
    rows = [
        {"entry": entry, "exit": leave} | _outcome(part) for (entry, leave), part in groups.items()
    ]
    return sorted(rows, key=lambda row: (Decimal(row["net"]), row["entry"], row["exit"]))


def let_be(run: Run, book: Book) -> list[dict[str, Any]]:
    """What did not become a trade: by whom it was stopped, why, how often."""
    rows = []
    refused = run.signals.filter(pl.col("kind") == "entry_refused")
    for reason, n in _counted(refused["reason"].to_list()):
        rows.append({"by": "the rule", "what": "entry considered", "why": reason, "n": n})
    counts = run.said["counts"]
    for name in sorted(counts):
        if name.startswith("refused_") and counts[name]:
            why = REFUSALS.get(name, name.removeprefix("refused_"))
            rows.append({"by": "the account", "what": "order asked", "why": why, "n": counts[name]})
    odd = [
        ("exit" if one.closes else "entry", one.status, one.note or "")
        for one in book.orders.values()
        if one.status in ("rejected", "expired", "partial", "cancelled")
    ]
    for (what, status, note), n in sorted(Counter(odd).items()):
        rows.append({"by": "the exchange", "what": f"{what} {status}", "why": note or "—", "n": n})
    return rows


REFUSALS = {
    "refused_pending": "another order was under way",
    "refused_position": "a position was open",
    "refused_stale": "the book was stale",
    "refused_flat": "there was nothing to leave",
    "refused_sideless": "it named no side",
    "refused_full": "no place was free for an order",
    "refused_cancel": "what it would cancel was no open order",
}


def delays(book: Book) -> dict[str, Any]:
    """From the decision to the last fill, in ms of receipt: entries and exits apart."""
    found = {}
    for name, closes in (("entry", False), ("exit", True)):
        waited = [
            (one.status_ts - one.ts) / 1e6
            for one in book.orders.values()
            if one.closes == closes and one.filled > 0
        ]
        found[name] = _spread_of(waited) | {
            "after_gap": sum(
                one.after_gap for one in book.orders.values() if one.closes == closes and one.filled
            )
        }
    return found


def excursions(trades: list[Trade]) -> dict[str, Any]:
    """How far it went against and for us, in ticks, and how long it was held, in s."""
    return {
        "mae_ticks": _spread_of([trade.mae_ticks for trade in trades]),
        "mfe_ticks": _spread_of([trade.mfe_ticks for trade in trades]),
        "hold_s": _spread_of([trade.hold_s for trade in trades]),
    }


def by_hour(trades: list[Trade]) -> list[dict[str, Any]]:
    """By the UTC hour of the decision to enter; hours without a trade are left out."""
    groups = _grouped(trades, lambda trade: trade.asked_ts // HOUR_NS % 24)
    return [{"hour": hour} | _outcome(groups[hour]) for hour in sorted(groups)]


def by_spread(run: Run, book: Book, evidence: Evidence | None) -> list[dict[str, Any]]:
    """By the spread at the decision to enter, in ticks."""
    spreads = _spread_at(run, book, evidence)

    def bucket(trade: Trade) -> int:
        ticks = spreads.get(trade.entry_order)
        return -1 if ticks is None else max((low for low in SPREADS if low <= ticks), default=0)

    groups = _grouped(book.trades, bucket)
    return [{"spread": _class_of(low)} | _outcome(groups[low]) for low in sorted(groups)]


def by_volatility(run: Run, trades: list[Trade]) -> list[dict[str, Any]]:
    """By the deviation of one-second moves of the mid in the minute before the decision, in bps:
    quarters of the trades, calm first; one class under 8 trades."""
    known = [(_volatility(run, trade.asked_ts), trade) for trade in trades]
    known = sorted(
        (one for one in known if one[0] is not None), key=lambda one: (one[0], one[1].id)
    )
    if not known:
        return []
    parts = np.array_split(np.arange(len(known)), 4 if len(known) >= FEWEST_FOR_QUARTERS else 1)
    rows = []
    for name, part in zip(QUARTERS if len(parts) > 1 else ("all",), parts, strict=True):
        values = [known[k][0] for k in part.tolist()]
        span = {
            "from_bps": number(float(values[0] or 0), 4),
            "to_bps": number(float(values[-1] or 0), 4),
        }
        rows.append({"volatility": name} | span | _outcome([known[k][1] for k in part.tolist()]))
    return rows


def _spread_at(run: Run, book: Book, evidence: Evidence | None) -> dict[int, int]:
    """Order id -> spread in ticks at its decision; of the second before without the source."""
    tick = float(book.tick)
    seen = evidence.seen if evidence is not None else {}
    samples = run.samples
    at, spreads = samples["ts_recv"].cast(pl.Int64).to_numpy(), samples["spread"].to_list()
    found = {}
    for order in book.orders.values():
        row = int(np.searchsorted(at, order.ts, side="right")) - 1
        spread: float | None = spreads[row] if row >= 0 else None
        if order.seq in seen:
            spread = float(seen[order.seq]["spread"])
        if spread is not None and not math.isnan(spread):
            found[order.id] = round(spread / tick)
    return found


def _class_of(low: int) -> str:
    if low < 1:
        return "unknown" if low < 0 else "under 1 tick"
    above = [one for one in SPREADS if one > low]
    if not above:
        return f"{low} ticks and more"
    most = above[0] - 1
    return f"{low} tick{'s' if low > 1 else ''}" if most == low else f"{low} to {most} ticks"


def _volatility(run: Run, ts: int) -> float | None:
    """The deviation of the one-second moves in the minute before `ts`, in bps of the mid."""
    at, mids = _mids(run)
    stop = int(np.searchsorted(at, ts, side="right"))
    part = mids[max(0, stop - VOLATILITY_S - 1) : stop]
    part = part[~np.isnan(part)]
    if len(part) < 3:
        return None
    return float(np.std(np.diff(part)) / part[-1] * 10_000)


def _mids(run: Run) -> tuple[Any, Any]:
    samples = run.samples
    return samples["ts_recv"].cast(pl.Int64).to_numpy(), samples["mid"].to_numpy()


def _grouped(trades: list[Trade], key: Callable[[Trade], Any]) -> dict[Any, list[Trade]]:
    groups: dict[Any, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(key(trade), []).append(trade)
    return groups


def _outcome(trades: list[Trade]) -> dict[str, Any]:
    """What came of some trades."""
    net = sum((trade.net for trade in trades), Decimal(0))
    n = len(trades)
    return {
        "trades": n,
        "hit_rate": number(sum(trade.net > 0 for trade in trades) / n, 4),
        "net": f"{net:f}",
        "ticks_per_trade": number(sum(trade.ticks for trade in trades) / n, 4),
        "median_hold_s": number(median(trade.hold_s for trade in trades), 4),
    }


def _spread_of(values: list[float]) -> dict[str, Any]:
    """n, median, 10 % and 90 %, largest; null where there is nothing."""
    if not values:
        return {"n": 0, "p10": None, "median": None, "p90": None, "max": None}
    p10, middle, p90 = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
    return {
        "n": len(values),
        "p10": number(p10, 6),
        "median": number(middle, 6),
        "p90": number(p90, 6),
        "max": number(max(values), 6),
    }


def _counted(names: Iterable[str | None]) -> list[tuple[str, int]]:
    """(name, how often), the most frequent first."""
    found = Counter(name or "—" for name in names)
    return sorted(found.items(), key=lambda one: (-one[1], one[0]))
