"""Little logs written by hand, for scenarios whose features can be worked out on paper.

Prices and quantities are whole numbers. The quiet book is bids 100, 99, 98, 97, 96 and asks
101, 102, 103, 104, 105 with 10 at each level; the exchange's clock agrees with the receiver's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import BUY, Book, Control, Event, Trade
from .features import Parameters, features

MS = 1_000_000
S = 1_000_000_000
QUIET_BIDS = dict.fromkeys((100, 99, 98, 97, 96), 10)
QUIET_ASKS = dict.fromkeys((101, 102, 103, 104, 105), 10)


@dataclass
class Log:
    """Each method adds one event received at `t` and may be chained."""

    parameters: Parameters = field(default_factory=lambda: Parameters(wall_floor=2000))
    events: list[Event] = field(default_factory=list)
    u: int = 0
    trade_id: int = 0

    def book(
        self,
        t: int,
        bids: dict[int, int] = QUIET_BIDS,
        asks: dict[int, int] = QUIET_ASKS,
        u: int | None = None,
        txn: int | None = None,
    ) -> Log:
        self.u = max(self.u + 1, u or 0)
        u = self.u if u is None else u
        txn = t if txn is None else txn
        sides = tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))
        self.events.append(Book(len(self.events), t, txn, txn, u, u, u - 1, 0, 5, *sides))
        return self

    def trade(
        self,
        t: int,
        qty: int = 1,
        side: int = BUY,
        px: int = 101,
        txn: int | None = None,
        trade_id: int | None = None,
        kind: str = "MARKET",
    ) -> Log:
        if trade_id is None:
            trade_id = self.trade_id + 1
        self.trade_id = max(self.trade_id, trade_id)
        txn = t if txn is None else txn
        self.events.append(Trade(len(self.events), t, txn, txn, trade_id, px, qty, side, kind, 0))
        return self

    def control(self, t: int, kind: str, conn: int = 1) -> Log:
        self.events.append(Control(len(self.events), t, kind, conn, 0))
        return self

    def rows(self) -> list[dict[str, Any]]:
        return list(features(self.events, 0, 0, self.parameters))

    def last(self, *columns: str) -> Any:
        """The last row's value of one column, or the values of several."""
        row = self.rows()[-1]
        return row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns)

    def each(self, column: str) -> list[Any]:
        return [row[column] for row in self.rows()]
