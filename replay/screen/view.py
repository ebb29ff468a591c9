"""The whole screen for a size: a function of what is shown, of this moment, and of the look.

    console.print(view(shown, moment, Look(100, 32, shades=True)))

Rows that do not fit are left out from the bottom: the market is always there, then flow and
position, then the feed and the signals. The last line is the log's last word, else the last signal.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from micropulse.sinks.tables import Digits
from micropulse.sinks.transactions import iso
from micropulse.strategy import reason_name, strategy_name
from replay.screen import market as market_of
from replay.screen import panels
from replay.screen.history import History
from replay.screen.look import ASK, BAD, BID, CALM, DIM, WARN, Look, number
from replay.screen.panels import Health
from replay.sight.holding import Limits
from replay.sight.told import OLD_S

WIDE = 96  # three panels in a row
ROW, LEAST_ROW = 8, 4  # lines of a row of panels, its frame included
LEAST_WIDTH, LEAST_HEIGHT = 50, 16


class Shown(NamedTuple):
    """One run: what does not change, its State (live), and what is remembered of it."""

    symbol: str
    strategy: ModuleType
    digits: Digits
    limits: Limits
    state: Any
    history: History


class Moment(NamedTuple):
    """What is not in the log. `what` is said in the header, `others` are runs on one line each."""

    what: str
    health: Health
    log: tuple[str, ...] = ()
    others: tuple[Text, ...] = ()


def view(shown: Shown, moment: Moment, look: Look) -> RenderableType:
    """The screen, `look.height` lines at most."""
    if look.width < LEAST_WIDTH or look.height < LEAST_HEIGHT:
        return _small(shown, moment, look)
    rows: list[RenderableType] = [_header(shown, moment, look)]
    others = moment.others[: max(0, look.height - LEAST_HEIGHT)]
    left = look.height - 2 - len(others) - market_of.HEIGHT
    has_signals = left >= ROW + LEAST_ROW
    if left >= 2 + ROW * (1 if look.width >= WIDE else 2):
        inside = look._replace(width=look.width - 4)
        lines = market_of.market(shown.state, shown.history, shown.digits, inside)
        title = f"market · {market_of.seconds_shown(inside.width)} s"
        rows.append(_panel(title, lines, look.width, market_of.HEIGHT + 2))
        left -= 2
    else:
        rows += market_of.market(shown.state, shown.history, shown.digits, look)
    panels_of = _rows_of(look)
    for names in panels_of:
        if left >= LEAST_ROW:
            takes_all = names == panels_of[-1] or left - ROW < LEAST_ROW
            height = left if takes_all else ROW
            rows.append(_row(names, shown, moment, look.width, height))
            left -= height
    rows += [Text()] * left
    return Group(*rows, *others, _foot(shown, moment, has_signals))


def _rows_of(look: Look) -> tuple[tuple[str, ...], ...]:
    if look.width >= WIDE:
        return ("flow", "position", "feed"), ("signals", "trips")
    return ("flow", "position"), ("feed", "signals"), ("trips",)


def _row(
    names: tuple[str, ...], shown: Shown, moment: Moment, width: int, height: int
) -> RenderableType:
    """Panels beside one another."""
    grid = Table.grid()
    widths = [width // len(names)] * len(names)
    widths[-1] += width - sum(widths)
    made = []
    for name, wide in zip(names, widths, strict=True):
        grid.add_column(width=wide)
        title, lines = _content(name, shown, moment, wide - 4, height - 2)
        made.append(_panel(title, lines, wide, height))
    grid.add_row(*made)
    return grid


def _content(
    name: str, shown: Shown, moment: Moment, width: int, height: int
) -> tuple[str, list[Text]]:
    """The title and lines of a panel."""
    state, history, digits = shown.state, shown.history, shown.digits
    if name == "flow":
        return "flow", panels.flow(state, width)
    if name == "position":
        reason = reason_name(shown.strategy, int(state.position.entry_reason))
        return "position", panels.position(state, digits, shown.limits, reason, width)
    if name == "feed":
        return "feed", panels.feed(state, history, moment.health)
    if name == "trips":
        trips = list(history.trips)[-height:]
        title = f"round trips · {int(state.account.trips)}"
        return title, [panels.trip_line(row, history, digits) for row in reversed(trips)]
    rows = list(history.signals)[-height:]
    title = f"signals · {history.taken} taken of {history.considered}"
    return title, [panels.signal_line(row, history, digits, width) for row in reversed(rows)]


def _panel(title: str, lines: list[Text], width: int, height: int) -> Panel:
    text = Text("\n", no_wrap=True, overflow="ellipsis").join(lines[: height - 2])
    text.no_wrap, text.overflow = True, "ellipsis"
    return Panel(
        text,
        title=Text(title, DIM),
        title_align="left",
        box=box.ROUNDED,
        border_style="bright_black",
        width=width,
        height=height,
    )


def _header(shown: Shown, moment: Moment, look: Look) -> Text:
    """Symbol, rule, price, time, and whether it is alive; where it is narrow without the spread,
    then without the time."""
    state = shown.state
    features, age, now = state.features, moment.health.age_s, int(state.clock.now)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f" {shown.symbol} ", "bold reverse").append(f" {strategy_name(shown.strategy)}  ")
    line.append(number(float(features.mid), 2), "bold")
    side = int(state.position.side)
    held = {1: ("  LONG", f"bold {BID}"), -1: ("  SHORT", f"bold {ASK}")}.get(side, ("", ""))
    late = age is not None and (age > OLD_S or bool(features.book_stale))
    alive = Text().append("" if age is None else "● ", BAD if late else CALM)
    alive.append(moment.what, WARN if moment.health.note else "")
    spread = f"  spread {number(float(features.spread), 2)}"
    when = "" if now < 0 else f"{iso(now)[:21]}Z  "
    room = look.width - line.cell_len - len(held[0]) - alive.cell_len - 2
    if room < len(spread) + len(when):
        when = when[11:]
    if room < len(spread) + len(when):
        spread = ""
    if room < len(when):
        when = ""
    line.append(spread, DIM).append(*held)
    gap = look.width - line.cell_len - len(when) - alive.cell_len - 1
    return line.append(" " * max(1, gap)).append(when, DIM).append_text(alive)


def _foot(shown: Shown, moment: Moment, has_signals: bool) -> Text:
    """One line: the log's last word; the last signal where no panel has it and the log does not
    warn."""
    signals, words = shown.history.signals, moment.log[-1].rstrip("\n") if moment.log else ""
    warns = "ERROR" in words or "WARNING" in words
    if signals and (not words or not (has_signals or warns)):
        line = panels.signal_line(signals[-1], shown.history, shown.digits, panels.ROOMY)
    else:
        line = Text(words, WARN if warns else DIM)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def other_line(shown: Shown) -> Text:
    """A run that has no screen of its own, on a line."""
    state, account = shown.state, shown.state.account
    net = (int(account.gross) - int(account.fees)) / 10**shown.digits.money
    side = {1: "LONG", -1: "SHORT"}.get(int(state.position.side), "flat")
    line = Text(f" {shown.symbol} ", "bold", no_wrap=True, overflow="ellipsis")
    line.append(f"{number(float(state.features.mid), shown.digits.px)}  obi ")
    line.append(f"{number(float(state.features.obi), 3, sign=True)}  {side}  realised {net:+.4f}")
    return line.append("  book stale" if state.features.book_stale else "", WARN)


def _small(shown: Shown, moment: Moment, look: Look) -> RenderableType:
    """A window too small for a screen still says the most important."""
    lines = [other_line(shown), _foot(shown, moment, has_signals=False)]
    lines.append(Text(f"The screen needs {LEAST_WIDTH}x{LEAST_HEIGHT} characters.", DIM))
    return Group(*lines[: max(1, look.height)])
