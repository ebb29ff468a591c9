"""The deflated Sharpe ratio: is the best of many trials better than the luckiest of as many?

    luck = luckiest_sharpe(trials=100, variance=0.5 / 250)          # 0.1132 a day
    deflated_sharpe(2.5 / 250**0.5, luck, days=1250, skew=-3, kurtosis=10)      # 0.9004

Bailey and López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest
Overfitting and Non-Normality", Journal of Portfolio Management 40 (5), 2014. Every Sharpe ratio
here is that of one period (a day), never annualised: the formula's n is a number of those periods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

EULER_GAMMA = 0.5772156649015329


class Moments(NamedTuple):
    """Of the returns of one trial, a period each."""

    n: int
    sharpe: float  # mean over standard deviation (n - 1)
    skew: float
    kurtosis: float  # 3 for a normal distribution


def moments(returns: Sequence[float]) -> Moments | None:
    """The moments of the returns; None when they do not vary, or are fewer than three."""
    n = len(returns)
    if n < 3 or min(returns) == max(returns):
        return None
    mean = math.fsum(returns) / n
    second, third, fourth = (math.fsum((r - mean) ** k for r in returns) / n for k in (2, 3, 4))
    if second == 0:
        return None
    sharpe = mean / math.sqrt(second * n / (n - 1))
    return Moments(n, sharpe, third / second**1.5, fourth / second**2)


def luckiest_sharpe(trials: int, variance: float) -> float:
    """SR0: the Sharpe ratio one expects of the best of `trials` that have no merit.

    sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))), with V the variance of the trials' Sharpe
    ratios, N their number, g Euler's constant and Z the normal quantile. One trial: 0.
    """
    if trials < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    first, second = quantile(1 - 1 / trials), quantile(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - EULER_GAMMA) * first + EULER_GAMMA * second)


def deflated_sharpe(
    sharpe: float, luckiest: float, days: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float | None:
    """The probability that the true Sharpe ratio is above `luckiest`, from 0 to 1.

    Phi((SR - SR0) sqrt(T - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)). None where the
    moments are so extreme that the square root is of nothing.
    """
    spread = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if spread <= 0 or days < 2:
        return None
    return NormalDist().cdf((sharpe - luckiest) * math.sqrt(days - 1) / math.sqrt(spread))
