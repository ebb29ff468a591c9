"""A stale kernel is a wrong backtest: whatever is compiled in, an edit of it changes the result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from micropulse import fingerprint, jit
from micropulse.record import Record, i8
from micropulse.strategy import load_strategy

ROOT = Path(__file__).parents[1]

RULE = """
import os

import levels
from levels import LATE
from micropulse.record import Record, i8
from micropulse.schema import ENTER, EXIT, Features, Intent, Position

HOLD_MS = int(os.environ.get("HOLD_MS", "1000"))


class Params(Record):
    unused: i8 = 0


class Memory(Record):
    unused: i8


def decide(features, position, memory, params, intent):
    if position.pending:
        return
    if position.side == 0 and levels.leans(features.obi):
        intent.action = ENTER
        intent.side = 1
    elif position.side != 0 and position.held_ns > HOLD_MS * LATE:
        intent.action = EXIT
"""
LEVELS = """
LATE = 1_000_000


def leans(obi):
    return obi > least()


def least():
    return {least}
"""


def digest(folder: Path, cache: Path, **environment: str) -> str:
    """The digest of the rule over a made market, in a fresh process."""
    code = (
        "import sys\n"
        "from tests.running import new_core, run_through\n"
        "from micropulse.testing.markets import random_market\n"
        "core = new_core(sys.argv[1])\n"
        "ran = run_through(core, [random_market(5, 1_500).events])\n"
        "assert len(ran.out['trips'])\n"
        "print(core.digest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "rule.py")],
        cwd=ROOT,
        env=os.environ | {"MICROPULSE_CACHE": str(cache)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="there is nothing to cache")
def test_an_edit_of_a_helper_or_a_constant_changes_the_result(tmp_path: Path) -> None:
    cache = Path(jit._cache_home())  # warm for our own kernels, cold for the rule
    (tmp_path / "rule.py").write_text(RULE)
    levels = tmp_path / "levels.py"
    levels.write_text(LEVELS.format(least=0.1))
    first = digest(tmp_path, cache)
    assert digest(tmp_path, cache) == first
    assert digest(tmp_path, cache, HOLD_MS="3000") != first
    levels.write_text(LEVELS.format(least=0.6))
    assert digest(tmp_path, cache) != first
    levels.write_text(LEVELS.format(least=0.1))
    assert digest(tmp_path, cache) == first


def strategy_file(path: Path, body: str) -> Path:
    path.write_text(RULE.replace("import levels\nfrom levels import LATE\n", "LATE = 1\n")
                    .replace("levels.leans(features.obi)", "True") + body)  # fmt: skip
    return path


def key(path: Path) -> str:
    return fingerprint.module_fingerprint(load_strategy(str(path)), "")


def test_the_key_covers_constants_closures_defaults_and_classes(tmp_path: Path) -> None:
    bodies = (
        *(
            "",
            "\nX = (1, (2, 3))\n",
            "\nX = (1, (2, 4))\n",
            "\nimport numpy as np\nY = np.ones(3)\n",
        ),
        "\nimport os\nZ = float(os.environ.get('ZED', 1))\n",
        "\nclass C:\n    x = 1\n",
        "\ndef f(a=1): return a\n",
        "\ndef f(a=2): return a\n",
    )
    keys = {key(strategy_file(tmp_path / "rule.py", body)) for body in bodies}
    assert len(keys) == len(bodies)


def test_the_key_covers_values_that_come_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = strategy_file(tmp_path / "rule.py", "")
    before = key(path)
    assert key(path) == before
    monkeypatch.setenv("HOLD_MS", "2")
    assert key(path) != before


def test_every_source_of_ours_that_can_be_compiled_in_is_in_the_key() -> None:
    names = {path.name for path in fingerprint.sources("micropulse")}
    assert {"core.py", "walls.py", "resting.py", "schema.py", "jit.py", "scan.py"} <= names
    assert not names & {"cli", "tables.py"}


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="kernels are Python then")
def test_a_kernel_called_from_python_says_what_to_do() -> None:
    from micropulse.features.book import imbalance

    with pytest.raises(TypeError, match="imbalance is a kernel"):
        imbalance(None)  # type: ignore[arg-type]


def test_a_record_refuses_names_of_numpys_and_fields_it_cannot_hold() -> None:
    class Taken(Record):
        size: i8

    class Odd(Record):
        name: str

    with pytest.raises(TypeError, match="'size' is a name of numpy's"):
        Taken.dtype()
    with pytest.raises(TypeError, match="is no field"):
        Odd.dtype()


def test_the_same_text_at_another_place_has_the_same_key(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    here = strategy_file(tmp_path / "rule.py", "")
    there = strategy_file(tmp_path / "there" / "moved.py", "")
    assert key(here) == key(there)
    assert load_strategy(str(here)).__name__ == load_strategy(str(there)).__name__
