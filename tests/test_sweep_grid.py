"""Grids: what they mean, and errors that begin with the path of the datum."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.sweep.grid import Grid, GridError, grid_of, read_grid


def grid(text: str) -> Grid:
    return grid_of(tomllib.loads(text))


def values(text: str) -> tuple[object, ...]:
    """The values of the only axis of a grid."""
    return grid(text).axes[0].values


def test_every_combination_is_a_variant() -> None:
    made = grid(EXIT + "tp_ticks = [10, 20]\nsl_ticks = [1, 2, 3]\ntime_stop_ms = 500")
    assert len(made.variants) == 6
    assert {v.settings.strategy.exit.tp_ticks for v in made.variants} == {10, 20}
    assert {v.settings.strategy.exit.time_stop_ms for v in made.variants} == {500}
    assert len({v.id for v in made.variants}) == 6


EXIT, ENTRY = "[strategy.exit]\n", "[strategy.entry]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (EXIT + "tp_ticks = 7", (7,)),
        (EXIT + "tp_ticks = { from = 10, to = 30, step = 10 }", (10, 20, 30)),
        (EXIT + "tp_ticks = { from = 10, to = 35, step = 10 }", (10, 20, 30)),
        (ENTRY + "obi_min = { from = 0.1, to = 0.4, step = 0.1 }", (0.1, 0.2, 0.3, 0.4)),
        (ENTRY + "obi_min = { from = 0, to = 1, points = 3 }", (0, 0.5, 1)),
        (ENTRY + "obi_min = { from = 0.01, to = 1, points = 3, log = true }", (0.01, 0.1, 1)),
        (EXIT + "tp_ticks = { from = 1, to = 100, points = 3, log = true }", (1, 10, 100)),
        (EXIT + "tp_ticks = { from = 1, to = 3, points = 9, log = true }", (1, 2, 3)),
        (ENTRY + "spike = [true, false]", (True, False)),
        ('[execution]\nlatency = ["tokyo", 35, "home"]', ("tokyo", 35, "home")),
    ],
)  # fmt: skip
def test_lists_and_ranges(text: str, expected: tuple[object, ...]) -> None:
    assert values(text) == expected


def test_variants_of_the_same_features_are_neighbours() -> None:
    made = grid(EXIT + "tp_ticks = [1, 2, 3]\n[features]\nwall_k = [2.0, 3.0]")
    assert [v.settings.features.wall_k for v in made.variants] == [2, 2, 2, 3, 3, 3]


DRAWN = """
[sweep]
random = 50
seed = {seed}
[strategy.exit]
tp_ticks = {{ from = 10, to = 1000, log = true }}
sl_ticks = [50, 100]
[strategy.entry]
obi_min = {{ from = -0.5, to = 0.5 }}
"""


def test_draws_come_from_the_seed_and_stay_inside() -> None:
    one, again, other = (grid(DRAWN.format(seed=seed)) for seed in (1, 1, 2))
    assert [v.id for v in one.variants] == [v.id for v in again.variants]
    assert [v.id for v in one.variants] != [v.id for v in other.variants]
    assert len(one.variants) == 50
    ticks = [v.settings.strategy.exit.tp_ticks for v in one.variants]
    assert all(10 <= t <= 1000 for t in ticks)
    assert sum(t < 100 for t in ticks) > 10  # half of a log range lies below its middle
    assert {v.settings.strategy.exit.sl_ticks for v in one.variants} == {50, 100}
    assert all(-0.5 <= v.settings.strategy.entry.obi_min <= 0.5 for v in one.variants)


def test_more_draws_than_there_are_variants_give_each_once() -> None:
    made = grid("[sweep]\nrandom = 50\n[strategy.exit]\ntp_ticks = [1, 2, 3]")
    assert sorted(v.settings.strategy.exit.tp_ticks for v in made.variants) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EXIT + "tp_tick = 3", "$.strategy.exit.tp_tick: there is no such parameter"),
        (EXIT + "tp_ticks = 3.5", "$.strategy.exit.tp_ticks: 3.5 is no whole number"),
        ('[strategy.exit]\ntp_ticks = "x"', "$.strategy.exit.tp_ticks: 'x' is no whole number"),
        (EXIT + "tp_ticks = true", "$.strategy.exit.tp_ticks: True is no whole"),
        (EXIT + "tp_ticks = []", "$.strategy.exit.tp_ticks: an empty list"),
        (EXIT + "tp_ticks = [1, 1]", "$.strategy.exit.tp_ticks: a value stands twice"),
        (EXIT + "tp_ticks = [1, [2]]", "$.strategy.exit.tp_ticks: [2] is no whole"),
        ("[strategy]\nexit = 3", "$.strategy.exit: this is a section"),
        (EXIT + "tp_ticks = { from = 1 }", "$.strategy.exit.tp_ticks: a range has `from`"),
        (EXIT + "tp_ticks = { from = 1, to = 5 }", "$.strategy.exit.tp_ticks: how many"),
        (EXIT + "tp_ticks = { from = 5, to = 1, step = 1 }", "5 to 1 is no range"),
        (EXIT + "tp_ticks = { from = 1, to = 5, step = 0 }", "ticks.step: 0 never comes"),
        (EXIT + "tp_ticks = { from = 1, to = 5, step = 0.5 }", "1.5 is no whole number"),
        (EXIT + "tp_ticks = { from = 1, to = 5, steps = 2 }", "tp_ticks.steps: unknown"),
        (EXIT + "tp_ticks = { from = 0, to = 5, points = 3, log = true }", "0 < from < to"),
        (EXIT + "tp_ticks = { from = 1, to = 5, points = 1 }", "ticks.points: 1 is no"),
        (EXIT + "tp_ticks = { from = 1, to = 5, points = 3, step = 1 }", "a step, or points"),
        (EXIT + "tp_ticks = { from = 1, to = 9999999, step = 1 }", "at most 100000"),
        (ENTRY + "spike = { from = 0, to = 1, points = 2 }", "have no range"),
        ("[features]\nwall_gone_share = [0.3, 2.0]", "$.features.wall_gone_share is 2.0"),
        ('[execution]\nlatency = ["tokio"]', "$.execution.latency is 'tokio'"),
        ("[execution]\ntaker_fee = 0", "$.execution.taker_fee"),
        ("[strategies]\na = 1", "$.strategies: unknown section"),
        ("[sweep]\nrandoms = 3", "$.sweep: Object contains unknown field `randoms`"),
        ("[sweep]\nrandom = 0", "$.sweep.random: 0"),
    ],
)  # fmt: skip
def test_mistakes_are_named_by_their_path(text: str, said: str) -> None:
    with pytest.raises(GridError) as caught:
        grid(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("$")


def test_too_many_variants_are_refused() -> None:
    axis = "{ from = 1, to = 100, step = 1 }"
    with pytest.raises(GridError, match="1,000,000 variants"):
        grid(f"[strategy.exit]\ntp_ticks = {axis}\nsl_ticks = {axis}\ntime_stop_ms = {axis}")


def test_a_strategy_beside_the_grid_is_found(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "strategies" / "obi_revert.py"
    (tmp_path / "mine.py").write_text(source.read_text())
    (tmp_path / "grid.toml").write_text('[sweep]\nstrategy = "mine.py"\n[strategy]\nsl_ticks = [1]')
    made = read_grid(tmp_path / "grid.toml")
    assert made.strategy_name == str(tmp_path / "mine.py")


def test_no_file_and_no_toml_are_said(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="There is no file"):
        read_grid(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[strategy\n")
    with pytest.raises(GridError, match="is no TOML"):
        read_grid(tmp_path / "bad.toml")


@settings(max_examples=30)
@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.integers(2, 40))
def test_ranges_ascend_and_keep_their_ends(low: float, width: float, points: int) -> None:
    text = f"[features]\nwall_k = {{ from = {low!r}, to = {low + width!r}, points = {points} }}"
    if not low < low + width:
        return
    found = values(text)
    assert found[0] == low and found[-1] == low + width
    assert list(found) == sorted(found) and len(found) == points
