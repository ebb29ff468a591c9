"""Walk forward by day: choose by what was known, earn what came after.

Each day from the twelfth on is traded with the variant that was best over the days before it, one
day left out between them (the embargo: what is open or remembered at midnight links neighbours).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LEAST_DAYS = 10  # to choose by
EMBARGO_DAYS = 1


class Walk(NamedTuple):
    """What choosing by the past would have brought, beside what it promised."""

    days: list[int]  # traded, as indices
    chosen: list[int]  # the variant of each
    in_sample: list[float]  # its mean a day over the days it was chosen by
    out_of_sample: list[float]  # what it brought on the day


def walk_forward(
    returns: npt.NDArray[np.float64], least: int = LEAST_DAYS, embargo: int = EMBARGO_DAYS
) -> Walk:
    """Walk over `returns`, days in order of time × variants. Of equals the first is chosen."""
    walk = Walk([], [], [], [])
    for day in range(least + embargo, len(returns)):
        means = returns[: day - embargo].mean(axis=0)
        best = int(np.argmax(means))
        walk.days.append(day)
        walk.chosen.append(best)
        walk.in_sample.append(float(means[best]))
        walk.out_of_sample.append(float(returns[day, best]))
    return walk
