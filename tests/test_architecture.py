"""The house rules hold for every source, and each of them can fail."""

from __future__ import annotations

import pytest

from tests.house import (
    CLOCK_READERS,
    RULES,
    Rule,
    chance_has_a_seed,
    clock_is_read_in_few_places,
    clock_uses,
    core_is_pure,
    fits_a_screen,
    imports_point_one_way,
    is_no_drawer,
    kernels_are_exact,
    one_compiler,
)
from tests.sources import PACKAGES, Source, sources

OURS = sources(*PACKAGES)
THEIRS = sources("tests", "benchmarks", "notebooks")
ALSO_FOR_TESTS = (chance_has_a_seed, fits_a_screen, is_no_drawer)

CORE = "micropulse/core.py"
KERNEL = "from micropulse.jit import kernel\nimport math\nimport numpy as np\n@kernel\ndef f(x):\n"

# Small files that are wrong: rule, path, text.
WRONG = (
    (imports_point_one_way, "recorder/tape.py", "import replay.source"),
    (imports_point_one_way, "recorder/tape.py", "from strategies import wall_break"),
    (imports_point_one_way, "micropulse/run.py", "from recorder.tape import read"),
    (imports_point_one_way, "micropulse/core.py", "def f():\n    import strategies.idle"),
    (imports_point_one_way, "micropulse/run.py", "importlib.import_module('replay.verify')"),
    (imports_point_one_way, "micropulse/run.py", "__import__('replay')"),
    (imports_point_one_way, "strategies/mine.py", "from micropulse import execution"),
    (imports_point_one_way, "strategies/mine.py", "from micropulse.features.flow import cvd"),
    (imports_point_one_way, "strategies/mine.py", "from . import other"),
    (imports_point_one_way, "strategies/mine.py", "import micropulse"),
    (imports_point_one_way, "micropulse/features/walls.py", "from micropulse.account import net"),
    (imports_point_one_way, "micropulse/features/walls.py", "from ..execution import match"),
    (imports_point_one_way, "micropulse/features/__init__.py", "from .. import core"),
    (imports_point_one_way, "replay/backtest.py", "from micropulse.cli import app"),
    (imports_point_one_way, "micropulse/run.py", "from . import cli"),
    (imports_point_one_way, "replay/verify.py", "from micropulse.testing import no_lookahead"),
    (imports_point_one_way, "micropulse/run.py", "import micropulse.testing.ran"),
    (core_is_pure, CORE, "import time"),
    (core_is_pure, CORE, "from os import path"),
    (core_is_pure, CORE, "import pyarrow.parquet as pq"),
    (core_is_pure, CORE, "def f():\n    import polars"),
    (core_is_pure, CORE, "import numpy as np\nx = np.random"),
    (core_is_pure, CORE, "from numpy.random import default_rng"),
    (core_is_pure, CORE, "from micropulse.sinks.csv import write"),
    (core_is_pure, CORE, "print(1)"),
    (core_is_pure, CORE, "key = hash"),
    (core_is_pure, "micropulse/wire.py", "text = open('frames').read()"),
    (core_is_pure, "micropulse/features/a_new_one.py", "import datetime"),
    (kernels_are_exact, CORE, KERNEL + "    return np.sum(x)"),
    (kernels_are_exact, CORE, KERNEL + "    return x.mean()"),
    (kernels_are_exact, CORE, KERNEL + "    return sum(x)"),
    (kernels_are_exact, CORE, KERNEL + "    return x @ x"),
    (kernels_are_exact, CORE, KERNEL + "    return x ** 0.5"),
    (kernels_are_exact, CORE, KERNEL + "    return math.log(x)"),
    (kernels_are_exact, CORE, KERNEL + "    return x in {1, 2}"),
    (kernels_are_exact, CORE, KERNEL + "    return set(x)"),
    (kernels_are_exact, "strategies/mine.py", "from math import exp\ndef decide(x):\n    exp(x)"),
    (one_compiler, "replay/sweep.py", "from numba import njit\n@njit\ndef f(): pass"),
    (one_compiler, "replay/sweep.py", "import numba as nb\n@nb.cfunc('f8(f8)')\ndef f(x): pass"),
    (one_compiler, CORE, "from numba.experimental import jitclass\n@jitclass([])\nclass A: pass"),
    (one_compiler, "micropulse/jit.py", "import numba\nnumba.njit(fastmath=True)"),
    (one_compiler, "micropulse/jit.py", "import numba\nnumba.njit(parallel=True)"),
    (one_compiler, "micropulse/jit.py", "import numba\nnumba.vectorize()"),
    (clock_is_read_in_few_places, "recorder/journal.py", "import time\nstart = time.time_ns()"),
    (clock_is_read_in_few_places, "recorder/tape.py", "from time import monotonic as now\nnow()"),
    (clock_is_read_in_few_places, "strategies/mine.py", "import time as t\nf = t.perf_counter"),
    (clock_is_read_in_few_places, "replay/a.py", "from datetime import datetime\ndatetime.now()"),
    (clock_is_read_in_few_places, "replay/a.py", "import datetime\ndatetime.date.today()"),
    (chance_has_a_seed, "replay/a.py", "import random\nrandom.random()"),
    (chance_has_a_seed, "replay/a.py", "from random import shuffle\nshuffle(x)"),
    (chance_has_a_seed, "replay/a.py", "import random\nrandom.Random()"),
    (chance_has_a_seed, "replay/a.py", "import numpy as np\nnp.random.rand(3)"),
    (chance_has_a_seed, "replay/a.py", "import numpy as np\nnp.random.default_rng()"),
    (chance_has_a_seed, "replay/a.py", "import uuid\nuuid.uuid4()"),
    (fits_a_screen, "replay/a.py", "x = 1\n" * 321),
    (fits_a_screen, "tests/test_a.py", "x = 1\n" * 401),
    (fits_a_screen, "replay/a.py", "def f():\n" + "    x = 1\n" * 70),
    (fits_a_screen, "replay/a.py", "class A:\n  async def f(self):\n" + "    x = 1\n" * 70),
    (fits_a_screen, "tests/test_a.py", "def f():\n" + "    x = 1\n" * 100),
    (fits_a_screen, "replay/a.py", "x = '" + "-" * 95 + "'"),
    (is_no_drawer, "replay/utils.py", ""),
    (is_no_drawer, "micropulse/common/rows.py", ""),
    (is_no_drawer, "tests/test_helper.py", ""),
)

