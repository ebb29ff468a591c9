"""docs/features.md, computed the slow and obvious way.

Windows are filtered from plain lists each time. Sums are integers, quotients `Fraction`, and
`float()` comes once at the end: every value is the double nearest to the true one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from . import BUY, SELL, Book, Control, Event, Mark, Trade
from .walls import SECOND, Print, Side, Walls

ID_SLOTS = 65_536


@dataclass(frozen=True)
class Parameters:
    """`[features]` of the parameter file."""

    spike_window_ms: int = 1000
    wall_k: float = 5.0
    wall_floor: float = 100_000
    wall_min_age_ms: int = 500
    wall_gone_share: float = 0.3
    wall_at_best: bool = False


DEFAULTS = Parameters()


@dataclass
class Parent:
    """A taker's order: consecutive prints of one T and side."""

    t: int  # of its first print
    ts_txn: int
    side: int
    qty: int  # of all its prints so far


def features(
    events: Iterable[Event],
    px_decimals: int,
    qty_decimals: int,
    parameters: Parameters = DEFAULTS,
) -> Iterator[dict[str, object]]:
    """One dict for each book and trade, in the order of `events`, which must be that of `seq`.

    Keys are `seq`, `ts_recv` (ns), `event` ('depth' or 'trade') and every column of
    docs/features.md: floats, but bool for flags, str for `removed_wall_side` and `_kind`, int (ns)
    for `removed_wall_ts`, None for null.
    """
    oracle = Oracle(px_decimals, qty_decimals, parameters)
    for event in events:
        oracle.apply(event)
        if isinstance(event, Book | Trade):
            yield oracle.row(event)


def quotient(numerator: int, denominator: int) -> float | None:
    """The double nearest to the true quotient; None when there is none."""
    return float(Fraction(numerator, denominator)) if denominator else None


