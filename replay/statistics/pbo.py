"""The probability of backtest overfitting: how often is the best in sample below the middle out
of it?

Combinatorially symmetric cross-validation (CSCV): the days are cut into an even number of blocks;
each half of the blocks is the sample once, the other half is what came "after". Bailey, Borwein,
López de Prado and Zhu, "The Probability of Backtest Overfitting", Journal of Computational
Finance 20 (4), 2017.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BLOCKS = 10  # 252 splits; blocks of at least two days from 20 days on

Floats = npt.NDArray[np.float64]


class Overfit(NamedTuple):
    """What the splits say."""

    pbo: float  # share of splits whose winner is in the lower half outside; 0.5 is pure luck
    splits: int
    logits: Floats  # of the winner's rank outside, a split each; below 0: in the lower half


def overfit(returns: Floats, blocks: int = BLOCKS) -> Overfit:
    """PBO of `returns`, days × variants, by the Sharpe ratio of each half.

    Raises ValueError for fewer than two variants, or fewer days than blocks.
    """
    days, variants = returns.shape
    if variants < 2 or blocks % 2 or not 2 <= blocks <= days:
        raise ValueError(f"{variants} variants, {days} days, {blocks} blocks cannot be split")
    # Sums of a half are sums of its blocks' sums: a split costs blocks × variants, not days.
    cuts = [days * block // blocks for block in range(blocks + 1)]
    parts = [returns[start:stop] for start, stop in pairwise(cuts)]
    counts = np.array([len(part) for part in parts])
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part**2).sum(axis=0) for part in parts])
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.isin(np.arange(blocks), chosen)
        scores = [
            _sharpe(counts[half].sum(), sums[half].sum(axis=0), squares[half].sum(axis=0))
            for half in (inside, ~inside)
        ]
        logits.append(_logit(scores[1], int(np.argmax(scores[0]))))
    found = np.array(logits)
    return Overfit(float((found <= 0).mean()), len(found), found)


def _sharpe(n: int, total: Floats, squares: Floats) -> Any:
    """Mean over standard deviation of each variant; 0 where nothing varied."""
    mean = total / n
    variance = np.maximum(squares / n - mean**2, 0)
    varies = variance > 1e-12 * squares / n  # else what is left is rounding
    return np.where(varies, mean / np.sqrt(np.where(varies, variance, 1)), 0.0)


def _logit(scores: Floats, winner: int) -> float:
    """log(w / (1 - w)) of the winner's relative rank w among N + 1; those equal share theirs."""
    below = int((scores < scores[winner]).sum())
    equal = int((scores == scores[winner]).sum())
    rank = (below + (equal + 1) / 2) / (len(scores) + 1)
    return float(np.log(rank / (1 - rank)))
