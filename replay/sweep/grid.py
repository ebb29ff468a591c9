"""A grid: a parameter file in which any value may be many.

    [sweep]
    strategy = "wall_break"
    [strategy.exit]
    tp_ticks = [100, 200, 300]                          # a list
    sl_ticks = { from = 50, to = 200, step = 50 }       # a range, both ends in it
    [strategy.entry]
    obi_min = { from = 0.1, to = 0.8, points = 8 }      # so many, evenly
    spike_min = { from = 1e-5, to = 1e-3, points = 5, log = true }

Every combination is a variant. With `random = 200` and `seed = 7` in [sweep] so many are drawn
instead: a value of a list or a range with points or step, any number between the ends of a range
without.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from micropulse.fingerprint import source_hash
from micropulse.params import (
    SECTIONS,
    ParamsError,
    Settings,
    check_features,
    execution_record,
    settings_of,
)
from micropulse.strategy import load_strategy

MOST = 100_000  # variants: a day of so many takes two cores most of an hour
DIGITS = 6  # to which what is computed is rounded, of the range or, if log, of the value
RANGE = ("from", "to", "step", "points", "log")


class GridError(Exception):
    """A grid that cannot be read; the message begins with the path of the datum."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section [sweep]."""

    strategy: str = "wall_break"
    random: int | None = None
    seed: int = 0


class Axis(NamedTuple):
    """One parameter that varies; `values` are empty where it is drawn between `low` and `high`."""

    path: str  # strategy.exit.tp_ticks
    values: tuple[Any, ...]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False


class Variant(NamedTuple):
    """One set of parameters."""

    id: str  # of the strategy's text and all parameters
    values: tuple[Any, ...]  # of the axes
    settings: Settings


class Grid(NamedTuple):
    """A strategy and its variants."""

    strategy: ModuleType
    strategy_name: str  # as load_strategy takes it, here or in another process
    axes: tuple[Axis, ...]
    variants: tuple[Variant, ...]
    head: Head


