"""A recording as hftbacktest's events: one structured array, `data` in an .npz file.

A partial book is the window of what is visible, hftbacktest knows only changes of levels. So each
book becomes its difference from the one before: what is no longer shown goes, what is new or
changed comes. A window read as changes alone would keep levels that fell out of view for ever.

Format and the rule for order: https://hftbacktest.readthedocs.io, "Data"; written for 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import BUY, MARKET, RPI, Events

EVENT = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),  # T of the book or trade, ns
        ("local_ts", "<i8"),  # of receipt, ns
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),  # unused
        ("ival", "<i8"),  # unused
        ("fval", "<f8"),  # unused
    ],
    align=True,
)
DEPTH, TRADE = 1, 2
AT_EXCHANGE, AT_US = 1 << 31, 1 << 30
BUYS, SELLS = 1 << 29, 1 << 28


class Written(NamedTuple):
    """What became of a recording."""

    rows: int
    shift_ns: int  # added to every local_ts, where a clock ran so far behind the exchange's


class _Side(NamedTuple):
    """One side of the visible books, rows × levels."""

    flag: int
    px: Any
    qty: Any  # 0 where nothing is shown


def write_npz(source: Any, path: Path) -> Written:
    """Write the recording; how many rows. Books and prints that came twice count once."""
    rows = np.concatenate([np.empty(0, EVENT), *_rows(source)])
    shift = max(0, -int((rows["local_ts"] - rows["exch_ts"]).min(initial=0)))
    rows["local_ts"] += shift  # hftbacktest takes no negative latency
    rows = in_both_orders(rows)
    with path.open("wb") as file:
        np.savez_compressed(file, data=rows)
    return Written(len(rows), shift)


def _rows(source: Iterable[Events]) -> Iterator[Any]:
    """Rows of each batch in the order of `seq`, without the flags of who sees them."""
    last = [_Side(BUYS, None, None), _Side(SELLS, None, None)]
    newest, seen, received = -1, np.empty(0, np.int64), 0
    for events in source:
        px, qty = 10.0**source.px_decimals, 10.0**source.qty_decimals  # type: ignore[attr-defined]
        books, newest, last = _books(events, newest, last)
        prints, seen = _prints(events, seen)
        parts = [books, prints]
        seq = np.concatenate([part["order_id"] for part in parts])
        rows = np.concatenate(parts)[np.argsort(seq, kind="stable")]
        rows["order_id"] = 0
        rows["px"] /= px
        rows["qty"] /= qty
        rows["local_ts"] = np.maximum(np.maximum.accumulate(rows["local_ts"]), received)
        received = int(rows["local_ts"].max(initial=received))
        yield rows


def _prints(events: Events, seen: Any) -> tuple[Any, Any]:
    """(rows, all ids so far): of the first sight of every print; `order_id` is the seq."""
    trades = events.trades
    is_print = (trades.kind == MARKET) | (trades.kind == RPI)
    is_print &= (trades.px > 0) & (trades.qty > 0) & ~np.isin(trades.trade_id, seen)
    first = np.zeros(len(trades.seq), bool)
    first[np.unique(trades.trade_id, return_index=True)[1]] = True
    at = np.flatnonzero(is_print & first)
    side = np.where(trades.side[at] == BUY, BUYS, SELLS)
    rows = _of(trades, at, TRADE | side, trades.px[at], trades.qty[at])
    return rows, np.concatenate([seen, trades.trade_id[at]])


def _of(table: Any, at: Any, flags: Any, px: Any, qty: Any) -> Any:
    rows = np.zeros(len(at), EVENT)
    rows["ev"], rows["px"], rows["qty"] = flags, px, qty
    rows["exch_ts"], rows["local_ts"] = table.ts_txn[at], table.ts_recv[at]
    rows["order_id"] = table.seq[at]
    return rows


def _books(events: Events, newest: int, last: list[_Side]) -> tuple[Any, int, list[_Side]]:
    """(rows, largest u, last book): each new book's difference from the one before."""
    depth = events.depth
    before = np.maximum.accumulate(np.concatenate([[newest], depth.last_id]))
    at = np.flatnonzero(depth.last_id > before[:-1])
    goes: list[Any] = []
    comes: list[Any] = []
    ends: list[_Side] = []
    shown = ((BUYS, depth.bid_n, depth.bid_px, depth.bid_qty),
             (SELLS, depth.ask_n, depth.ask_px, depth.ask_qty))  # fmt: skip
    for (flag, n, px, qty), old in zip(shown, last, strict=True):
        side = _visible(flag, n[at], [one[at] for one in px], [one[at] for one in qty], old)
        gone, changed = _differences(side)
        for kept, book, prices, sizes in ((goes, *gone), (comes, *changed)):
            kept.append(_of(depth, at[book], DEPTH | flag, prices, sizes))
        ends.append(_Side(flag, side.px[-1:], side.qty[-1:]))
    rows = np.concatenate(goes + comes)  # of one book, what goes before what comes
    return rows, int(before[-1]), ends


