"""The seconds around every trade, packed small enough to lie in the page.

A blob: the length of a JSON head (4 bytes, little-endian), the head, then the columns it names, all
deflated together. A column is integers of 1, 2 or 4 bytes, as differences where it says `delta`,
the lowest bytes of all rows first, then the next ones: neighbours that are alike lie together.
Exact: 10 bytes a book of five levels, 2 a print. page.js unpacks it when a trade is clicked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from micropulse.events import Int64s
from micropulse.schema import FEATURE_COLUMNS, MILLISECOND, SIDES, WALL_ENDS, Features
from replay.report.evidence import Evidence
from replay.report.trades import Book, Order
from replay.report.windows import Books, Flags, Prints, inside, merged
from replay.runs import Run

NEAR_NS = 1_000 * MILLISECOND  # so close to an order nothing is ever left out
BUDGET_BYTES = 2_500_000  # of the packed blob, by what a row takes
BYTES_A_LEVEL, BYTES_A_PRINT = 2.0, 2.2
STEPS_MS = (0, 100, 200, 500, 1_000, 2_000, 5_000)
ENDS = {"wall_cancelled": "cancelled", "wall_eaten": "eaten", "wall_slid": "slid"}


def drill_down(run: Run, book: Book, evidence: Evidence | None) -> bytes:
    """The blob, not yet deflated. Without evidence it has the orders and features, and no books."""
    base_ns = (run.said["source"]["first_ts"] or 0) // MILLISECOND * MILLISECOND
    columns: list[tuple[str, Int64s, bool]] = []
    step_ms = 0
    if evidence is not None:
        step_ms, books, prints = thinned(book, evidence.books, evidence.prints)
        columns = [*_book_columns(books, base_ns), *_print_columns(prints, base_ns)]
    packed = [(name, delta, *_packed(values, delta)) for name, values, delta in columns]
    head = {
        "base_ms": base_ns // MILLISECOND,
        "px_decimals": run.px_decimals,
        "qty_decimals": run.qty_decimals,
        "tick": int(run.said["instrument"]["tick"]),
        "step_ms": step_ms,
        "columns": [[name, delta, width, rows] for name, delta, width, rows, _ in packed],
        "trades": [_trade(run, book, trade, base_ns) for trade in book.trades],
        "walls": _walls(run, base_ns),
        "features": _features(run, book, evidence),
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "little") + text + b"".join(part[-1] for part in packed)


def thinned(book: Book, books: Books, prints: Prints) -> tuple[int, Books, Prints]:
    """(step in ms, books, prints): what fits the budget. Beyond a second from any order there is
    one book a step, and prints of one step, price and side are one; step 0 leaves all as it is."""
    near = _near(book)
    prints = _joined(prints, inside(near, prints.ts), MILLISECOND)
    few, some = books, prints
    for step_ms in STEPS_MS:
        if step_ms:
            few = _every(books, inside(near, books.ts), step_ms * MILLISECOND)
            some = _joined(prints, inside(near, prints.ts), step_ms * MILLISECOND)
        size = len(few.ts) * 2 * len(few.bid_px) * BYTES_A_LEVEL / 2 + len(some.ts) * BYTES_A_PRINT
        if size <= BUDGET_BYTES:
            return step_ms, few, some
    return STEPS_MS[-1], few, some


def _near(book: Book) -> Int64s:
    """The spans in which every event counts: from a decision to its last fill."""
    orders = sorted(book.orders.values(), key=lambda order: order.ts)
    starts = np.array([order.ts for order in orders], np.int64) - NEAR_NS
    return merged(starts, np.array([order.status_ts for order in orders], np.int64) + NEAR_NS)


def _every(books: Books, near: Flags, step_ns: int) -> Books:
    """The last book of each step, and all that are near."""
    steps = books.ts // step_ns
    last = np.append(steps[1:] != steps[:-1], True) if len(steps) else near
    keep = near | last
    return Books(*(column[..., keep] for column in books))


def _joined(prints: Prints, near: Flags, step_ns: int) -> Prints:
    """Prints of one step, price and side as one, at the step's beginning; near ones of one ms."""
    step = np.where(near, MILLISECOND, step_ns)
    ts = prints.ts // step * step
    order = np.lexsort((prints.px, prints.qty > 0, ts))
    ts, px, qty = ts[order], prints.px[order], prints.qty[order]
    if not len(ts):
        return prints
    same = (ts[1:] == ts[:-1]) & (px[1:] == px[:-1]) & ((qty[1:] > 0) == (qty[:-1] > 0))
    first = np.flatnonzero(np.append(True, ~same))
    return Prints(ts[first], px[first], np.add.reduceat(qty, first))


def _book_columns(books: Books, base_ns: int) -> Iterable[tuple[str, Int64s, bool]]:
    """Best prices as they move, deeper ones as distances to the one before; 0: not shown."""
    yield "book_ms", (books.ts - base_ns) // MILLISECOND, True
    if not len(books.bid_px):
        return
    yield "bid_px_0", books.bid_px[0], True
    yield "ask_px_0", books.ask_px[0] - books.bid_px[0], False
    for k in range(1, len(books.bid_px)):
        shown = books.bid_px[k] > 0
        yield f"bid_px_{k}", np.where(shown, books.bid_px[k - 1] - books.bid_px[k], 0), False
        shown = books.ask_px[k] > 0
        yield f"ask_px_{k}", np.where(shown, books.ask_px[k] - books.ask_px[k - 1], 0), False
    for k in range(len(books.bid_px)):
        yield f"bid_qty_{k}", books.bid_qty[k], False
        yield f"ask_qty_{k}", books.ask_qty[k], False


