"""Which parameters change nothing: each is halved, doubled and set to 0, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from micropulse.params import ParamsError, Settings, settings_of
from micropulse.testing.ran import play
from replay.strategy_check.deeds import Deeds, deeds_of, first_other
from replay.strategy_check.findings import Finding
from replay.strategy_check.stretch import Stretch


def dead_parameters(
    strategy: ModuleType,
    settings: Settings,
    stretch: Stretch,
    deeds: Deeds,
    on_progress: Callable[[float], None],
) -> tuple[list[str], list[Finding]]:
    """(their paths, findings). Without a decision there is nothing that could change."""
    paths = list(_paths("", settings.as_dict()["strategy"]))
    if not len(deeds.signals):
        return [], []
    dead = []
    for k, (path, value) in enumerate(paths):
        if not _matters(strategy, settings, stretch, deeds, path, value):
            dead.append(path)
        on_progress((k + 1) / len(paths))
    return dead, list(_judged(dead))


def _matters(
    strategy: ModuleType, settings: Settings, stretch: Stretch, deeds: Deeds, path: str, value: Any
) -> bool:
    """Whether any other value makes it decide, send or fill anything else."""
    for other in others(value):
        try:
            changed = _with(strategy, settings, path, other)
            there = deeds_of(play(strategy, stretch.recorded, changed).out)
        except ParamsError:
            continue
        if first_other(deeds, there) is not None:
            return True
    return False


def others(value: Any) -> list[Any]:
    """Other values of a parameter."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [other for other in (value * 2, value // 2, 0, value + 1) if other != value]
    return [other for other in (value * 2, value / 2, 0.0, value + 1) if other != value]


def _paths(prefix: str, given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _paths(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _with(strategy: ModuleType, settings: Settings, path: str, value: Any) -> Settings:
    params = settings.as_dict()
    *inside, name = path.split(".")
    place = params["strategy"]
    for step in inside:
        place = place[step]
    place[name] = value
    return settings_of(strategy.Params, params)


def _judged(dead: list[str]) -> Iterator[Finding]:
    if dead:
        yield Finding(
            "dead parameters",
            False,
            ", ".join(dead),
            "Halved, doubled, set to 0 or switched over, each of them alone changes no decision, "
            "order or fill here: they were never asked, or another rule is always first.",
            "Leave them out of a sweep on this recording; a search over them finds only noise.",
        )
