"""`./mp soak`: the Hypothesis tests alone, for as long as it is told, other examples each round."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
from pathlib import Path
from hypothesis import given, strategies as st

@given(st.integers(0, 10**9))
def test_drawn(number):
    with Path("drawn").open("a") as file:
        print(number, file=file)

def test_that_draws_nothing():
    raise AssertionError
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an environment that is current, and with two tests."""
    for name, text in (
        ("pyproject.toml", "[tool.pytest.ini_options]\n"),
        ("requirements.lock", ""),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "mp", tmp_path / "mp")
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests" / "conftest.py")
    (tmp_path / "tests" / "test_a.py").write_text(TESTS, encoding="utf-8")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    made = f"{{ printf '%s\\n' {tmp_path}; cat pyproject.toml requirements.lock | cksum; }}"
    subprocess.run(f"{made} > .venv/made-for", shell=True, cwd=tmp_path, check=True)
    return tmp_path


def soak(checkout: Path, *words: str) -> tuple[int, list[str], str]:
    """Its exit code, the numbers drawn, and what was said on stderr."""
    done = subprocess.run(
        [checkout / "mp", "soak", *words, "-p", "no:cacheprovider"] if words else ["./mp", "soak"],
        cwd=checkout,
        env=os.environ | {"PATH": f"{checkout}/.venv/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    file = checkout / "drawn"
    return done.returncode, file.read_text().split() if file.exists() else [], done.stderr


def test_it_draws_as_many_examples_as_it_is_told(checkout: Path) -> None:
    code, drawn, said = soak(checkout, "--examples", "70")
    assert (code, len(drawn)) == (0, 70), said


def say_times(checkout: Path, *seconds: int) -> None:
    """What `date +%s` says, call by call."""
    for call, second in enumerate(seconds):
        (checkout / f"time-{call}").write_text(f"{second}\n", encoding="utf-8")
    date = checkout / ".venv" / "bin" / "date"
    date.write_text('#!/bin/sh\nset -- time-*\ncat "$1"\nrm "$1"\n', encoding="utf-8")
    date.chmod(0o755)


def test_it_draws_others_each_round_until_the_time_is_up(checkout: Path) -> None:
    now = 9_999_999_990
    say_times(checkout, now, now, now + 1, now + 2)
    code, drawn, said = soak(checkout, "2")
    assert (code, len(drawn)) == (0, 400), said  # two rounds of 200
    assert len(set(drawn)) > 300


def test_no_test_begins_when_the_time_is_up(checkout: Path) -> None:
    say_times(checkout, 0, 0, 2)
    assert soak(checkout, "2")[:2] == (0, [])


def test_without_a_number_it_says_what_it_wants(checkout: Path) -> None:
    code, drawn, said = soak(checkout)
    assert (code, drawn) == (1, [])
    assert "./mp soak SECONDS, or ./mp soak --examples N" in said
