"""The market: what each of the five best levels held in the last seconds, left to right, running
into the ladder as it stands; below it price, CVD, imbalance and prints on the same seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.text import Text

from micropulse.instrument import to_text
from micropulse.schema import SECOND
from micropulse.sinks.tables import Digits
from replay.screen.history import LEVELS_SHOWN, Column, History, Level, levels
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

LADDER = 40  # characters: label, price, quantity, bar, wall
NARROW_LADDER = 31
HEIGHT = 2 * LEVELS_SHOWN + 1 + 3


def market(state: Any, history: History, digits: Digits, look: Look) -> list[Text]:
    """HEIGHT lines, `look.width` wide."""
    ladder_width = LADDER if look.width >= 84 else NARROW_LADDER
    seconds = max(1, look.width - ladder_width - 1)
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
    lines.append(_middle(state, columns, look))
    lines += [rung("bid", k) for k in range(LEVELS_SHOWN)]
    return lines + _sparklines(state, columns)


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
    """Level k of a side through the seconds, and a space."""
    line = Text(no_wrap=True)
    for column in columns:
        held = () if column is None else column.bids if side == "bid" else column.asks
        if column is None or column.stale:
            line.append("╌" if k == 0 else " ", WARN if column else DIM)
        elif k >= len(held):
            line.append(" ")
        elif held[k].wall_born:
            line.append(*wall_cell(look))
        else:
            line.append(*heat(held[k].qty / full, side, look))
    return line.append(" ")


def _rung(level: Level, side: str, k: int, most: int, ts: int, digits: Digits, width: int) -> Text:
    """One level of the ladder: its place, price, quantity, bar, and the wall that stands there."""
    colour = BID if side == "bid" else ASK
    place = f"{k + 1 if side == 'ask' else -k - 1:+d}"
    line = Text().append(f"{place} ", DIM)
    line.append(to_text(level.px, digits.px).rjust(9), f"bold {colour}" if k == 0 else colour)
    line.append(to_text(level.qty, digits.qty).rjust(9))
    room = width - line.cell_len - 1
    if level.wall_born:
        said = f"WALL {duration(ts - level.wall_born)}"
        return line.append(f" {bar(level.qty / most, room - len(said) - 1)} ", colour).append(
            said, f"bold {WALL}"
        )
    return line.append(f" {bar(level.qty / max(1, most), room)}", colour)


def _middle(state: Any, columns: list[Column | None], look: Look) -> Text:
    """Between the sides: the mid through the seconds, and as it stands."""
    features = state.features
    mids = _values(columns, lambda column: column.mid)
    line = Text().append(spark(mids), DIM)
    line.append(f"    {number(float(features.mid), 2):>9}", "bold")
    line.append(f"  spread {number(float(features.spread), 2)}", DIM)
    if features.book_stale:
        line.append(" STALE", WARN)
    return line


def _sparklines(state: Any, columns: list[Column | None]) -> list[Text]:
    """CVD, imbalance and prints a second, on the seconds of the strip."""
    features = state.features
    cvd, obi = float(features.cvd), float(features.obi)
    rows = (
        ("cvd", spark(_values(columns, lambda c: c.cvd)), number(cvd, 3, sign=True)),
        ("obi", spark(_values(columns, lambda c: c.obi), -1.0, 1.0), number(obi, 3, sign=True)),
        ("tps", spark(_values(columns, lambda c: c.tps), 0.0), number(features.tps_1s, 0)),
    )
    more = (
        f" 10s {number(float(features.cvd_10s), 1, sign=True)}",
        " bids lean" if obi > 0.05 else " asks lean" if obi < -0.05 else " even",
        f" 10s {number(float(features.tps_10s), 1)}",
    )
    lines = []
    for (name, drawn, value), rest in zip(rows, more, strict=True):
        signed = name != "tps" and not value.startswith("·")
        colour = "" if not signed else ASK if value.startswith("-") else BID
        line = Text().append(drawn, colour or "cyan")
        lines.append(line.append(f" {name}", DIM).append(f"{value:>9}", colour).append(rest, DIM))
    return lines


def _values(columns: list[Column | None], of: Callable[[Column], float]) -> list[float]:
    return [float("nan") if column is None else of(column) for column in columns]
