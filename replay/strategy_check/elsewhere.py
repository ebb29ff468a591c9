"""Does it know what is neither in the recording nor in its parameters?

A cut cannot show that: a table made offline from the whole recording is the same before and after
it. So the strategy's own code is watched for what it opens, its Memory must start empty, its
source is read, and it is run in other worlds: the same market at another date, one with a few
more calls of `decide`, one a dollar dearer. A rule that looks at the market does the same there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from micropulse.fingerprint import source_of
from micropulse.params import Settings
from micropulse.testing.properties import named
from micropulse.testing.recorded import Recorded
from replay.strategy_check.apart import Job, Result, Touched, run_apart
from replay.strategy_check.deeds import Deeds, first_other
from replay.strategy_check.findings import Finding
from replay.strategy_check.stretch import Stretch
from replay.strategy_check.worlds import CALLS, TICKS, called_more, dearer, later

NUMBERS_MOST = 64  # in a constant of the module, before it is mentioned
KEPT_LEAST = 0.5  # of the entries, in a market a few ticks dearer
REACHES_OUT = (
    *("asyncio", "cffi", "csv", "ctypes", "datetime", "gc", "http", "inspect", "io", "json"),
    *("multiprocessing", "os", "pandas", "pathlib", "pickle", "polars", "pyarrow", "random"),
    *("requests", "secrets", "shutil", "socket", "sqlite3", "subprocess", "sys", "tempfile"),
    *("threading", "time", "urllib", "uuid"),
)
CALLED = ("open", "eval", "exec", "__import__")


def knows_from_elsewhere(
    strategy: ModuleType,
    settings: Settings,
    stretch: Stretch,
    deeds: Deeds,
    watched: Result | None,
    *,
    worlds: bool = True,
) -> Iterator[Finding]:
    """All the ways that can be seen from here. Without `worlds` it is not run in others, which says
    nothing of a rule that is not the same in this one."""
    if watched is not None:
        yield from (_opened(touched) for touched in watched.touched)
    yield from _memory(strategy)
    yield from _reads(strategy)
    yield from _constants(strategy)
    if worlds:
        yield from _other_worlds(strategy, settings, stretch, deeds)


def _opened(touched: Touched) -> Finding:
    return Finding(
        "outside knowledge",
        True,
        f"{touched.file}, line {touched.line}: {touched.event} {touched.name}",
        "What it knows comes from there and not from the recording. If that was made from this "
        "recording, it is the future; in any case tape, code and parameters do not give the run.",
        "Put what it needs into Params or the module itself.",
    )


def _memory(strategy: ModuleType) -> Iterator[Finding]:
    if strategy.Memory.zeros(1).view(np.uint8).any():
        yield Finding(
            "memory",
            True,
            "Memory is not zero before the first event.",
            "It starts knowing something: Memory.zeros was overridden, or a field has a default.",
            "Let Memory start empty and fill it in `decide`.",
        )


def _reads(strategy: ModuleType) -> Iterator[Finding]:
    """Imports and calls with which a strategy could reach out of the run."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source_of(strategy))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names = [node.func.id] if node.func.id in CALLED else []
        elif isinstance(node, ast.Attribute) and node.attr in ("random", "load", "fromfile"):
            names = [ast.unparse(node)] if isinstance(node.value, ast.Name) else []
        for name in names:
            outside = name.partition(".")[0] in REACHES_OUT or name in CALLED or "." in name
            if outside and not name.startswith(("micropulse.", "collections.", "numpy.typing")):
                found.append(f"{name} (line {getattr(node, 'lineno', 0)})")
    if found:
        yield Finding(
            "reaches out",
            False,
            f"{Path(str(strategy.__file__)).name} uses {', '.join(found)}",
            "With these a strategy can know more than the recording; `decide` needs none of them.",
            "Take them out, or be sure of what they are for.",
        )


def _constants(strategy: ModuleType) -> Iterator[Finding]:
    for name, value in sorted(vars(strategy).items()):
        size = value.size if isinstance(value, np.ndarray) else _numbers(value)
        if size > NUMBERS_MOST:
            yield Finding(
                "large constant",
                False,
                f"{name} holds {size} numbers.",
                "Nothing can tell the weights of a model from the answers to this recording.",
                "Check it on days that were recorded after the numbers were made.",
            )


def _numbers(value: Any) -> int:
    if isinstance(value, tuple | list):
        return sum(_numbers(item) for item in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))


# ---- other worlds ----------------------------------------------------------------------------


def _other_worlds(
    strategy: ModuleType, settings: Settings, stretch: Stretch, deeds: Deeds
) -> Iterator[Finding]:
    recorded = stretch.recorded
    worlds = [later(recorded), called_more(recorded), dearer(recorded)]
    results = run_apart(Job(named(strategy), settings.as_dict(), worlds))
    judges = (_by_date, _by_calls, _by_price)
    for k, judge in enumerate(judges):
        if k >= len(results):
            yield _died()
            return
        there = results[k].deeds
        if there is None:
            yield _died(results[k].failed)
        else:
            yield from judge(deeds, there, recorded)


def _by_date(here: Deeds, there: Deeds, recorded: Recorded) -> Iterator[Finding]:
    seq = first_other(here, there)
    if seq is not None:
        yield Finding(
            "by the date",
            True,
            f"The same market 52 weeks later, at the same weekday and hour, is traded otherwise, "
            f"first at seq {seq}.",
            "It decides by absolute time, as a table of this recording keyed by its times does.",
            "Use differences of times only (`features.ts - memory.since_ts`).",
            seq,
        )


def _by_calls(here: Deeds, there: Deeds, recorded: Recorded) -> Iterator[Finding]:
    first = recorded.seqs()[0]
    back = _unshifted(there, first)
    seq = first_other(here, back)
    if seq is not None:
        yield Finding(
            "by the count",
            True,
            f"With {CALLS} ticks of the clock behind the first event it trades otherwise, first at "
            f"seq {seq}.",
            "It counts how often `decide` is called. Live has ticks and duplicates that a file has "
            "not, and a table of this recording, read row by row, does the same.",
            "Count what the market does, not how often it is asked.",
            seq,
        )


def _unshifted(deeds: Deeds, first: int) -> Deeds:
    """The deeds at the events' own seqs; those at the first event and the ticks stay."""
    tables = [table.copy() for table in deeds]
    for table, columns in zip(tables, ((0,), (0, 1), (0,)), strict=True):
        for column in columns:
            table[:, column] -= np.where(table[:, column] > first + CALLS, CALLS, 0)
    return Deeds(*tables)


def _by_price(here: Deeds, there: Deeds, recorded: Recorded) -> Iterator[Finding]:
    mine, yours = set(here.entries()), set(there.entries())
    if mine and len(mine & yours) < KEPT_LEAST * len(mine):
        yield Finding(
            "by the price",
            False,
            f"In the same market {TICKS} ticks dearer only {len(mine & yours)} of its {len(mine)} "
            "entries are left.",
            "It hangs on exact prices: levels of this very recording, or round numbers.",
            "If it is meant, check it on other days.",
        )


def _died(how: str = "the process died") -> Finding:
    return Finding(
        "by the date",
        True,
        f"In the same market at another date, count or price it fails: {how}",
        "It looks something up by absolute time, count or price, and outside of this recording "
        "there is nothing: compiled, an index out of bounds reads whatever lies there.",
        "Decide by what the market shows.",
    )
