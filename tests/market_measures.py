"""What a market looks like at the grain of depth5 and trades: plain numpy over parsed frames.

Shares nothing with the simulator, and is checked against a real window whose figures were
measured by somebody else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Three real windows of BTCUSDT: 2023-04-04 (calm), 2024-08-08 (violent), 2026-02-16. Shares near
# 1 stand here as their complement, so that half and one and a half of them mean something.
REAL = {
    "trades/s": (25, 62, 40),
    "trades/s p50": (11, 26, 14),
    "trades/s p99": (204, 702, 265),
    "trades in 100 ms p99": (49, 83, 67),
    "fills in another ms than the one before": (0.31, 0.25, 0.19),
    "parents/s": (7.7, 15.8, 7.8),
    "fills a parent p95": (13, 12, 20),
    "fills a parent p99": (37, 43, 50),
    "fills a parent max": (111, 348, 165),
    "parents that walk": (0.07, 0.12, 0.20),
    "Fano of parents 0.1 s": (2.2, 7.2, 4.0),
    "Fano of parents 1 s": (5.6, 25.6, 7.1),
    "Fano of parents 10 s": (11.7, 48.6, 17.4),
    "fill BTC p50": (0.012, 0.016, 0.003),
    "fill BTC p95": (0.49, 0.49, 0.16),
    "fill BTC mean": (0.092, 0.114, 0.034),
    "parent ln BTC mean": (-3.65, -3.34, -3.74),
    "parent ln BTC deviation": (2.25, 2.07, 1.88),
    "parent tail exponent": (1.39, 1.05, 1.37),
    "sign autocorrelation lag 1": (0.21, 0.20, 0.26),
    "sign autocorrelation lag 5": (0.12, 0.16, 0.14),
    "sign autocorrelation lag 10": (0.09, 0.12, 0.09),
    "spread wider than a tick": (0.002, 0.007, 0.002),
    "best BTC p5": (0.2, 0.12, 0.12),
    "best BTC p50": (4.1, 2.9, 2.3),
    "best BTC p95": (16, 9.2, 11),
    "levels 2-5 BTC p50": (0.035, 0.05, 0.006),
    "levels 2-5 BTC p95": (3.9, 2.5, 0.65),
    "level 1 to 5 ticks p50": (6, 20, 6),
    "level 1 to 5 ticks p95": (11, 40, 13),
    "largest level / mean p50": (4.1, 4.2, 4.8),
    "largest level is not the best": (0.13, 0.18, 0.04),
    "OBI p5": (-0.94, -0.91, -0.96),
    "OBI p95": (0.91, 0.88, 0.94),
    "OBI beyond 0.6": (0.44, 0.36, 0.55),
    "OBI autocorrelation 0.1 s": (0.97, 0.85, 0.95),
    "OBI autocorrelation 0.5 s": (0.87, 0.52, 0.80),
    "OBI autocorrelation 1 s": (0.74, 0.34, 0.65),
    "OBI and the move of 1 s": (0.27, 0.22, 0.45),
    "OBI and the move of 5 s": (0.23, 0.15, 0.51),
    "OBI and the move of 10 s": (0.13, 0.07, 0.36),
    "mid moves in 100 ms": (0.04, 0.11, 0.08),
    "move ticks p50": (7, 28, 22),
    "move ticks p90": (24, 83, 66),
    "return bps 1 s": (0.38, 1.3, 0.52),
    "return bps 10 s": (1.1, 3.6, 2.3),
    "return bps 30 s": (1.6, 5.6, 3.4),
    "ms from a trade to its book p50": (51, 62, 101),
    "ms from a trade to its book p95": (109, 114, 194),
    "fills at the best seen": (0.67, 0.43, 0.40),
    "fills beyond it": (0.32, 0.51, 0.56),
}


class Window(NamedTuple):
    """Times in ns, prices in ticks of 0.10, quantities in BTC; arrays of one row an event."""

    book_recv: Array
    book_txn: Array
    px: Array  # (books, 2 sides, 5 levels): bids, asks
    qty: Array
    trade_recv: Array
    trade_txn: Array
    trade_px: Array
    trade_qty: Array
    side: Array


def window(lines: Iterable[tuple[int, bytes]]) -> Window:
    """Receive times and frames to arrays; only prints (no X, or X MARKET) are trades."""
    books: list[Any] = []
    trades: list[Any] = []
    for recv, text in lines:
        data = json.loads(text)["data"]
        if data["e"] == "depthUpdate":
            books.append((recv, data["T"] * 10**6, np.array([data["b"], data["a"]], float)))
        elif data.get("X", "MARKET") == "MARKET":
            number = float(data["p"]) * 10, float(data["q"]), -1 if data["m"] else 1
            trades.append((recv, data["T"] * 10**6, *number))
    levels = np.stack([book[2] for book in books])
    recv, txn, px, qty, side = (np.array(column) for column in zip(*trades, strict=True))
    return Window(
        np.array([book[0] for book in books]),
        np.array([book[1] for book in books]),
        np.rint(levels[..., 0] * 10).astype(int),
        levels[..., 1],
        recv, txn, np.rint(px).astype(int), qty, side,
    )  # fmt: skip


def measure(w: Window) -> dict[str, float]:
    """Every figure of REAL."""
    return of_trades(w) | of_books(w) | of_both(w)


def of_trades(w: Window) -> dict[str, float]:
    ms = w.trade_txn // 10**6
    first = np.flatnonzero(np.r_[True, (np.diff(ms) != 0) | (np.diff(w.side) != 0)])
    fills = np.diff(np.r_[first, len(ms)])
    walked = np.minimum.reduceat(w.trade_px, first) != np.maximum.reduceat(w.trade_px, first)
    size = np.add.reduceat(w.trade_qty, first)
    largest = np.sort(size)[::-1][: len(size) // 20 + 1]
    seconds = (ms[-1] - ms[0]) / 1000
    per_s, parents, sign = binned(ms, 1000), ms[first], w.side[first].astype(float)
    figures = {
        "trades/s": len(ms) / seconds,
        "trades/s p50": np.percentile(per_s, 50),
        "trades/s p99": np.percentile(per_s, 99),
        "trades in 100 ms p99": np.percentile(binned(ms, 100), 99),
        "fills in another ms than the one before": np.mean(np.diff(ms) != 0),
        "parents/s": len(first) / seconds,
        "fills a parent p95": np.percentile(fills, 95),
        "fills a parent p99": np.percentile(fills, 99),
        "fills a parent max": fills.max(),
        "parents that walk": walked.mean(),
        "fill BTC p50": np.percentile(w.trade_qty, 50),
        "fill BTC p95": np.percentile(w.trade_qty, 95),
        "fill BTC mean": w.trade_qty.mean(),
        "parent ln BTC mean": np.log(size).mean(),
        "parent ln BTC deviation": np.log(size).std(),
        "parent tail exponent": 1 / np.log(largest[:-1] / largest[-1]).mean(),
    }
    for width in (100, 1000, 10_000):
        count = binned(parents, width)
        figures[f"Fano of parents {width / 1000:g} s"] = count.var() / count.mean()
    for lag in (1, 5, 10):
        figures[f"sign autocorrelation lag {lag}"] = autocorrelation(sign, lag)
    return figures


def of_books(w: Window) -> dict[str, float]:
    px, qty = w.px, w.qty
    best, behind = qty[:, :, 0].ravel(), qty[:, :, 1:].ravel()
    span = np.abs(px[:, :, 4] - px[:, :, 0]).ravel()
    sides = qty.reshape(-1, 5)
    imbalance = (qty[:, 0].sum(1) - qty[:, 1].sum(1)) / qty.sum((1, 2))
    every = np.arange(w.book_txn[0], w.book_txn[-1], 10**8)  # the book each 100 ms
    shown = np.searchsorted(w.book_txn, every, "right") - 1
    obi, mid = imbalance[shown], px[shown, :, 0].sum(1) / 2
    moves = np.abs(np.diff(mid))
    figures = {
        "spread wider than a tick": np.mean(px[:, 1, 0] - px[:, 0, 0] != 1),
        "best BTC p5": np.percentile(best, 5),
        "best BTC p50": np.percentile(best, 50),
        "best BTC p95": np.percentile(best, 95),
        "levels 2-5 BTC p50": np.percentile(behind, 50),
        "levels 2-5 BTC p95": np.percentile(behind, 95),
        "level 1 to 5 ticks p50": np.percentile(span, 50),
        "level 1 to 5 ticks p95": np.percentile(span, 95),
        "largest level / mean p50": np.percentile(sides.max(1) / sides.mean(1), 50),
        "largest level is not the best": np.mean(sides.argmax(1) != 0),
        "OBI p5": np.percentile(imbalance, 5),
        "OBI p95": np.percentile(imbalance, 95),
        "OBI beyond 0.6": np.mean(np.abs(imbalance) > 0.6),
        "mid moves in 100 ms": np.mean(moves > 0),
        "move ticks p50": np.percentile(moves[moves > 0], 50),
        "move ticks p90": np.percentile(moves[moves > 0], 90),
    }
    for lag in (1, 5, 10):
        figures[f"OBI autocorrelation {lag / 10:g} s"] = autocorrelation(obi, lag)
    for lag in (10, 50, 100):
        together = np.corrcoef(obi[:-lag], mid[lag:] - mid[:-lag])
        figures[f"OBI and the move of {lag // 10} s"] = together[0, 1]
    for lag in (10, 100, 300):
        change = (mid[lag:] - mid[:-lag]) / mid[:-lag]
        figures[f"return bps {lag // 10} s"] = change.std() * 1e4
    return figures


def of_both(w: Window) -> dict[str, float]:
    shows = np.searchsorted(w.book_txn, w.trade_txn)  # the first book that can have the trade
    there = shows < len(w.book_txn)
    wait_ms = (w.book_recv[shows[there]] - w.trade_recv[there]) / 1e6
    last = np.searchsorted(w.book_recv, w.trade_recv, "right") - 1
    seen = last >= 0
    side, last = w.side[seen], last[seen]
    best = np.where(side > 0, w.px[last, 1, 0], w.px[last, 0, 0])
    beyond = (w.trade_px[seen] - best) * side
    return {
        "ms from a trade to its book p50": float(np.percentile(wait_ms, 50)),
        "ms from a trade to its book p95": float(np.percentile(wait_ms, 95)),
        "fills at the best seen": float(np.mean(beyond == 0)),
        "fills beyond it": float(np.mean(beyond > 0)),
    }


def binned(ms: Array, width: int) -> Array:
    """How many in each whole bin of `width` ms."""
    return np.bincount((ms - ms[0]) // width)[:-1]


def autocorrelation(x: Array, lag: int) -> float:
    x = x - x.mean()
    return float((x[:-lag] * x[lag:]).mean() / (x * x).mean())


def allowed(name: str) -> tuple[float, float]:
    """Half of the smallest to one and a half of the largest of the three windows."""
    ends = [factor * value for value in REAL[name] for factor in (0.5, 1.5)]
    return min(ends), max(ends)


def table(figures: dict[str, float]) -> str:
    """The figures beside the real ones; ! marks what is outside."""
    lines = [f"{'':42}{'A':>9}{'B':>9}{'C':>9}{'ours':>9}"]
    for name, value in figures.items():
        low, high = allowed(name)
        mark = "" if low <= value <= high else f" ! not in {low:g}..{high:g}"
        real = "".join(f"{figure:9g}" for figure in REAL[name])
        lines.append(f"{name:42}{real}{value:9.3g}{mark}")
    return "\n".join(lines)
