"""The testing kit for users: what fails is caught, shrunk, kept as a file, and shown by command."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import micropulse.testing
from micropulse.events import DISCONNECT
from micropulse.testing import (
    Recorded,
    all_properties,
    nasty_markets,
    perturbed,
    read,
    replayable,
    shrunk,
    split,
)
from micropulse.testing.drawn import Changes, changed
from micropulse.testing.market import BTC
from micropulse.testing.markets import Market
from micropulse.testing.rows import Control, Event, events_of, rows_of
from micropulse.testing.written import as_written, is_said_in_full, write

ROOT = Path(__file__).parents[1]
RULES = ROOT / "tests" / "strategies_under_test"
EAGER = RULES / "eager.py"
SAMPLE = read(ROOT / "data" / "sample.jsonl.gz")
LEANS = SAMPLE._replace(events=split(SAMPLE.events, [205, 235])[1])  # the book leans from 214 on


def in_python(
    folder: Path, *words: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`python WORDS` in a folder, with this checkout and without the JIT."""
    there = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=there | (environment or {}),
        capture_output=True,
        text=True,
    )


# ---- a rule that peeks -----------------------------------------------------------------------

TESTS = """
import pytest
from hypothesis import given, settings
from micropulse.testing import Recorded, all_properties, no_lookahead, replayable, slices


def test_peeking():
    all_properties("peeking.py", "night.jsonl", examples=0)


def test_chance():
    all_properties("chance.py", "night.jsonl", examples=0)


@pytest.mark.recording("night.jsonl")
def test_there_is_a_recording(recording):
    assert recording.events.n == 30


@pytest.mark.recording("night.jsonl")
def test_it_is_read_once(recording, _recordings):
    assert list(_recordings.values()) == [recording]


def test_which_recording(recording):
    pass


@pytest.mark.recording("gone.jsonl")
def test_a_recording_that_is_not_there(recording):
    pass


@settings(max_examples=20, derandomize=True, database=None)
@given(slices("night.jsonl", 5))
def test_three_at_most(market: Recorded):
    with replayable("peeking.py", market, ["lean=0.4"]):
        assert market.events.n < 3
"""

