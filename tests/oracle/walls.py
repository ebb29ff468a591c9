"""Walls by the numbered steps of docs/features.md, one small function a sentence or two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

from . import BUY, SELL, Book, Level

SECOND = 1_000_000_000
BASELINE_BUCKETS = 60
TRACKED_MAX = 32


class WallParameters(Protocol):
    """The part of the parameters that walls read; see `features.Parameters`."""

    @property
    def wall_k(self) -> float: ...
    @property
    def wall_floor(self) -> float: ...
    @property
    def wall_min_age_ms(self) -> int: ...
    @property
    def wall_gone_share(self) -> float: ...
    @property
    def wall_at_best(self) -> bool: ...


class Print(NamedTuple):
    """A print, received at `t`."""

    t: int
    ts_txn: int
    px: int
    qty: int
    side: int


@dataclass
class Tracked:
    """A candidate or a standing wall."""

    px: int
    born: int
    peak: int
    peak_txn: int  # T of the book that showed the peak last
    qty: int  # shown by the last book
    eaten: int = 0  # by settled prints younger than the peak
    standing: bool = False
    slid_out: int | None = None  # number of the book that no longer had it in view


class Removal(NamedTuple):
    side: str
    px: int
    peak: int
    age: int
    kind: str
    t: int


def exact(parameter: float) -> Fraction:
    """A parameter means what its text says: 0.3 is three tenths, not the double beside it."""
    return Fraction(str(parameter))


class Side:
    """The walls of one side."""

    def __init__(self, name: str, parameters: WallParameters, quote_unit: int) -> None:
        self.name = name
        self.eaten_by = SELL if name == "bid" else BUY
        self.parameters = parameters
        self.quote_unit = quote_unit  # what price x quantity is divided by to be quote units
        self.tracked: list[Tracked] = []
        self.seen: list[tuple[int, int]] = []  # bucket and quantity of every baseline level
        self.books = 0
        self.walls_full = 0

    def rank(self, px: int) -> int:
        """Smaller is better."""
        return -px if self.name == "bid" else px

    def on_book(
        self, levels: tuple[Level, ...], ts_txn: int, t: int, settled: list[Print], warm: bool
    ) -> list[Removal]:
        self.books += 1
        self.count_eaten(settled)
        removals = self.judge(levels, ts_txn, t)
        baseline = self.baseline(t)
        self.forget_candidates(levels, baseline)
        if warm:
            self.find_candidates(levels, baseline, ts_txn, t)
        self.promote(t)
        self.add_to_baseline(levels, t)
        return removals

    # 1. Baseline.

    def baseline(self, t: int) -> Fraction | None:
        bucket = t // SECOND
        self.seen = [(b, qty) for b, qty in self.seen if b > bucket - BASELINE_BUCKETS]
        if not self.seen:
            return None
        return Fraction(sum(qty for _, qty in self.seen), len(self.seen))

    def add_to_baseline(self, levels: tuple[Level, ...], t: int) -> None:
        tracked = {wall.px for wall in self.tracked}
        for px, qty in levels[1:]:
            if px not in tracked:
                self.seen.append((t // SECOND, qty))

    # 2. Wall size.

    def big(self, px: int, qty: int, baseline: Fraction | None) -> bool:
        if baseline is None:
            return False
        notional = Fraction(px * qty, self.quote_unit)
        enough = notional >= exact(self.parameters.wall_floor)
        return enough and qty >= exact(self.parameters.wall_k) * baseline

    def of_wall_size(self, levels: tuple[Level, ...], baseline: Fraction | None) -> list[Level]:
        may_be_walls = levels if self.parameters.wall_at_best else levels[1:]
        return [(px, qty) for px, qty in may_be_walls if self.big(px, qty, baseline)]

    # 3. Candidates.

    def forget_candidates(self, levels: tuple[Level, ...], baseline: Fraction | None) -> None:
        keep = {px for px, _ in self.of_wall_size(levels, baseline)}
        self.tracked = [wall for wall in self.tracked if wall.standing or wall.px in keep]

    def find_candidates(
        self, levels: tuple[Level, ...], baseline: Fraction | None, ts_txn: int, t: int
    ) -> None:
        for px, qty in self.of_wall_size(levels, baseline):
            if any(wall.px == px for wall in self.tracked):
                continue
            if self.make_room():
                self.tracked.append(Tracked(px, t, peak=qty, peak_txn=ts_txn, qty=qty))
            else:
                self.walls_full += 1

    def promote(self, t: int) -> None:
        for wall in self.tracked:
            if t - wall.born >= self.parameters.wall_min_age_ms * 1_000_000:
                wall.standing = True

    # 4. Peak.

    def count_eaten(self, settled: list[Print]) -> None:
        for wall in self.tracked:
            for p in settled:
                if p.side == self.eaten_by and p.px == wall.px and p.ts_txn > wall.peak_txn:
                    wall.eaten += p.qty

    def renew_peak(self, wall: Tracked, ts_txn: int) -> None:
        if wall.qty >= wall.peak:
            wall.peak, wall.peak_txn, wall.eaten = wall.qty, ts_txn, 0

    # 5. In view.

    def in_view(self, px: int, levels: tuple[Level, ...]) -> bool:
        return bool(levels) and self.rank(px) <= self.rank(levels[-1][0])

    # 6. Ends.

    def judge(self, levels: tuple[Level, ...], ts_txn: int, t: int) -> list[Removal]:
        shown = dict(levels)
        removals: list[Removal] = []
        self.tracked.sort(key=lambda wall: self.rank(wall.px))
        for wall in list(self.tracked):
            wall.qty = shown.get(wall.px, 0)
            if not self.in_view(wall.px, levels):
                if wall.slid_out is None:
                    wall.slid_out = self.books
                continue
            self.renew_peak(wall, ts_txn)
            if wall.standing and self.gone(wall):
                self.tracked.remove(wall)
                if wall.slid_out is None:
                    removals.append(self.removal(wall, t))
            wall.slid_out = None
        return removals

    def gone(self, wall: Tracked) -> bool:
        return wall.qty < exact(self.parameters.wall_gone_share) * wall.peak

    def removal(self, wall: Tracked, t: int) -> Removal:
        eaten = 2 * wall.eaten >= wall.peak - wall.qty
        kind = "eaten" if eaten else "cancelled"
        return Removal(self.name, wall.px, wall.peak, t - wall.born, kind, t)

    # 7. At most 32 levels.

    def make_room(self) -> bool:
        """Whether one more level can be tracked, if need be for a wall that slid out."""
        if len(self.tracked) < TRACKED_MAX:
            return True
        slid = [wall for wall in self.tracked if wall.slid_out is not None]
        if not slid:
            return False
        self.tracked.remove(min(slid, key=lambda w: (w.slid_out, self.rank(w.px))))
        return True

    def largest(self) -> Tracked | None:
        """The wall that the columns show."""
        walls = [wall for wall in self.tracked if wall.standing and wall.slid_out is None]
        return min(walls, key=lambda w: (-w.qty, self.rank(w.px)), default=None)


class Walls:
    """Both sides, the prints that wait for a book, and the last removal."""

    def __init__(self, parameters: WallParameters, quote_unit: int) -> None:
        self.bid = Side("bid", parameters, quote_unit)
        self.ask = Side("ask", parameters, quote_unit)
        self.waiting: list[Print] = []
        self.first_book: int | None = None
        self.removed: Removal | None = None

    def on_print(self, p: Print) -> None:
        self.waiting.append(p)

    def on_book(self, book: Book, t: int) -> None:
        if self.first_book is None:
            self.first_book = t
        warm = t - self.first_book >= 60 * SECOND
        settled = self.settle(book)
        removals = self.bid.on_book(book.bids, book.ts_txn, t, settled, warm)
        removals += self.ask.on_book(book.asks, book.ts_txn, t, settled, warm)
        self.removed = last_removal(removals) or self.removed

    def settle(self, book: Book) -> list[Print]:
        """The prints that this book's T covers, each once; later ones wait for the next book."""
        settled = [p for p in self.waiting if p.ts_txn <= book.ts_txn]
        self.waiting = [p for p in self.waiting if p.ts_txn > book.ts_txn]
        return settled

    def on_disconnect(self) -> None:
        self.bid.tracked.clear()
        self.ask.tracked.clear()


def last_removal(removals: Iterable[Removal]) -> Removal | None:
    """The largest peak. They come bids first and best price first, and max keeps the first."""
    return max(removals, key=lambda removal: removal.peak, default=None)