class Oracle:
    """What is known after the events so far."""

    def __init__(self, px_decimals: int, qty_decimals: int, parameters: Parameters) -> None:
        self.parameters = parameters
        self.px_unit = 10**px_decimals
        self.qty_unit = 10**qty_decimals
        self.t = 0
        # Connections.
        self.open: set[int] = set()
        self.showing: set[int] = set()  # connections that books came by
        self.warm_since: int | None = None
        self.book_stale = False
        # Books.
        self.book: Book | None = None
        self.largest_u: int | None = None
        self.mids: list[tuple[int, int]] = []  # time and bid + ask of two-sided books
        # Trades.
        self.slots: dict[int, int] = {}  # id mod 65,536 -> the last id there
        self.largest_id: int | None = None
        self.pending = 0  # ids that another connection may still bring
        self.missed: list[tuple[int, int]] = []  # time and how many more (or fewer) are missing
        self.prints: list[Print] = []  # of the last 10 s
        self.parents: list[Parent] = []  # that began in the last 10 s
        self.parent: Parent | None = None  # the one that the next print may belong to
        self.cvd = 0
        self.walls = Walls(parameters, self.px_unit * self.qty_unit)

    def apply(self, event: Event) -> None:
        self.t = max(self.t, event.ts_recv)
        if isinstance(event, Control):
            self.on_control(event)
            return
        if isinstance(event, Mark):
            self.on_mark(event)
            return
        if self.warm_since is None:
            self.warm_since = self.t
        if isinstance(event, Book):
            self.showing.add(event.conn)
            self.on_book(event)
        else:
            self.on_trade(event)

    # Connections.

    def on_control(self, control: Control) -> None:
        if control.kind == "CONNECT":
            self.open.add(control.conn)
        elif control.kind == "DISCONNECT":
            self.open.discard(control.conn)
            self.showing.discard(control.conn)
            if not self.open:
                self.on_disconnect()
        elif control.kind in ("RUN_START", "RUN_STOP"):
            self.open.clear()
            self.on_disconnect()
        self.settle()

    def on_mark(self, mark: Mark) -> None:
        """A connection that shows a mark price and no book is none of the feed's."""
        if mark.conn in self.open - self.showing:
            self.open.remove(mark.conn)
            self.settle()
            if not self.open:
                self.on_disconnect()

    def settle(self) -> None:
        if len(self.open) <= 1:
            self.missed.append((self.t, self.pending))
            self.pending = 0

    def on_disconnect(self) -> None:
        """The last open connection has closed."""
        self.book_stale = True
        self.warm_since = None
        self.showing.clear()
        self.parent = None
        self.walls.on_disconnect()

    # Books.

    def on_book(self, book: Book) -> None:
        if self.largest_u is not None and book.last_id <= self.largest_u:
            return  # a duplicate
        self.largest_u = book.last_id
        self.book = book
        self.book_stale = False
        if book.bids and book.asks:
            self.mids.append((self.t, book.bids[0][0] + book.asks[0][0]))
        self.walls.on_book(book, self.t)

    # Trades.

    def on_trade(self, trade: Trade) -> None:
        if self.is_duplicate(trade.trade_id):
            return
        self.slots[trade.trade_id % ID_SLOTS] = trade.trade_id
        self.count_missed(trade.trade_id)
        if trade.kind in ("MARKET", "RPI") and trade.px > 0 and trade.qty > 0:
            self.on_print(trade)

    def is_duplicate(self, trade_id: int) -> bool:
        remembered = self.slots.get(trade_id % ID_SLOTS)
        return remembered is not None and trade_id <= remembered

    def count_missed(self, trade_id: int) -> None:
        if self.largest_id is None:
            self.first_id = self.largest_id = trade_id
        elif trade_id > self.largest_id:
            skipped = trade_id - self.largest_id - 1
            self.largest_id = trade_id
            if len(self.open) > 1:
                self.pending += skipped
            else:
                self.missed.append((self.t, skipped))
        elif trade_id < self.first_id:
            return  # the source began in the middle: nobody missed it
        elif self.pending:
            self.pending -= 1
        else:
            self.missed.append((self.t, -1))

    def on_print(self, trade: Trade) -> None:
        self.cvd += trade.side * trade.qty
        p = Print(self.t, trade.ts_txn, trade.px, trade.qty, trade.side)
        self.prints.append(p)
        self.walls.on_print(p)
        parent = self.parent
        if parent and (parent.ts_txn, parent.side) == (trade.ts_txn, trade.side):
            parent.qty += trade.qty
        else:
            self.parent = Parent(self.t, trade.ts_txn, trade.side, trade.qty)
            self.parents.append(self.parent)

    # The row.

    def row(self, event: Book | Trade) -> dict[str, object]:
        return {
            "seq": event.seq,
            "ts_recv": self.t,
            "event": "depth" if isinstance(event, Book) else "trade",
            **self.book_columns(),
            **self.flow_columns(),
            **self.move_columns(),
            **self.wall_columns("bid_wall", self.walls.bid),
            **self.wall_columns("ask_wall", self.walls.ask),
            **self.removed_columns(),
        }

    def book_columns(self) -> dict[str, object]:
        columns: dict[str, object] = dict.fromkeys(("mid", "spread", "microprice", "obi"))
        columns["book_stale"] = self.book_stale
        if self.book is None or not self.book.bids or not self.book.asks:
            return columns
        (bid, bid_qty), (ask, ask_qty) = self.book.bids[0], self.book.asks[0]
        bids = sum(qty for _, qty in self.book.bids)
        asks = sum(qty for _, qty in self.book.asks)
        mid = quotient(bid + ask, 2 * self.px_unit)
        weighted = quotient(ask * bid_qty + bid * ask_qty, (bid_qty + ask_qty) * self.px_unit)
        columns["mid"] = mid
        columns["spread"] = quotient(ask - bid, self.px_unit)
        columns["microprice"] = mid if weighted is None else weighted
        columns["obi"] = quotient(bids - asks, bids + asks)
        return columns

    def flow_columns(self) -> dict[str, object]:
        # Windows are (t - W, t]; nothing is later than t.
        after_1s, after_10s = self.t - SECOND, self.t - 10 * SECOND
        self.prints = [p for p in self.prints if p.t > after_10s]
        self.parents = [parent for parent in self.parents if parent.t > after_10s]
        self.missed = [(t, n) for t, n in self.missed if t > after_10s]
        buy = sum(p.qty for p in self.prints if p.side == BUY)
        sell = sum(p.qty for p in self.prints if p.side == SELL)
        ordered = sum(parent.qty for parent in self.parents)
        prints_1s = sum(p.t > after_1s for p in self.prints)
        orders_1s = sum(parent.t > after_1s for parent in self.parents)
        prints_10s, orders_10s = len(self.prints), len(self.parents)
        return {
            "cvd": quotient(self.cvd, self.qty_unit),
            "buy_10s": quotient(buy, self.qty_unit),
            "sell_10s": quotient(sell, self.qty_unit),
            "cvd_10s": quotient(buy - sell, self.qty_unit),
            "tps_1s": quotient(prints_1s, 1),
            "tps_10s": quotient(prints_10s, 10),
            "ops_1s": quotient(orders_1s, 1),
            "ops_10s": quotient(orders_10s, 10),
            "avg_size_10s": quotient(buy + sell, prints_10s * self.qty_unit),
            "avg_order_10s": quotient(ordered, orders_10s * self.qty_unit),
            "acceleration": quotient(10 * prints_1s, prints_10s) or 0.0,
            "order_acceleration": quotient(10 * orders_1s, orders_10s) or 0.0,
            "warm_10s": self.warm_since is not None and self.t - self.warm_since >= 10 * SECOND,
            "missed_10s": float(max(0, sum(n for _, n in self.missed))),
        }

    def move_columns(self) -> dict[str, object]:
        window = self.parameters.spike_window_ms * 1_000_000
        self.mids = [(t, mid) for t, mid in self.mids if t > self.t - window]
        if not self.mids:
            return {"spike_up": None, "spike_down": None}
        mid = self.mids[-1][1]
        low = min(mid for _, mid in self.mids)
        high = max(mid for _, mid in self.mids)
        return {"spike_up": quotient(mid - low, low), "spike_down": quotient(high - mid, high)}

    def wall_columns(self, prefix: str, side: Side) -> dict[str, object]:
        wall = side.largest()
        if wall is None:
            return {f"{prefix}_px": None, f"{prefix}_qty": None, f"{prefix}_age_s": None}
        return {
            f"{prefix}_px": quotient(wall.px, self.px_unit),
            f"{prefix}_qty": quotient(wall.qty, self.qty_unit),
            f"{prefix}_age_s": quotient(self.t - wall.born, SECOND),
        }

    def removed_columns(self) -> dict[str, object]:
        names = ("side", "px", "qty", "age_s", "kind", "ts")
        removed = self.walls.removed
        if removed is None:
            return {f"removed_wall_{name}": None for name in names}
        values = (
            removed.side,
            quotient(removed.px, self.px_unit),
            quotient(removed.peak, self.qty_unit),
            quotient(removed.age, SECOND),
            removed.kind,
            removed.t,
        )
        return {f"removed_wall_{name}": value for name, value in zip(names, values, strict=True)}