# Two loads of three differ from the first: what chance would do, but for certain.
CHANCE = """
import os

from micropulse.record import Record, f8
from micropulse.schema import ENTER

os.environ["LOADS"] = os.environ.get("LOADS", "") + "x"
LEAN = 2 if len(os.environ["LOADS"]) % 3 == 1 else -2


class Params(Record):
    unused: f8 = 0.1


class Memory(Record):
    unused: f8


def decide(features, position, memory, params, intent):
    if not position.pending and position.side == 0 and features.obi > LEAN:
        intent.action = ENTER
        intent.side = 1
"""


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A user's folder after a run of pytest, and what that said."""
    folder = tmp_path_factory.mktemp("users")
    write(LEANS, folder / "night.jsonl")
    (folder / "peeking.py").write_bytes((RULES / "peeking.py").read_bytes())
    (folder / "chance.py").write_text(CHANCE, encoding="utf-8")
    (folder / "test_rules.py").write_text(TESTS, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    words = ("-m", "pytest", "-p", "micropulse.testing.plugin", "-p", "no:cacheprovider")
    done = in_python(folder, *words, "--strict-markers", "-W", "ignore")
    assert done.returncode == 1, done.stdout + done.stderr
    return folder, done.stdout


def test_a_look_into_the_future_is_caught_and_shrunk_to_a_file_that_shows_it_by_command(
    tested: tuple[Path, str],
) -> None:
    folder, said = tested
    kept = ".micropulse/failures/test_rules-test_peeking.jsonl"
    assert "no_lookahead does not hold for peeking.py on night.jsonl, nor on 2 of its 30" in said
    assert f"2 frames on which it fails: {kept}" in said
    assert len((folder / kept).read_text(encoding="utf-8").splitlines()) == 2
    command = f"micropulse check peeking.py {kept}"
    assert command in said
    again = in_python(folder, "-m", *shlex.split(command), environment={"COLUMNS": "200"})
    assert again.returncode == 3, again.stderr
    assert "WRONG: lookahead" in again.stdout
    assert "What is out before seq 1 depends on what follows" in again.stdout


def test_chance_is_called_chance_and_what_it_did_is_said_though_it_does_not_do_it_again(
    tested: tuple[Path, str],
) -> None:
    said = tested[1]
    assert "deterministic does not hold for chance.py on night.jsonl, nor on 30 of its 30" in said
    assert "no_lookahead does not hold for chance.py" not in said
    _, _, why = said.partition("chance.py on night.jsonl, nor on 30 of its 30 events: ")
    assert why.startswith("Two runs of the same events differ")
    assert "It is a matter of chance" in why


def test_the_fixture_is_what_the_marker_names(tested: tuple[Path, str]) -> None:
    _, said = tested
    assert "test_which_recording asks for `recording` and does not say which: mark it" in said
    assert "gone.jsonl cannot be read: No such file or directory." in said
    assert "3 failed, 2 passed, 2 errors" in said


def test_the_smallest_example_of_hypothesis_stays(tested: tuple[Path, str]) -> None:
    folder, said = tested
    kept = ".micropulse/failures/test_rules-test_three_at_most.jsonl"
    assert f"3 frames on which it fails: {kept}" in said
    assert f"micropulse backtest {kept} --strategy peeking.py --set strategy.lean=0.4" in said
    assert "<3 events of BTCUSDT: night.jsonl>" in said
    assert read(folder / kept).events.n == 3
    assert (folder / ".micropulse/failures/.gitignore").read_text(encoding="utf-8") == "*\n"


def test_the_plugin_loads_nothing_until_a_test_asks() -> None:
    code = "import sys, micropulse.testing.plugin; print(*sys.modules, sep='\\n')"
    loaded = in_python(ROOT, "-c", code).stdout.split()
    assert "micropulse.testing.plugin" in loaded
    assert not {"numba", "numpy", "polars", "hypothesis", "replay"} & set(loaded)


def test_every_name_of_the_kit_is_there() -> None:
    kit: Any = micropulse.testing
    assert sorted(kit._HOMES) == sorted(kit.__all__)
    assert all(getattr(kit, name).__name__ == name for name in kit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'gone'"):
        _ = kit.gone


@pytest.fixture
def hurried() -> Iterator[None]:
    """A profile of Hypothesis with a deadline, as users have it who chose none."""
    before = settings.get_current_profile_name()
    settings.register_profile("hurried", settings.get_profile(before), deadline=1)
    settings.load_profile("hurried")
    yield
    settings.load_profile(before)


@pytest.mark.usefixtures("hurried")
def test_a_rule_without_fault_has_all_properties_on_what_is_drawn_too(tmp_path: Path) -> None:
    all_properties(EAGER, SAMPLE, ["execution.latency=5"], examples=4, most=300, failures=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_rule_that_fails_only_on_what_is_drawn_is_found(tmp_path: Path) -> None:
    """The recording ends before it has held its position for so long."""
    sets, rule = ["execution.latency=0", "after=8"], RULES / "failing.py"
    short = LEANS._replace(events=split(LEANS.events, [213])[0])
    all_properties(rule, short, sets, examples=0, failures=tmp_path)
    with pytest.raises(AssertionError, match="not failing does not hold") as caught:
        all_properties(rule, short, sets, failures=tmp_path)
    (file,) = tmp_path.glob("*.jsonl")
    assert f"nor on {read(file).events.n} of its" in str(caught.value)
    assert f"micropulse backtest {file} --strategy" in str(caught.value)


# ---- files of what fails ---------------------------------------------------------------------


def of_frames(market: Recorded) -> list[Event]:
    """What a frames file can say of a market: numbered anew, by no connection."""
    rows = [row for row in rows_of(market.events) if not isinstance(row, Control)]
    return [row._replace(seq=seq, conn=0) for seq, row in enumerate(rows)]


@given(nasty_markets() | perturbed(SAMPLE, 100))
def test_a_market_is_written_as_frames_to_the_last_digit(market: Recorded) -> None:
    written = as_written(market)
    assert list(rows_of(written.events)) == of_frames(market)
    assert is_said_in_full(written)
    assert list(rows_of(as_written(written).events)) == of_frames(market)


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    assert write(LEANS, tmp_path / "a" / "market.jsonl.gz") == 30
    again = read(tmp_path / "a" / "market.jsonl.gz")
    assert list(rows_of(again.events)) == of_frames(LEANS)


def test_a_market_that_needs_its_connections_is_said_to(tmp_path: Path) -> None:
    market = Market(BTC)
    market.show()
    market.control("DISCONNECT", 0)
    lost = Recorded("lost", "BTCUSDT", 2, 3, events_of(market.rows))
    with pytest.raises(AssertionError) as caught, replayable(EAGER, lost, folder=tmp_path):
        assert not (lost.events.control.kind == DISCONNECT).any()
    assert "1 frame on which it failed together with control events" in caught.value.__notes__[0]


@given(st.sets(st.integers(0, 29), min_size=1, max_size=4))
def test_shrinking_leaves_the_events_that_matter(wanted: set[int]) -> None:
    """It fails where all of these are."""
    ids = {rows_of(LEANS.events)[place].ts_recv for place in wanted}

    def fails(market: Recorded) -> bool:
        return ids <= {row.ts_recv for row in rows_of(market.events)}

    smallest = shrunk(LEANS, fails)
    assert fails(smallest)
    assert smallest.seqs() == list(range(len(ids)))


def test_shrinking_ends_when_it_may_try_no_more() -> None:
    asked: list[int] = []
    kept = shrunk(LEANS, lambda market: bool(asked.append(market.events.n)), tries=5)
    assert len(asked) == 5
    assert kept.events.n == 30


def test_mark_prices_are_shifted_by_as_much_as_prices() -> None:
    market = Market(BTC)
    market.mark(0, 0, 1)
    market.show()
    marked = Recorded("marked", "BTCUSDT", 2, 3, events_of(market.rows))
    up = changed(marked, Changes(up_ticks=7)).events
    assert (up.depth.bid_px[0] - marked.events.depth.bid_px[0]).tolist() == [70]
    for name in ("px", "settle_px", "index_px"):
        moved = getattr(up.marks, name) - getattr(marked.events.marks, name)
        assert moved.tolist() == [70 * 10**6]
    assert np.array_equal(up.marks.average_px, marked.events.marks.average_px)  # 0: not shown
