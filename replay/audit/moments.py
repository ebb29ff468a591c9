"""A tape with what can be said of each event from those before it, and what is looked up in it.

Nothing is kept in windows or rings: every question is answered from the whole list, each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .rows import Book, Control, Event, Mark, Trade

SECOND = 1_000_000_000
ID_SLOTS = 65_536


class Moment(NamedTuple):
    """An event, and what the events up to it say."""

    event: Event
    t: int  # the largest ts_recv so far
    new: bool  # a book or trade that is no duplicate
    lost: bool  # the last connection closes here, or a run starts or stops
    stale: bool  # the book is that of a lost feed
    mid2: int  # twice the mid of the last book with two sides; 0 before the first

    @property
    def book(self) -> Book | None:
        """The event, when it is a book and no duplicate."""
        return self.event if self.new and isinstance(self.event, Book) else None

    @property
    def market_print(self) -> Trade | None:
        """The event, when it is a MARKET print and no duplicate."""
        trade = self.event
        if not self.new or not isinstance(trade, Trade) or trade.kind != "MARKET":
            return None
        return trade if trade.px > 0 and trade.qty > 0 else None

    @property
    def ahead(self) -> int | None:
        """E − ts_recv of a book or trade row, whatever it is."""
        event = self.event
        return event.ts_event - event.ts_recv if isinstance(event, Book | Trade) else None

    @property
    def clock_steps(self) -> bool:
        """Whether the receiver's clock was stepped here."""
        return isinstance(self.event, Control) and self.event.kind == "CLOCK_STEP"


Tape = Sequence[Moment]


def moments(events: Sequence[Event]) -> list[Moment]:
    """What can be said of each event from those up to it."""
    found: list[Moment] = []
    t, largest_u, mid2, stale = 0, -1, 0, False
    ids: dict[int, int] = {}
    connections: set[int] = set()
    showing: set[int] = set()  # connections that books came by
    for event in events:
        t = max(t, event.ts_recv)
        new = lost = False
        if isinstance(event, Book):
            showing.add(event.conn)
        if isinstance(event, Control):
            lost = loses_feed(event, connections)
            if event.kind == "DISCONNECT":
                showing.discard(event.conn)
        elif isinstance(event, Mark) and event.conn in connections - showing:
            connections.remove(event.conn)
            lost = not connections
        elif isinstance(event, Trade):
            slot = event.trade_id % ID_SLOTS
            new = slot not in ids or event.trade_id > ids[slot]
            ids[slot] = max(event.trade_id, ids.get(slot, event.trade_id))
        elif isinstance(event, Book) and event.last_id > largest_u:
            new, largest_u, stale = True, event.last_id, False
            mid2 = event.bids[0][0] + event.asks[0][0] if event.bids and event.asks else mid2
        if lost:
            stale = True
            showing.clear()
        found.append(Moment(event, t, new, lost, stale, mid2))
    return found


def loses_feed(control: Control, connections: set[int]) -> bool:
    """Note who is connected; whether nobody is any more."""
    if control.kind == "CONNECT":
        connections.add(control.conn)
    elif control.kind == "DISCONNECT":
        connections.discard(control.conn)
        return not connections
    elif control.kind in ("RUN_START", "RUN_STOP"):
        connections.clear()
        return True
    return False


def last_row(tape: Tape, at: int) -> int:
    """Where the last book or trade row up to `at` stands; -1 when there is none."""
    while at >= 0 and tape[at].ahead is None:
        at -= 1
    return at


def known_ahead(tape: Tape, at: int) -> list[int]:
    """E − ts_recv of the last row up to `at` and of the rows of the 60 s before it, the last one
    first; none when the clock has stepped since."""
    rows: list[int] = []
    last = last_row(tape, at)
    for i in range(at, -1, -1):
        moment = tape[i]
        if moment.clock_steps or (i < last and moment.t <= tape[last].t - 60 * SECOND):
            break
        if moment.ahead is not None:
            rows.append(moment.ahead)
    return rows


def jitter(tape: Tape, at: int) -> int:
    """The receive delay of the last row above the least of 60 s. A clock step afterwards does not
    change how late that row was."""
    rows = known_ahead(tape, last_row(tape, at))
    return max(rows) - rows[0] if rows else 0


def largest_ahead(tape: Tape, decided: int, now: int) -> int | None:
    """The largest E − ts_recv known at the decision; else what the first row since then says."""
    rows = known_ahead(tape, decided)
    for moment in tape[decided + 1 : now + 1]:
        if not rows and moment.ahead is not None:
            return moment.ahead
    return max(rows, default=None)


def first_print(tape: Tape, decided: int, at: int, side: int, txns: range) -> int | None:
    """The price of the first print of this side after the decision and before the book, with a T
    among `txns`."""
    for moment in tape[decided + 1 : at]:
        trade = moment.market_print
        if trade and trade.side == side and trade.ts_txn in txns:
            return trade.px
    return None