def _visible(flag: int, n: Any, px: Any, qty: Any, old: _Side) -> _Side:
    """The last book of the batch before, then those of this one; not shown is quantity 0."""
    levels = len(px)
    prices, sizes = np.stack(px, axis=1), np.stack(qty, axis=1)
    sizes = np.where(np.arange(levels) < n[:, None], sizes, 0)
    first = np.zeros((1, levels), np.int64), np.zeros((1, levels), np.int64)
    if old.px is not None:
        first = tuple(_as_wide(part, levels) for part in (old.px, old.qty))
        if old.px.shape[1] > levels:  # a deeper stream before: what it showed further out goes
            extra = old.px.shape[1] - levels
            prices, sizes = (np.pad(part, ((0, 0), (0, extra))) for part in (prices, sizes))
            first = old.px, old.qty
    return _Side(flag, np.concatenate([first[0], prices]), np.concatenate([first[1], sizes]))


def _as_wide(part: Any, levels: int) -> Any:
    return np.pad(part, ((0, 0), (0, max(0, levels - part.shape[1]))))


def _differences(side: _Side) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """((book, px, 0) of levels that went, (book, px, qty) of those that are new or changed)."""
    old_px, old_qty, new_px, new_qty = side.px[:-1], side.qty[:-1], side.px[1:], side.qty[1:]
    same = (old_px[:, :, None] == new_px[:, None, :]) & (old_qty[:, :, None] > 0)
    same &= new_qty[:, None, :] > 0
    gone = (old_qty > 0) & ~same.any(axis=2)
    unchanged = (same & (old_qty[:, :, None] == new_qty[:, None, :])).any(axis=1)
    changed = (new_qty > 0) & ~unchanged
    book, level = np.nonzero(gone)
    went = book, old_px[book, level], np.zeros(len(book))
    book, level = np.nonzero(changed)
    return went, (book, new_px[book, level], new_qty[book, level])


def in_both_orders(rows: Any) -> Any:
    """Rows in the order of `local_ts`, flagged for both clocks: one that came out of the exchange's
    order is split into one for the exchange and one for us, so that each sees its own order."""
    exch = rows["exch_ts"]
    latest = np.maximum.accumulate(exch)
    earliest = np.minimum.accumulate(exch[::-1])[::-1]
    whole = (exch >= latest) & (exch <= earliest)
    segment = np.cumsum(whole)
    parts = [rows[whole], rows[~whole], rows[~whole]]
    for part, flags in zip(parts, (AT_EXCHANGE | AT_US, AT_EXCHANGE, AT_US), strict=True):
        part["ev"] |= np.uint64(flags)
    split = segment[~whole]
    order = np.lexsort(
        (
            np.concatenate([exch[whole], exch[~whole], np.arange(len(split))]),
            np.repeat([0, 1, 2], [len(part) for part in parts]),
            np.concatenate([segment[whole], split, split]),
        )
    )
    return np.concatenate(parts)[order]