def _print_columns(prints: Prints, base_ns: int) -> Iterable[tuple[str, Int64s, bool]]:
    yield "print_ms", (prints.ts - base_ns) // MILLISECOND, True
    yield "print_px", prints.px, True
    yield "print_qty", prints.qty, False


def _packed(values: Int64s, delta: bool) -> tuple[int, int, bytes]:
    """(bytes a row, rows, bytes). Eight bytes only where four do not hold them."""
    if delta and len(values):
        values = np.diff(values, prepend=0)
    for width in (1, 2, 4, 8):
        kind = np.dtype(f"<i{width}")
        limits = np.iinfo(kind)
        if not len(values) or (values.min() >= limits.min and values.max() <= limits.max):
            break
    else:
        raise AssertionError("int64 holds int64")
    rows = np.ascontiguousarray(values, kind).view(np.uint8).reshape(-1, width)
    return width, len(values), rows.T.tobytes()


def _ms(ts: int | None, base_ns: int) -> float | None:
    """ms since the base, to the µs."""
    return None if ts is None else round((ts - base_ns) / 1e6, 3)


def _trade(run: Run, book: Book, trade: Any, base_ns: int) -> dict[str, Any]:
    """What a click shows of a trade: its two orders, and what came of it."""
    return {
        "id": trade.id,
        "side": trade.side,
        "qty": str(trade.qty),
        "entry_ms": _ms(trade.entry_ts, base_ns),
        "exit_ms": _ms(trade.exit_ts, base_ns),
        "entry_px": str(trade.entry_px),
        "exit_px": str(trade.exit_px),
        "net": str(trade.net),
        "gross": str(trade.gross),
        "fees": str(trade.fees),
        "ticks": round(trade.ticks, 1),
        "mae": trade.mae_ticks,
        "mfe": trade.mfe_ticks,
        "why": [trade.entry_reason, trade.exit_reason],
        "after_gap": trade.after_gap,
        "entry": _order(book.orders[trade.entry_order], base_ns),
        "exit": _order(book.orders[trade.exit_order], base_ns),
    }


def _order(order: Order, base_ns: int) -> dict[str, Any]:
    return {
        "id": order.id,
        "ms": _ms(order.ts, base_ns),
        "ready_ms": _ms(order.ready_ts, base_ns),
        "arrival_ms": _ms(order.arrival, base_ns),
        "mid": str(order.mid),
        "side": order.side,
        "status": order.status,
    }


def _walls(run: Run, base_ns: int) -> list[list[Any]]:
    """[side, price, from ms, to ms, how it ended, quantity]; null times: not known."""
    walls: list[list[Any]] = []
    standing: dict[tuple[str, str], list[Any]] = {}
    kinds = ["wall_born", *ENDS]
    columns = ("kind", "side", "px", "qty", "age_s")
    rows = run.signals.filter(pl.col("kind").is_in(kinds))
    for ts, kind, side, px, qty, age_s in rows.select(
        pl.col("ts").cast(pl.Int64), *columns
    ).iter_rows():
        key = side, str(px)
        at = _ms(ts, base_ns) or 0.0
        if kind == "wall_born":
            standing[key] = [side, str(px), round(at - age_s * 1e3, 3), None, "stands", str(qty)]
            walls.append(standing[key])
        elif key in standing:
            standing.pop(key)[3:] = [at, ENDS[kind], str(qty)]
        else:  # it had slid out of view and came back: only its end is certain
            walls.append([side, str(px), at, at, ENDS[kind], str(qty)])
    return walls


def _features(run: Run, book: Book, evidence: Evidence | None) -> dict[str, Any]:
    """A column a feature, a row an order of a trade: at its decision, or of the second before."""
    ids = [id_ for trade in book.trades for id_ in (trade.entry_order, trade.exit_order)]
    orders = [book.orders[id_] for id_ in ids]
    if evidence is not None and evidence.seen:
        unseen = Features.zeros(1)[0]
        records = np.zeros(len(orders), Features.dtype())
        for row, order in enumerate(orders):
            records[row] = evidence.seen.get(order.seq, unseen)
        columns = {name: _words(name, records[name]) for name in FEATURE_COLUMNS}
        return {"exact": True, "orders": ids, "columns": columns}
    samples = run.samples.select(pl.col("ts_recv").cast(pl.Int64), *FEATURE_COLUMNS)
    decided = np.array([order.ts for order in orders], np.int64)
    rows = np.searchsorted(samples["ts_recv"].to_numpy(), decided, side="right") - 1
    known = samples[np.maximum(rows, 0).tolist()] if len(samples) else samples
    columns = {name: _plain(known[name].to_list()) for name in FEATURE_COLUMNS}
    return {"exact": False, "orders": ids, "columns": columns}


def _words(name: str, column: Any) -> list[Any]:
    """Features of records as the files have them: words for codes, null for NaN and for never."""
    words = {"removed_wall_side": SIDES, "removed_wall_kind": WALL_ENDS}
    if name in words:
        return [words[name][code] for code in column.tolist()]
    if name == "removed_wall_ts":
        return [str(ts) if ts else None for ts in column.tolist()]
    if name in ("book_stale", "warm_10s"):
        return [bool(flag) for flag in column.tolist()]
    return _plain(column.tolist())


def _plain(values: list[Any]) -> list[Any]:
    """Seven significant digits of numbers, no NaN; times as text."""
    plain: list[Any] = []
    for value in values:
        if isinstance(value, float):
            plain.append(float(f"{value:.7g}") if value == value else None)
        else:
            plain.append(value if value is None or isinstance(value, bool) else str(value))
    return plain
