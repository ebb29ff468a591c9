"""Drawing on a real terminal, at most four times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live

from replay.screen.look import Look

EACH_S = 0.25
Drawing = Callable[[Look], RenderableType]


class Terminal:
    """A screen that is redrawn when it is due."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console, self._live = console, live
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether a quarter of a second has passed since it was drawn last."""
        return time.monotonic() >= self._due

    def draw(self, drawing: Drawing) -> None:
        """Draw, at the size that the terminal has now."""
        self._due = time.monotonic() + EACH_S
        self._live.update(drawing(look_of(self._console)), refresh=True)


@contextmanager
def full_screen(console: Console) -> Iterator[Terminal]:
    """The terminal's other screen; what was on it comes back, whatever happens."""
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
        yield Terminal(console, live)


def look_of(console: Console) -> Look:
    """What the terminal can show."""
    shades = not console.no_color and console.color_system in ("256", "truecolor")
    return Look(console.width, console.height, shades)