# Near misses that are right.
RIGHT = (
    ("micropulse/cli/replaying.py", "import replay.verify\nprint(open('a'))"),
    ("micropulse/__main__.py", "from micropulse.cli import main"),
    ("replay/strategy_check/future.py", "from micropulse.testing import no_lookahead"),
    ("micropulse/testing/live.py", "import subprocess\nfrom replay.verify import verify"),
    ("micropulse/cli/proving.py", "from micropulse.testing import no_lookahead"),
    ("micropulse/features/flow.py", "from micropulse.schema import State"),
    ("micropulse/record.py", "import numpy as np\nclass A:\n    id: int\nx = sorted({1} | set())"),
    ("micropulse/account.py", "def f(state):\n    return state.open.id"),
    ("micropulse/features/flow.py", KERNEL + "    return math.sqrt(x) * 10 ** 3 + x.rolling_sum"),
    ("micropulse/jit.py", "from numba import njit\nnjit(fastmath=False)"),
    ("strategies/mine.py", "from micropulse.schema import Features\nfrom math import sqrt"),
    ("recorder/clock.py", "import time\nnow = time.time_ns"),
    ("recorder/journal.py", "import time\ntime.sleep(1)"),
    ("replay/a.py", "import numpy as np\nr: np.random.Generator = np.random.default_rng(7)"),
    ("replay/commonality.py", "x = 1\n" * 320),
    ("tests/test_a.py", "x = 1\n" * 400),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Rule) -> None:
    judged = OURS + THEIRS if rule in ALSO_FOR_TESTS else OURS
    found = [f"{source.path}:{line}: {text}" for source in judged for line, text in rule(source)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(("rule", "path", "text"), WRONG)
def test_a_rule_flags_what_is_wrong(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("path", "text"), RIGHT)
def test_no_rule_flags_what_is_right(path: str, text: str) -> None:
    assert [line for rule in RULES for line in rule(Source(path, text))] == []


def test_every_rule_was_seen_to_fail() -> None:
    assert {rule for rule, _, _ in WRONG} == set(RULES)


def test_there_are_sources_to_judge() -> None:
    rooms = {source.path.partition("/")[0] for source in OURS}
    assert rooms >= {"micropulse", "replay", "strategies"}


def test_an_exemption_that_is_not_needed_is_taken_away() -> None:
    idle = [s.path for s in OURS if s.module in CLOCK_READERS and not list(clock_uses(s))]
    assert idle == []
