"""Deflated Sharpe, PBO, walk forward: against the papers, slow versions, and noise."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.statistics.deflated_sharpe import deflated_sharpe, luckiest_sharpe, moments
from replay.statistics.pbo import overfit
from replay.statistics.walk_forward import walk_forward
from replay.sweep.verdict import sentences, verdict


def noise(seed: int, days: int, variants: int, merit: float = 0.0) -> Any:
    """Normal days; the first variant has `merit` standard deviations a day."""
    drawn = np.random.default_rng(seed).normal(size=(days, variants))
    drawn[:, 0] += merit
    return drawn


def test_the_example_of_the_paper_comes_out() -> None:
    """Bailey and López de Prado 2014: 0.1132 a day, 0.9004."""
    luckiest = luckiest_sharpe(100, 0.5 / 250)
    assert luckiest == pytest.approx(0.1132, abs=5e-5)
    deflated = deflated_sharpe(2.5 / math.sqrt(250), luckiest, 1250, skew=-3, kurtosis=10)
    assert deflated == pytest.approx(0.9004, abs=5e-5)


def test_the_luckiest_of_many_is_what_simulation_says() -> None:
    drawn = np.random.default_rng(1).normal(scale=0.2, size=(4_000, 50)).max(axis=1)
    assert luckiest_sharpe(50, 0.04) == pytest.approx(float(drawn.mean()), rel=0.02)


def test_one_trial_needs_no_luck() -> None:
    assert luckiest_sharpe(1, 0.5) == 0.0


def test_moments_are_those_of_the_definition() -> None:
    found = moments([1.0, 2.0, 4.0, -3.0])
    assert found is not None
    assert found.sharpe == pytest.approx(np.mean([1, 2, 4, -3]) / np.std([1, 2, 4, -3], ddof=1))
    centred = np.array([1, 2, 4, -3]) - 1.0
    assert found.skew == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5)
    assert found.kurtosis == pytest.approx((centred**4).mean() / (centred**2).mean() ** 2)
    assert moments([2.0] * 30) is None


def test_extreme_moments_give_nothing_rather_than_nonsense() -> None:
    assert deflated_sharpe(2.0, 0.0, 30, skew=3.0, kurtosis=1.0) is None


def slow_pbo(returns: Any, blocks: int) -> float:
    """As the paper says it: for each half the winner, and its rank in the other half."""
    days, variants = returns.shape
    cuts = [days * k // blocks for k in range(blocks + 1)]
    below = splits = 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = [d for k in range(blocks) if k in chosen for d in range(cuts[k], cuts[k + 1])]
        outside = [d for d in range(days) if d not in inside]
        score = [returns[inside, v].mean() / returns[inside, v].std() for v in range(variants)]
        other = [returns[outside, v].mean() / returns[outside, v].std() for v in range(variants)]
        winner = max(range(variants), key=lambda v: score[v])
        rank = sum(1 for value in other if value <= other[winner])
        below += rank / (variants + 1) <= 0.5
        splits += 1
    return below / splits


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(6, 30), st.integers(2, 9), st.sampled_from([4, 6]))
def test_pbo_is_that_of_the_slow_version(seed: int, days: int, variants: int, blocks: int) -> None:
    returns = noise(seed, max(days, 2 * blocks), variants)
    assert overfit(returns, blocks).pbo == pytest.approx(slow_pbo(returns, blocks))


def test_pbo_tells_noise_from_merit() -> None:
    lucky = [overfit(noise(seed, 60, 40)).pbo for seed in range(12)]
    assert 0.3 < float(np.mean(lucky)) < 0.7
    assert overfit(noise(1, 60, 40, merit=1.0)).pbo < 0.05


def test_variants_that_are_all_the_same_are_a_throw_of_dice() -> None:
    returns = np.repeat(noise(1, 30, 1), 5, axis=1)
    assert overfit(returns).pbo == 1.0  # each winner is in the middle: not above it


@pytest.mark.parametrize(("shape", "blocks"), [((30, 1), 10), ((8, 4), 10), ((30, 4), 5)])
def test_what_cannot_be_split_is_refused(shape: tuple[int, int], blocks: int) -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        overfit(np.ones(shape), blocks)


@given(st.integers(0, 1_000), st.integers(12, 40))
def test_a_walk_never_looks_at_the_day_or_the_one_before(seed: int, days: int) -> None:
    returns = noise(seed, days, 4)
    walk = walk_forward(returns)
    assert walk.days == list(range(11, days))
    changed = returns.copy()
    changed[days - 2] += 100 * np.arange(4)  # the embargo of the last day
    changed[days - 1] += 100 * np.arange(4)[::-1]  # and the day itself
    assert walk_forward(changed).chosen[-1] == walk.chosen[-1]
    assert walk.chosen[-1] == int(np.argmax(returns[: days - 2].mean(axis=0)))
    assert walk.out_of_sample[-1] == returns[-1, walk.chosen[-1]]


def test_under_twenty_days_nothing_is_claimed_and_it_is_said() -> None:
    found = verdict(noise(1, 19, 5), tried=5)
    assert [found[name] for name in ("pbo", "walk_forward", "luckiest_sharpe", "overfitted")] == [
        None
    ] * 4
    assert all(set(one.values()) == {None} for one in found["each"])
    assert "19 days are too few" in sentences(found)[0]
    assert verdict(noise(1, 20, 5), tried=5)["pbo"] is not None


def test_an_overfitted_sweep_on_noise_is_caught_and_named() -> None:
    for seed in range(5):
        found = verdict(noise(seed, 40, 200), tried=200)
        assert found["overfitted"]
        assert "OVERFITTED" in sentences(found)[-1]


def test_a_variant_with_merit_is_not_called_luck() -> None:
    found = verdict(noise(3, 120, 50, merit=0.8), tried=50)
    assert found["best"] == 0 and not found["overfitted"]
    assert not any("OVERFITTED" in words for words in sentences(found))


def test_who_tried_more_needs_more() -> None:
    returns = noise(3, 60, 20, merit=0.55)
    few, many = (verdict(returns, tried)["each"][0]["deflated_sharpe"] for tried in (20, 50_000))
    assert many < few
