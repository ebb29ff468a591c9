"""A made-up exchange: a hidden book of which frames show the top, clocks and counters."""

from __future__ import annotations

from typing import NamedTuple

from micropulse.testing.rows import BUY, SELL, Book, Control, Event, Level, Mark, Trade

MS = 1_000_000
SECOND = 1_000_000_000
START = 1_723_161_260 * SECOND  # a multiple of ten seconds
CLOCK_OFFSET = 1_270 * MS  # the exchange's clock is ahead, as in the real capture
HIDDEN_LEVELS = 40
DEPTHS = (5, 10, 20)


class Scale(NamedTuple):
    """What prices and quantities of a made-up symbol look like, as whole numbers."""

    px_decimals: int
    qty_decimals: int
    px: int  # the first best bid
    tick: int
    lot: int  # a small quantity; 81 of them are just worth the default `wall_floor`


BTC = Scale(2, 3, 6_180_020, 10, 50)
TINY = Scale(7, 0, 1_230, 1, 26_000_000)


class Market:
    """A hidden book, clocks and counters; every method is one thing that may happen."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.rows: list[Event] = []
        self.seq = 0
        self.recv = START
        self.exchange = START + CLOCK_OFFSET
        self.conn = 0
        self.u = self.pu = 5_123_107_850_000
        self.next_id = 5_266_583_940
        self.skipped: list[int] = []  # ids that may still come late
        self.book_txn = self.trade_txn = self.exchange
        self.hidden: dict[str, dict[int, int]] = {
            "bid": {scale.px: scale.lot},
            "ask": {scale.px + scale.tick: scale.lot},
        }

    # What a frame would show.

    def away(self, side: str) -> int:
        """One tick away from the market."""
        return -self.scale.tick if side == "bid" else self.scale.tick

    def levels(self, side: str) -> list[Level]:
        """All levels of a side, best first; at least HIDDEN_LEVELS of them."""
        book, away = self.hidden[side], self.away(side)
        worst = min(book) if side == "bid" else max(book)
        while len(book) < HIDDEN_LEVELS and worst + away > 0:
            worst += away
            book[worst] = self.scale.lot
        return sorted(book.items(), reverse=side == "bid")

    def level(self, side: str, index: int) -> Level:
        """A level by number; -1 is the largest one behind the best."""
        levels = self.levels(side)[:20]
        return max(levels[1:], key=lambda level: level[1]) if index < 0 else levels[index]

    # Things that happen without a frame.

    def wait(self, ns: int) -> None:
        """Let time pass by both clocks; the receiver's may step back."""
        self.recv += ns
        self.exchange += max(ns, 0)

    def skip_lines(self, lines: int) -> None:
        """Leave out `seq`s: lines of a file that were no events."""
        self.seq += lines

    def via(self, conn: int) -> None:
        """What follows comes by this connection."""
        self.conn = conn

    def place(self, side: str, ticks: int, size: int) -> None:
        """Set the level `ticks` behind the best (better than it, if negative) to `size` lots."""
        px = self.levels(side)[0][0] + ticks * self.away(side)
        if px > 0:
            self.hidden[side][px] = size * self.scale.lot

    def resize(self, side: str, index: int, tenths: int) -> None:
        """Let a level shrink or grow without a print; 0 takes it out of the book."""
        px, qty = self.level(side, index)
        if tenths:
            self.hidden[side][px] = qty * tenths // 10
        else:
            del self.hidden[side][px]

    def walls(self, side: str, levels: int) -> None:
        """Make the levels behind the best large, so many of them."""
        for ticks in range(1, levels + 1):
            self.place(side, ticks, 100)

    def move(self, ticks: int) -> None:
        """Shift the market: what is in the way is cancelled, small levels fill in behind."""
        if self.levels("bid")[0][0] + ticks * self.scale.tick < 100 * self.scale.tick:
            return
        ahead, behind = ("ask", "bid") if ticks > 0 else ("bid", "ask")
        step = self.away(ahead)
        target = self.levels(ahead)[0][0] + abs(ticks) * step
        for px, _ in self.levels(ahead):
            if (target - px) * step > 0:
                del self.hidden[ahead][px]
        self.hidden[ahead].setdefault(target, self.scale.lot)
        for px in range(self.levels(behind)[0][0] + step, target, step):
            self.hidden[behind][px] = self.scale.lot

    def lose_ids(self, ids: int) -> None:
        """Trades that never come; the first five of them may come late."""
        self.skipped += range(self.next_id, self.next_id + min(ids, 5))
        self.next_id += ids

    def lose_books(self, updates: int) -> None:
        """The next book's `pu` will not be the `u` shown last."""
        self.u += updates
        self.pu = self.u

    # Frames.

    def show(self, bids: int = 5, asks: int = 5, late_ms: int = 0) -> None:
        """A partial book whose T lies `late_ms` before the exchange's clock."""
        self.u += 10
        self.book_txn = (self.exchange // MS - late_ms) * MS
        self.send_book(bids, asks, self.u)
        self.pu = self.u

    def show_again(self, bids: int, asks: int, older: int) -> None:
        """A duplicate: the `u` shown last or an older one, whatever it shows."""
        self.send_book(bids, asks, self.pu - older)

    def send_book(self, bids: int, asks: int, u: int) -> None:
        """A partial book with this `u`."""
        depth = min(depth for depth in DEPTHS if depth >= max(bids, asks))
        shown = self.levels("bid")[:bids], self.levels("ask")[:asks]
        stamps = self.seq, self.recv, self.book_txn + MS, self.book_txn
        sides = tuple(shown[0]), tuple(shown[1])
        self.rows.append(Book(*stamps, u - 9, u, self.pu, self.conn, depth, *sides))
        self.seq += 1

    def hit(self, side: str, index: int, quarters: int, after_ms: int, takes: bool) -> None:
        """A print at a level of `side`, for so many quarters of it (0: the smallest quantity).

        `after_ms` places T after (before, if negative) the T of the last book. Unless it `takes`,
        the hidden book stays as it is.
        """
        px, shown = self.level(side, index)
        qty = max(1, shown * quarters // 4)
        if takes and qty >= shown:
            del self.hidden[side][px]
        elif takes:
            self.hidden[side][px] = shown - qty
        self.trade_txn = self.book_txn + after_ms * MS
        self.send_trade(px, qty, SELL if side == "bid" else BUY)

    def more(self, side: str, kind: str = "MARKET") -> None:
        """One more print of the last T at the best level: of the same parent, maybe."""
        px, _ = self.level(side, 0)
        self.send_trade(px, self.scale.lot, SELL if side == "bid" else BUY, kind)

    def sweep(self, side: str, levels: int, after_ms: int) -> None:
        """One parent that takes whole levels."""
        for _ in range(levels):
            self.hit(side, 0, 4, after_ms, True)

    def appear(self, side: str, ticks: int, size: int) -> None:
        """A level comes and is still there half a second later."""
        self.place(side, ticks, size)
        self.show()
        self.wait(500 * MS)
        self.show()

    def devour(
        self, side: str, eaten: int, left: int, after_ms: int, opposing: bool, stays: int = 0
    ) -> None:
        """The largest level behind the best goes down to `left` tenths, printing `eaten` tenths.

        The book shows it as it was `stays` times before. Nothing can be sold to an offer: with
        `opposing` false the prints explain nothing.
        """
        px, shown = self.level(side, -1)
        self.trade_txn = self.book_txn + after_ms * MS
        self.send_trade(px, shown * eaten // 10, SELL if (side == "bid") == opposing else BUY)
        for _ in range(stays):
            self.wait(100 * MS)
            self.show()
        self.hidden[side][px] = shown * left // 10
        self.wait(100 * MS)
        self.show()

    def excursion(self, ticks: int, side: str, tenths: int) -> None:
        """Price goes away and comes back; the largest level of `side` is resized meanwhile."""
        wall, qty = self.level(side, -1)
        self.move(ticks)
        self.wait(100 * MS)
        self.show()
        if wall in self.hidden[side]:
            self.hidden[side][wall] = qty * tenths // 10
        self.move(-ticks)
        self.wait(100 * MS)
        self.show()

    def hand_over(self, missing: int, late: int, old: int, new: int) -> None:
        """Two connections for a moment: ids the new one skips, some of which the old one brings."""
        self.control("CONNECT", old)
        self.control("CONNECT", new)
        self.more("ask")
        self.lose_ids(missing)
        self.more("ask")
        for _ in range(late):
            self.late_id()
        self.control("DISCONNECT", old)
        self.more("ask")

    def no_print(self, kind: str, px: int, qty: int) -> None:
        """A trade row that is no print."""
        self.send_trade(px, qty, BUY, kind)

    def late_id(self) -> None:
        """A skipped id comes after all."""
        if self.skipped:
            self.send_trade(self.level("ask", 0)[0], 1, BUY, trade_id=self.skipped.pop(0))

    def old_id(self, back: int) -> None:
        """An id that came before, or would have: a duplicate more often than not."""
        self.send_trade(self.level("bid", 0)[0], 7, SELL, trade_id=self.next_id - 1 - back)

    def send_trade(
        self, px: int, qty: int, side: int, kind: str = "MARKET", trade_id: int | None = None
    ) -> None:
        """A trade row at the T of the last `hit`."""
        if trade_id is None:
            trade_id, self.next_id = self.next_id, self.next_id + 1
        stamps = self.seq, self.recv, self.trade_txn + MS, self.trade_txn
        self.rows.append(Trade(*stamps, trade_id, px, qty, side, kind, self.conn))
        self.seq += 1

    def mark(self, late_ms: int, due_ms: int, rate: int, premium_e6: int = 0) -> None:
        """A mark price that is `late_ms` old, near the best bid; funding is due `due_ms` after its
        E (0: never), at `rate` in 1e-8."""
        event = (self.exchange // MS - late_ms) * MS
        due = event + due_ms * MS if due_ms else 0
        px = self.levels("bid")[0][0] * 10 ** (8 - self.scale.px_decimals)
        px += px * premium_e6 // 10**6
        row = Mark(self.seq, self.recv, event, due, px, 0, px, px + 1, rate, self.conn)
        self.rows.append(row)
        self.seq += 1

    def control(self, kind: str, conn: int) -> None:
        """What only a recorder can know."""
        value = -250 * MS if kind == "CLOCK_STEP" else 0
        self.rows.append(Control(self.seq, self.recv, kind, conn, value))
        self.seq += 1
