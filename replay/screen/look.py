"""How things look in characters. With 256 colours or more quantities are shades of a background;
with fewer, or none, they are glyphs that say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

BID, ASK, WALL, DIM, CALM, WARN, BAD = (
    *("#2fbf8f", "#f0616d", "#f5c542", "bright_black"),
    *("green", "yellow", "bold red"),
)
SHADES = 20  # more are not told apart, and cost: cells that are alike are drawn as one
_BASE = (16, 20, 26)
_FULL = {"bid": (47, 191, 143), "ask": (240, 97, 109)}
_HEIGHTS = "▁▂▃▄▅▆▇█"
_WIDTHS = " ▏▎▍▌▋▊▉█"
_SHADES = " ░▒▓█"


class Look(NamedTuple):
    """The size in characters, and whether shades of colours can be shown."""

    width: int
    height: int
    shades: bool


def bar(share: float, width: int) -> str:
    """A bar as long as a share of `width`, to an eighth; what is not nothing is seen."""
    eighths = min(8 * width, max(round(share * 8 * width), 1 if share > 0 else 0))
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_WIDTHS[rest] if rest else "")).ljust(width)


def spark(values: Sequence[float], low: float | None = None, high: float | None = None) -> str:
    """A character a value, as high as it lies between low and high (else the least and largest);
    a space where there is none."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return " " * len(values)
    low = min(known) if low is None else low
    high = max(known) if high is None else high
    span = high - low
    text = ""
    for value in values:
        if math.isnan(value):
            text += " "
        else:
            at = (value - low) / span if span > 0 else 0.5
            text += _HEIGHTS[min(7, max(0, int(at * 8)))]
    return text


def heat(share: float, side: str, look: Look) -> tuple[str, str]:
    """(character, style) of a cell whose quantity is this share of a full one."""
    share = min(1.0, math.sqrt(share))
    if not look.shades:
        return _SHADES[min(4, math.ceil(share * 4))], BID if side == "bid" else ASK
    return " ", _shade(side, round(share * SHADES))


@cache
def _shade(side: str, step: int) -> str:
    """The background of a step from nothing to full."""
    share = step / SHADES
    mixed = (round(b + (f - b) * share) for b, f in zip(_BASE, _FULL[side], strict=True))
    return "on #{:02x}{:02x}{:02x}".format(*mixed)


def wall_cell(look: Look) -> tuple[str, str]:
    """(character, style) of a cell with a wall: stands out with and without colours."""
    return ("▪", f"#000000 on {WALL}") if look.shades else ("W", f"bold {WALL}")


def number(value: float, places: int, sign: bool = False) -> str:
    """A number, or a dot where there is none."""
    if math.isnan(value):
        return "·"
    return f"{value:+.{places}f}" if sign else f"{value:.{places}f}"


def duration(ns: int) -> str:
    """0.8s, 42s, 3m05s, 2h10m."""
    seconds = ns / 1e9
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes == 0:
        return f"{rest}s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}h{minutes_left:02d}m" if hours else f"{minutes}m{rest:02d}s"
