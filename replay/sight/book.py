"""The best levels of one side of the book, with the walls that stand there."""

from __future__ import annotations

from typing import Any, NamedTuple

from micropulse.state import LEVELS

LEVELS_SHOWN = 5


class Level(NamedTuple):
    """One price of the book. `wall_born` is 0 where no standing wall is."""

    px: int
    qty: int
    wall_born: int


class Wall(NamedTuple):
    """A wall that stands in view."""

    px: int
    qty: int
    born: int  # ns


def walls_of(side: Any) -> list[Wall]:
    """The walls of a side (a WallSide) that stand and are in view."""
    return [
        Wall(int(wall["px"]), int(wall["qty"]), int(wall["born"]))
        for wall in side.walls[: int(side.tracked)]
        if wall["standing"] and not wall["slid"]
    ]


def levels(ladder: Any, side: Any, most: int = LEVELS_SHOWN) -> tuple[Level, ...]:
    """The best levels of a side of the book (a Ladder and its WallSide), best first."""
    born = {wall.px: wall.born for wall in walls_of(side)}
    n = min(int(ladder.n), most, LEVELS)
    px, qty = ladder.px[:n].tolist(), ladder.qty[:n].tolist()
    return tuple(Level(p, q, born.get(p, 0)) for p, q in zip(px, qty, strict=True))
