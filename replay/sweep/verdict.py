"""What the results are worth: the statistics that keep people from fooling themselves.

The day is the sampling unit. Under twenty days there is no Sharpe ratio, no deflated one, no PBO
and no walk forward: they are null, and the reason is said.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from replay.statistics.deflated_sharpe import Moments, deflated_sharpe, luckiest_sharpe, moments
from replay.statistics.pbo import overfit
from replay.statistics.walk_forward import walk_forward

LEAST_DAYS = 20
SURE = 0.95  # a deflated Sharpe ratio below this is luck until shown otherwise
FITTED = 0.5  # at this PBO the choice is worth no more than a throw of dice

Floats = npt.NDArray[np.float64]


def verdict(daily: Floats, tried: int) -> dict[str, Any]:
    """`daily` is the net of each day, days in order of time × variants; `tried` is how many
    variants were ever tried on these days, these included.

    `each` has a Sharpe ratio and a deflated one a variant; `best` is the place of the variant with
    the largest net; `overfitted` says whether what it gained is to be taken for luck.
    """
    days, variants = daily.shape
    best = int(np.argmax(daily.sum(axis=0))) if daily.size else None
    gains = best is not None and float(daily[:, best].sum()) > 0
    found: dict[str, Any] = {
        "days": days,
        "variants_tried": tried,
        "best": best,
        "gains": gains,
        "why_none": None,
        "luckiest_sharpe": None,
        "each": [{"sharpe": None, "deflated_sharpe": None}] * variants,
        "pbo": None,
        "walk_forward": None,
        "overfitted": None,
    }
    if best is None:
        found["why_none"] = "No variant traded on any day: there is nothing to judge."
        return found
    if days < LEAST_DAYS:
        found["why_none"] = (
            f"{days} {'day is' if days == 1 else 'days are'} too few: the day is the sampling "
            f"unit, and under {LEAST_DAYS} of them there is no Sharpe ratio, deflated or not, no "
            "probability of overfitting and no walk forward. These days only."
        )
        return found
    shapes = [moments(daily[:, v].tolist()) for v in range(variants)]
    luckiest = luckiest_sharpe(tried, _variance([m.sharpe for m in shapes if m is not None]))
    found["luckiest_sharpe"] = luckiest
    found["each"] = [_of(shape, luckiest) for shape in shapes]
    if variants > 1:
        found["pbo"] = overfit(daily).pbo
    found["walk_forward"] = _walk(daily)
    deflated = found["each"][best]["deflated_sharpe"]
    is_luck = deflated is None or deflated < SURE
    found["overfitted"] = gains and (is_luck or (found["pbo"] or 0.0) >= FITTED)
    return found


def sentences(found: dict[str, Any]) -> list[str]:
    """The verdict for people."""
    if found["why_none"]:
        return [found["why_none"]]
    said = [] if found["gains"] else ["No variant gained: the best is the one that lost least."]
    best, luckiest = found["each"][found["best"]], found["luckiest_sharpe"]
    if best["sharpe"] is None:
        said.append("The best variant earns the same each day: it has no Sharpe ratio.")
    else:
        sure = best["deflated_sharpe"]
        said.append(
            f"The best variant has a Sharpe ratio of {best['sharpe']:.3f} a day. The luckiest of "
            f"{found['variants_tried']:,} without any merit would have {luckiest:.3f}. The "
            f"probability that it is better than luck (deflated Sharpe ratio) is {_share(sure)}."
        )
    if found["pbo"] is not None:
        said.append(
            f"Probability of overfitting: {found['pbo']:.0%}. In so many of the ways to halve the "
            "days the best of one half was in the lower half of the variants in the other."
        )
    walk = found["walk_forward"]
    said.append(
        f"Chosen each day by the days before (one day left out), the variants promised "
        f"{walk['in_sample_a_day']:.4f} a day and brought {walk['out_of_sample_a_day']:.4f} over "
        f"{walk['days']} days."
    )
    if found["overfitted"]:
        said.append(f"OVERFITTED, as far as these days tell: {_fails(found)}.")
    return said


def _fails(found: dict[str, Any]) -> str:
    """Which of the two tests the best variant does not pass."""
    fails = []
    sure = found["each"][found["best"]]["deflated_sharpe"]
    if sure is None or sure < SURE:
        fails.append("its gain may be the luck of so many tries (deflated Sharpe ratio under 95%)")
    if found["pbo"] is not None and found["pbo"] >= FITTED:
        fails.append("being the best of some days says nothing of others (probability 50% or more)")
    return ", and ".join(fails)


def _of(shape: Moments | None, luckiest: float) -> dict[str, float | None]:
    if shape is None:
        return {"sharpe": None, "deflated_sharpe": None}
    sure = deflated_sharpe(shape.sharpe, luckiest, shape.n, shape.skew, shape.kurtosis)
    return {"sharpe": shape.sharpe, "deflated_sharpe": sure}


def _variance(sharpes: list[float]) -> float:
    """Of the trials' Sharpe ratios; 0 for fewer than two."""
    if len(sharpes) < 2:
        return 0.0
    mean = math.fsum(sharpes) / len(sharpes)
    return math.fsum((sharpe - mean) ** 2 for sharpe in sharpes) / (len(sharpes) - 1)


def _walk(daily: Floats) -> dict[str, Any]:
    walk = walk_forward(daily)
    n = len(walk.days)
    return {
        "days": n,
        "chosen": walk.chosen,
        "in_sample": walk.in_sample,
        "out_of_sample": walk.out_of_sample,
        "in_sample_a_day": math.fsum(walk.in_sample) / n,
        "out_of_sample_a_day": math.fsum(walk.out_of_sample) / n,
    }


def _share(probability: float | None) -> str:
    return "not known" if probability is None else f"{probability:.1%}"
