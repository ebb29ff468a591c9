"""What is wrong with a strategy, and where: the file and the line, for the person who wrote it.

Compiled code says little about the place of an error, so the words are looked for: in what numba
wrote, in the traceback, and, where neither has a line of the strategy's, by calling the plain
Python function with what `decide` was called with.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import linecache
import re
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from micropulse.fingerprint import module_sources
from micropulse.strategy import StrategyError

PLACE = re.compile(r'File "([^"]+)", line (\d+)')
ADVICE = (
    "A strategy is ordinary Python that numba can compile: numbers, flags, its own records and "
    "functions; docs/strategies.md shows one."
)


def does_not_compile(strategy: ModuleType, error: Exception) -> StrategyError:
    """The error of a strategy that numba refuses."""
    text = str(error)
    if type(error) is KeyError:  # how numba says that a record has no such field
        name = str(error.args[0])
        place = _attribute(strategy, name) or _home(strategy)
        return StrategyError(f"{place}: there is no field {name!r}. {ADVICE}")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = next((line for line in lines if not _is_noise(line)), type(error).__name__)
    place = _place_in(strategy, text)
    return StrategyError(f"{place}: `{_line_at(place)}` does not compile ({said}). {ADVICE}")


def raised(strategy: ModuleType, error: Exception, asked: tuple[Any, ...]) -> str:
    """What a strategy raised, and where; `asked` is what `decide` was called with."""
    frames = traceback.extract_tb(error.__traceback__)
    sources = {str(path.resolve()) for path in module_sources(strategy)}
    own = [frame for frame in frames if str(Path(frame.filename).resolve()) in sources]
    place = f"{own[-1].filename}:{own[-1].lineno}" if own else _found_again(strategy, asked)
    return f"{place}: {type(error).__name__}: {error}"


def asked_for_nonsense(strategy: ModuleType, asked: Any) -> str:
    """What was asked for, that nobody can do."""
    fields = ", ".join(f"{name} {asked[name].item()}" for name in asked.dtype.names)
    return f"{_home(strategy)}: the intent is nonsense ({fields})"


def _home(strategy: ModuleType) -> str:
    """Where `decide` stands."""
    function = getattr(strategy.decide, "py_func", strategy.decide)
    return f"{strategy.__file__}:{inspect.getsourcelines(function)[1]}"


def _is_noise(line: str) -> bool:
    """Whether a line of numba's says only by which path it came."""
    return line.startswith(("Failed in", "During:", "No implementation", "File ", "- Resolution"))


def _place_in(strategy: ModuleType, text: str) -> str:
    """The first line of the strategy's own files that a text names."""
    sources = {path.resolve(): path for path in module_sources(strategy)}
    for file, line in PLACE.findall(text):
        if path := sources.get(Path(file).resolve()):
            return f"{path}:{line}"
    return _home(strategy)


def _line_at(place: str) -> str:
    """The source at `file:line`."""
    file, _, line = place.rpartition(":")
    return linecache.getline(file, int(line)).strip()


def _attribute(strategy: ModuleType, name: str) -> str:
    """Where an attribute of this name is used first."""
    for path in module_sources(strategy):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == name:
                return f"{path}:{node.lineno}"
    return ""


def _found_again(strategy: ModuleType, asked: tuple[Any, ...]) -> str:
    """Call the plain Python `decide` with copies of what it was called with: where it raises."""
    spec = importlib.util.spec_from_file_location("strategy_in_python", str(strategy.__file__))
    assert spec is not None and spec.loader is not None
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    try:
        with np.errstate(divide="raise", invalid="raise"):
            plain.decide(*(np.array([one]).view(np.recarray)[0] for one in asked))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{place.filename}:{place.lineno}"
    return _home(strategy)