def read_grid(file: Path) -> Grid:
    """Raises GridError, StrategyError."""
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GridError(f"There is no file {file}. Check the path of --grid.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GridError(f"{file} is no TOML: {error}. Mend the line it names.") from None
    return grid_of(given, file.parent)


def grid_of(given: dict[str, Any], folder: Path = Path()) -> Grid:
    """The grid of a parsed TOML; a strategy's file is looked for beside it. Raises GridError."""
    for name in given:
        if name not in ("sweep", *SECTIONS):
            raise GridError(f"$.{name}: unknown section; there are [sweep], {_sections()}.")
    try:
        head = msgspec.convert(given.get("sweep", {}), Head)
    except msgspec.ValidationError as error:
        raise GridError(f"$.sweep: {error}. It has: strategy, random, seed.") from None
    if head.random is not None and not 0 < head.random <= MOST:
        raise GridError(f"$.sweep.random: {head.random} is no number of variants from 1 to {MOST}.")
    beside = folder / head.strategy
    name = str(beside.resolve()) if beside.is_file() else head.strategy
    strategy = load_strategy(name)
    defaults = settings_of(strategy.Params, {part: {} for part in SECTIONS}).as_dict()
    found = {part: given.get(part, {}) for part in SECTIONS}
    axes = tuple(axis for part in SECTIONS for axis in _axes(found[part], defaults[part], part))
    drawn = None if head.random is None else _drawn(axes, head.random, head.seed)
    return Grid(strategy, name, axes, _variants(strategy, axes, drawn or _product(axes)), head)


def variant_id(strategy: ModuleType, settings: Settings) -> str:
    """16 hex digits over the strategy's text and all parameters, resolved."""
    said = json.dumps([source_hash(strategy), settings.as_dict()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _sections() -> str:
    return ", ".join(f"[{part}]" for part in SECTIONS)


def _axes(given: Any, defaults: dict[str, Any], path: str) -> list[Axis]:
    """The values that are given below a section, one axis each (of one value where it is fixed)."""
    if not isinstance(given, dict):
        raise GridError(f"$.{path}: this is a section of parameters, not a value.")
    axes = []
    for name, value in given.items():
        here = f"{path}.{name}"
        if name not in defaults:
            known = ", ".join(defaults)
            raise GridError(f"$.{here}: there is no such parameter. [{path}] has: {known}.")
        if isinstance(defaults[name], dict):
            axes += _axes(value, defaults[name], here)
        else:
            axes.append(_axis(here, value, type(defaults[name])))
    return axes


def _axis(path: str, value: Any, kind: type) -> Axis:
    if isinstance(value, dict):
        return _range(path, value, kind)
    values = tuple(value) if isinstance(value, list) else (value,)
    if not values:
        raise GridError(f"$.{path}: an empty list leaves no variant. Give it a value.")
    for one in values:
        _check(path, one, kind)
    if len(set(values)) < len(values):
        raise GridError(f"$.{path}: a value stands twice in {list(values)}.")
    return Axis(path, tuple(float(one) if kind is float else one for one in values))


def _check(path: str, value: Any, kind: type) -> None:
    fits = isinstance(value, (int, float)) if kind is float else isinstance(value, kind)
    if kind is str:  # of [execution]: decimals as text or numbers
        fits = isinstance(value, (str, int, float))
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise GridError(f"$.{path}: {value!r} is no {_WORDS[kind]}.")


_WORDS = {int: "whole number", float: "number", bool: "true or false", str: "text or number"}


def _range(path: str, given: dict[str, Any], kind: type) -> Axis:
    unknown = [name for name in given if name not in RANGE]
    if unknown:
        raise GridError(f"$.{path}.{unknown[0]}: unknown; a range has from, to, step, points, log.")
    if "from" not in given or "to" not in given:
        raise GridError(f"$.{path}: a range has `from` and `to`, as in {{ from = 1, to = 5 }}.")
    for name in ("from", "to", "step"):
        _check(f"{path}.{name}", given.get(name, 1), float)
    low, high, log = given["from"], given["to"], given.get("log", False)
    whole = kind is int
    if kind is bool:
        raise GridError(f"$.{path}: true and false have no range. Give a list.")
    if not isinstance(log, bool):
        raise GridError(f"$.{path}.log: {log!r} is not true or false.")
    if not low < high or (log and low <= 0):
        least = "0 < from < to" if log else "from < to"
        raise GridError(f"$.{path}: {low} to {high} is no range; it has {least}.")
    if "step" in given and ("points" in given or log):
        raise GridError(f"$.{path}: a range has a step, or points (with log or without).")
    if "step" in given:
        values: Sequence[Decimal | float] = _steps(path, low, high, given["step"])
    elif "points" in given:
        values = _points(path, low, high, given["points"], log)
    else:
        return Axis(path, (), low, high, log, whole)
    exact = [_whole(path, value, "step" in given) if whole else float(value) for value in values]
    return Axis(path, tuple(dict.fromkeys(exact)))  # rounded to whole numbers two may be one


def _steps(path: str, low: float, high: float, step: float) -> list[Decimal]:
    if step <= 0:
        raise GridError(f"$.{path}.step: {step} never comes from {low} to {high}.")
    start, stop, by = (Decimal(str(number)) for number in (low, high, step))
    count = int((stop - start) / by) + 1
    if count > MOST:
        raise GridError(f"$.{path}: that is {count} values; at most {MOST}.")
    return [start + by * k for k in range(count)]


def _points(path: str, low: float, high: float, points: Any, log: bool) -> list[float]:
    if not isinstance(points, int) or isinstance(points, bool) or not 2 <= points <= MOST:
        raise GridError(f"$.{path}.points: {points!r} is no whole number from 2 on.")
    shares = [k / (points - 1) for k in range(points)]
    return [_between(low, high, share, log) for share in shares]


def _between(low: float, high: float, share: float, log: bool) -> float:
    """The value a share of the way; the ends are themselves, what lies between is rounded."""
    if share in (0.0, 1.0):
        return high if share else low
    value = low * (high / low) ** share if log else low + (high - low) * share
    finest = min(high - low, abs(value) or high - low) if log else high - low
    return min(max(low, round(value, DIGITS - math.floor(math.log10(finest)))), high)


def _whole(path: str, value: Decimal | float, exactly: bool) -> int:
    nearest = round(value)
    if exactly and nearest != value:
        raise GridError(f"$.{path}: {value} is no whole number.")
    return nearest


def _product(axes: tuple[Axis, ...]) -> list[tuple[Any, ...]]:
    count = 1
    for axis in axes:
        if not axis.values:
            raise GridError(
                f"$.{axis.path}: how many values? Add step or points, or random to [sweep]."
            )
        count *= len(axis.values)
    if count > MOST:
        raise GridError(
            f"$: {count:,} variants are more than {MOST:,}. Draw some of them: random in [sweep]."
        )
    return list(itertools.product(*(axis.values for axis in axes)))


def _drawn(axes: tuple[Axis, ...], count: int, seed: int) -> list[tuple[Any, ...]]:
    """Distinct draws, as many as there are; a grid of few has each once."""
    rng = random.Random(seed)
    drawn: dict[tuple[Any, ...], None] = {}
    for _ in range(20 * count):
        drawn[tuple(_draw(axis, rng) for axis in axes)] = None
        if len(drawn) == count:
            break
    return list(drawn)


def _draw(axis: Axis, rng: random.Random) -> Any:
    if axis.values:
        return rng.choice(axis.values)
    value = _between(axis.low, axis.high, rng.random(), axis.log)
    return round(value) if axis.whole else value


def _variants(
    strategy: ModuleType, axes: tuple[Axis, ...], combinations: list[tuple[Any, ...]]
) -> tuple[Variant, ...]:
    """A Variant a combination, those of the same [features] side by side."""
    shapes: dict[str, Variant] = {}
    for values in combinations:
        given: dict[str, Any] = {part: {} for part in SECTIONS}
        for axis, value in zip(axes, values, strict=True):
            *names, last = axis.path.split(".")
            place = given
            for name in names:
                place = place.setdefault(name, {})
            place[last] = value
        try:
            settings = settings_of(strategy.Params, given)
            check_features(settings.features)
            execution_record(settings.execution, 8)
        except ParamsError as error:
            raise GridError(f"$.{error}") from None
        made = Variant(variant_id(strategy, settings), values, settings)
        shapes[made.id] = made
    return tuple(sorted(shapes.values(), key=_features_first))


def _features_first(variant: Variant) -> str:
    return json.dumps(variant.settings.as_dict()["features"], sort_keys=True)
