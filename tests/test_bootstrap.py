"""Intervals: as wide as chance makes them, from runs of neighbours, the same for the same seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.statistics.bootstrap import (
    FEWEST,
    Floats,
    block_bootstrap,
    block_bootstrap_mean,
    block_bootstrap_ratio,
    block_length,
    resampled,
)


def autoregressive(n: int, share: float, draw: np.random.Generator) -> Floats:
    """x(t) = share · x(t − 1) + noise, from its stationary state."""
    noise = draw.standard_normal(n)
    values = np.empty(n)
    last = noise[0] / math.sqrt(1 - share * share)
    for k in range(n):
        last = share * last + noise[k] if k else last
        values[k] = last
    return values


def test_blocks_cover_what_single_draws_do_not() -> None:
    """A nominal 95 % at autocorrelation 0.4 and n = 200: 90 % with blocks, below 80 % without."""
    draw = np.random.default_rng(1)
    with_blocks = without = 0
    samples = 400
    for k in range(samples):
        values = autoregressive(200, 0.4, draw)
        found = block_bootstrap_mean(values, seed=k, resamples=500)
        with_blocks += found.low <= 0 <= found.high
        means = np.sort([values[rows].mean() for rows in resampled(200, 1, k, 200)])
        without += means[4] <= 0 <= means[194]
    assert 0.87 <= with_blocks / samples <= 0.95
    assert without / samples < 0.82


def test_independent_values_are_covered_as_promised() -> None:
    draw = np.random.default_rng(2)
    found = [
        block_bootstrap_mean(draw.exponential(size=200), seed=k, resamples=500) for k in range(400)
    ]
    assert 0.91 <= sum(one.low <= 1 <= one.high for one in found) / 400 <= 0.97


@pytest.mark.parametrize("share", [0.2, 0.4, 0.7])
def test_the_block_is_as_long_as_theory_has_it(share: float) -> None:
    """For AR(1) G and the spectrum are known sums: b = (6 φ² / (1 − φ²)² n)^⅓."""
    draw = np.random.default_rng(3)
    n = 1_000
    lengths = [block_length(autoregressive(n, share, draw)) for _ in range(50)]
    theory = (6 * share**2 / (1 - share**2) ** 2 * n) ** (1 / 3)
    assert np.median(lengths) == pytest.approx(theory, rel=0.25)


@pytest.mark.parametrize("n", [10, 57, 400])
def test_the_quick_mean_is_the_slow_one(n: int) -> None:
    values = autoregressive(n, 0.5, np.random.default_rng(n))
    slow = block_bootstrap(values, lambda part: float(part.mean()), seed=5, resamples=300)
    quick = block_bootstrap_mean(values, seed=5, resamples=300)
    assert quick == pytest.approx(slow, abs=1e-12)
    assert slow.low < slow.mid < slow.high


def test_the_ratio_is_that_of_the_same_rows() -> None:
    draw = np.random.default_rng(6)
    above, below = draw.normal(1, 1, 80), draw.normal(2, 1, 80)
    found = block_bootstrap_ratio(above, below, seed=2, resamples=300)
    ratios = np.sort(
        [above[rows].sum() / below[rows].sum() for rows in resampled(80, found.block, 2, 300)]
    )
    assert found.mid == pytest.approx(above.sum() / below.sum())
    assert (found.low, found.high) == pytest.approx((ratios[7], ratios[292]))
    assert math.isinf(block_bootstrap_ratio(above, below - 2, seed=2).high)


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 9))
def test_a_resample_is_runs_of_neighbours_on_a_circle(n: int, block: int, seed: int) -> None:
    for rows in resampled(n, block, seed, 3):
        assert len(rows) == n
        steps = np.diff(rows) % n
        breaks = np.flatnonzero(steps != 1 % n) + 1
        assert set(breaks.tolist()) <= set(range(block, n, block))


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    values = autoregressive(50, 0.3, np.random.default_rng(4))
    one, same, other = (block_bootstrap(values, np.median, seed) for seed in (7, 7, 8))
    assert one == same != other


def test_few_values_give_no_interval() -> None:
    found = block_bootstrap(np.arange(FEWEST - 1.0), np.sum, seed=1)
    assert (found.mid, found.block) == (36.0, 0)
    assert math.isnan(found.low) and math.isnan(found.high)
    assert math.isnan(block_bootstrap_mean(np.array([]), seed=1).mid)


def test_equal_values_give_a_point() -> None:
    found = block_bootstrap_mean(np.full(40, 2.5), seed=1)
    assert (found.low, found.mid, found.high, found.block) == (2.5, 2.5, 2.5, 1)


def test_an_infinite_or_undefined_figure_stays_so() -> None:
    """Profit factors of resamples without a loss are infinite, of none at all undefined."""
    values = np.array([1.0] * 19 + [-1.0])

    def profit_factor(part: Floats) -> float:
        lost = -part[part < 0].sum()
        return float(part[part > 0].sum() / lost) if lost else math.inf

    found = block_bootstrap(values, profit_factor, seed=3)
    assert (found.mid, found.high) == (19.0, math.inf)
    assert math.isfinite(found.low)
    nothing = block_bootstrap(values, lambda part: math.nan, seed=3)
    assert math.isnan(nothing.low) and math.isnan(nothing.high)
