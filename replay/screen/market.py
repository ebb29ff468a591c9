"""The market: what each of the five best levels held in the last seconds, left to right, running
into the ladder as it stands; below it price, CVD, imbalance and prints on the same seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.text import Text

from micropulse.instrument import to_text
from micropulse.schema import SECOND
from micropulse.sinks.tables import Digits
from replay.screen.history import Column, History
from replay.screen.look import (
    ASK,
    BID,
    DIM,
    WALL,
    WARN,
    Look,
    bar,
    duration,
    heat,
    number,
    spark,
    wall_cell,
)
from replay.sight.book import LEVELS_SHOWN, Level, levels

LADDER = 40  # characters: label, price, quantity, bar, wall
NARROW_LADDER = 31
ROOM_FOR_A_WORD = 14
LEANS = 0.05  # an imbalance below it is none to speak of
HEIGHT = 2 * LEVELS_SHOWN + 1 + 3


def market(state: Any, history: History, digits: Digits, look: Look) -> list[Text]:
    """HEIGHT lines, `look.width` wide."""
    seconds = seconds_shown(look.width)
    ladder_width = look.width - seconds - 1
    columns = by_second(history, int(state.clock.now) // SECOND, seconds)
    full = full_cell(columns)
    sides = {
        "ask": levels(state.book.ask, state.ask_walls),
        "bid": levels(state.book.bid, state.bid_walls),
    }
    most = max((level.qty for side in sides.values() for level in side), default=0)

    def rung(side: str, k: int) -> Text:
        line = strip(columns, side, k, full, look)
        now = sides[side]
        if k < len(now):
            ts = int(state.clock.now)
            line.append_text(_rung(now[k], side, k, most, ts, digits, ladder_width))
        return line

    lines = [rung("ask", k) for k in reversed(range(LEVELS_SHOWN))]
    lines.append(_middle(state, columns))
    lines += [rung("bid", k) for k in range(LEVELS_SHOWN)]
    return lines + _sparklines(state, columns)


def seconds_shown(width: int) -> int:
    """How many seconds a market of this width goes back."""
    return max(1, width - (LADDER if width >= 84 else NARROW_LADDER) - 1)


def by_second(history: History, now: int, seconds: int) -> list[Column | None]:
    """The last seconds up to `now`, None where the log has nothing of one."""
    known = {column.second: column for column in history.columns}
    return [known.get(second) for second in range(now - seconds + 1, now + 1)]


def full_cell(columns: list[Column | None]) -> int:
    """The quantity drawn as a full cell: one in twenty holds more, so that one giant does not
    darken all others."""
    held = sorted(
        level.qty for column in columns if column for level in (*column.bids, *column.asks)
    )
    return max(1, held[len(held) * 19 // 20]) if held else 1


def strip(columns: list[Column | None], side: str, k: int, full: int, look: Look) -> Text:
    """Level k of a side through the seconds, and a space. A second without a fresh book is a dash
    at the best level."""
    cells: list[tuple[str, str]] = []
    began = False
    for column in columns:
        began = began or column is not None
        held = () if column is None else column.bids if side == "bid" else column.asks
        if column is None or column.stale:
            cells.append(("╌" if began and k == 0 else " ", WARN))
        elif k >= len(held):
            cells.append((" ", ""))
        elif held[k].wall_born:
            cells.append(wall_cell(look))
        else:
            cells.append(heat(held[k].qty / full, side, look))
    line = Text(no_wrap=True)
    for style, alike in groupby(cells, key=itemgetter(1)):
        line.append("".join(char for char, _ in alike), style)
    return line.append(" ")


def _rung(level: Level, side: str, k: int, most: int, ts: int, digits: Digits, width: int) -> Text:
    """One level of the ladder: its place, price, quantity, bar, and the wall that stands there."""
    colour = BID if side == "bid" else ASK
    place = f"{k + 1 if side == 'ask' else -k - 1:+d}"
    line = Text().append(f"{place} ", DIM)
    line.append(to_text(level.px, digits.px).rjust(9), f"bold {colour}" if k == 0 else colour)
    line.append(to_text(level.qty, digits.qty).rjust(9))
    room = width - line.cell_len - 1
    drawn = Text(" ").append(bar(level.qty / max(1, most), room), colour)
    if level.wall_born:  # over the end of the bar, which is seen through it
        said = f"{'WALL' if room >= ROOM_FOR_A_WORD else 'W'} {duration(ts - level.wall_born)}"
        covered = max(0, round(level.qty / max(1, most) * room) - (room - len(said)))
        drawn.right_crop(len(said))
        drawn.append(said[:covered], f"bold #000000 on {colour}")
        drawn.append(said[covered:], f"bold {WALL}")
    return line.append_text(drawn)


def _middle(state: Any, columns: list[Column | None]) -> Text:
    """Between the sides: the mid through the seconds, and as it stands."""
    features = state.features
    line = Text().append(spark(_values(columns, lambda column: column.mid)), DIM)
    line.append(f"    {number(float(features.mid), 2):>9}", "bold")
    if features.book_stale:
        return line.append(" STALE", WARN)
    return line.append(f"  micro {number(float(features.microprice), 2)}", DIM)


def _sparklines(state: Any, columns: list[Column | None]) -> list[Text]:
    """CVD, imbalance and prints a second, on the seconds of the strip."""
    f = state.features
    cvd, obi = float(f.cvd), float(f.obi)
    leaning = Text()
    for style, alike in groupby(_values(columns, lambda column: column.obi), key=_side):
        leaning.append(spark([abs(value) for value in alike], 0.0, 1.0), style)
    drawn = (
        Text().append(spark(_values(columns, lambda column: column.cvd)), "blue"),
        leaning,
        Text().append(spark(_values(columns, lambda column: column.tps), 0.0), "cyan"),
    )
    lean = "even" if abs(obi) < LEANS or math.isnan(obi) else "bids" if obi > 0 else "asks"
    said = (
        ("cvd", number(cvd, 3, sign=True), _side(cvd), f"10s {number(f.cvd_10s, 1, sign=True)}"),
        ("obi", number(obi, 3, sign=True), _side(obi), lean),
        ("tps", number(f.tps_1s, 0), "", f"10s {number(f.tps_10s, 1)}"),
    )
    lines = []
    for line, (name, figure, style, more) in zip(drawn, said, strict=True):
        line.append(f" {name}", DIM).append(f"{figure:>9}", style).append(f" {more}", DIM)
        lines.append(line)
    return lines


def _side(value: float) -> str:
    return BID if value > 0 else ASK if value < 0 else ""


def _values(columns: list[Column | None], of: Callable[[Column], float]) -> list[float]:
    return [float("nan") if column is None else of(column) for column in columns]
