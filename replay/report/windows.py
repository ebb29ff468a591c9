"""The books and prints around each trade, kept while the source passes by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from micropulse.events import MARKET, RPI, DepthTable, Events, Int64s, TradeTable

SECOND = 1_000_000_000
AROUND_NS = 5 * SECOND  # before a decision to enter, and behind the last fill

Flags = npt.NDArray[np.bool_]


class Books(NamedTuple):
    """Columns of books: what is not shown is 0. (rows,), and (levels, rows) for the ladders."""

    ts: Int64s
    bid_px: Int64s
    bid_qty: Int64s
    ask_px: Int64s
    ask_qty: Int64s


class Prints(NamedTuple):
    """Columns of prints; `qty` is negative where the aggressor sold."""

    ts: Int64s
    px: Int64s
    qty: Int64s


def merged(starts: Int64s, stops: Int64s) -> Int64s:
    """(spans, 2): the union of intervals that begin in order."""
    spans: list[list[int]] = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], stop)
        else:
            spans.append([start, stop])
    return np.array(spans, np.int64).reshape(-1, 2)


def inside(spans: Int64s, ts: Int64s) -> Flags:
    """Which times lie in one of the spans, ends included."""
    if not len(spans):
        return np.zeros(len(ts), np.bool_)
    at = np.searchsorted(spans[:, 0], ts, side="right") - 1
    return np.asarray((at >= 0) & (ts <= spans[np.maximum(at, 0), 1]))


class Windows:
    """Takes batches of events in order; keeps the rows within `spans` (ns of receipt)."""

    def __init__(self, spans: Int64s) -> None:
        self._spans = spans
        self._books: list[Books] = []
        self._prints: list[tuple[Prints, Int64s]] = []

    def take(self, events: Events, new_books: Flags) -> None:
        """Keep what is near a trade. `new_books` says which books are no duplicates."""
        depth, trades = events.depth, events.trades
        near = inside(self._spans, depth.ts_recv) & new_books
        if near.any():
            self._books.append(_books(depth, near))
        near = inside(self._spans, trades.ts_recv) & _is_print(trades)
        if near.any():
            signed = trades.qty[near] * trades.side[near]
            self._prints.append(
                (Prints(trades.ts_recv[near], trades.px[near], signed), trades.trade_id[near])
            )

    def books(self) -> Books:
        """All books that were kept, in the order of receipt."""
        levels = max((len(part.bid_px) for part in self._books), default=0)
        parts = [
            Books(part.ts, *(_padded(column, levels) for column in part[1:]))
            for part in self._books
        ]
        empty = np.zeros((levels, 0), np.int64)
        parts = parts or [Books(np.zeros(0, np.int64), empty, empty, empty, empty)]
        return Books(*(np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)))

    def prints(self) -> Prints:
        """All prints that were kept, each id once: two connections may bring it twice."""
        if not self._prints:
            none = np.zeros(0, np.int64)
            return Prints(none, none, none)
        ids = np.concatenate([ids for _, ids in self._prints])
        parts = [part for part, _ in self._prints]
        _, first = np.unique(ids, return_index=True)
        first.sort()
        return Prints(*(np.concatenate(column)[first] for column in zip(*parts, strict=True)))


def _is_print(trades: TradeTable) -> Flags:
    """docs/features.md: a trade of the market's, with a price and a quantity."""
    ours = (trades.kind == MARKET) | (trades.kind == RPI)
    return np.asarray(ours & (trades.px > 0) & (trades.qty > 0))


def _books(depth: DepthTable, near: Flags) -> Books:
    def ladder(columns: tuple[Int64s, ...], shown: Any) -> Int64s:
        rows = [np.where(shown > k, column[near], 0) for k, column in enumerate(columns)]
        return np.array(rows, np.int64)

    bids, asks = depth.bid_n[near], depth.ask_n[near]
    return Books(
        depth.ts_recv[near],
        ladder(depth.bid_px, bids),
        ladder(depth.bid_qty, bids),
        ladder(depth.ask_px, asks),
        ladder(depth.ask_qty, asks),
    )


def _padded(ladder: Int64s, levels: int) -> Int64s:
    """The same ladder with more levels, of which nothing is shown."""
    return np.pad(ladder, ((0, levels - len(ladder)), (0, 0)))
