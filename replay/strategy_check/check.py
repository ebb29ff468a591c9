"""Every question that `micropulse check` asks of a strategy, in the order in which they matter."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from micropulse.params import Settings
from micropulse.strategy import StrategyError, strategy_name
from micropulse.testing.ran import Ran, play
from replay.source import Source
from replay.strategy_check.activity import activity
from replay.strategy_check.costs import costs
from replay.strategy_check.dead import dead_parameters
from replay.strategy_check.deeds import deeds_of
from replay.strategy_check.elsewhere import knows_from_elsewhere
from replay.strategy_check.fills import audited_fills
from replay.strategy_check.findings import Finding
from replay.strategy_check.future import sees_the_future
from replay.strategy_check.repeat import (
    NOT_DETERMINISTIC,
    is_the_same_again,
    without_the_jit,
)
from replay.strategy_check.stretch import Stretch, first_stretch
from replay.strategy_check.warm_up import depends_on_the_start

Progress = Callable[[float], None]


class Checked(NamedTuple):
    """What was found; `figures` are what was counted and computed on the way."""

    strategy: str
    source: str
    symbol: str
    stretch: dict[str, Any]
    findings: list[Finding]
    figures: dict[str, Any]

    @property
    def wrong(self) -> int:
        """How many findings are wrong, and no notes."""
        return sum(finding.wrong for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        findings = [finding.plain() for finding in self.findings]
        return self._asdict() | {"findings": findings, "wrong": self.wrong}


def check(
    strategy: ModuleType,
    settings: Settings,
    source: Source,
    on_progress: Progress | None = None,
) -> Checked:
    """Ask all of it. Raises SourceError, TapeError, ParamsError; ValueError for an empty source."""
    tell = on_progress or (lambda share: None)
    stretch = first_stretch(source)
    first, last = stretch.span()
    said = {"events": stretch.events.n, "from": first, "to": last, "is_all": stretch.is_all}
    try:
        ran = play(strategy, stretch.recorded, settings)
    except StrategyError as error:
        findings, figures = [_does_not_compile(error)], dict[str, Any]()
    else:
        findings, figures = _asked(strategy, settings, stretch, ran, tell)
    name = strategy_name(strategy)
    return Checked(name, source.name, source.symbol, said, findings, figures)


def _asked(
    strategy: ModuleType, settings: Settings, stretch: Stretch, ran: Ran, tell: Progress
) -> tuple[list[Finding], dict[str, Any]]:
    deeds, figures = deeds_of(ran.out), dict[str, Any]()
    findings = list(sees_the_future(strategy, settings, stretch, deeds))
    tell(0.2)
    again = list(is_the_same_again(strategy, settings, stretch))
    by_chance = any(finding.what == NOT_DETERMINISTIC for finding in again)
    findings += again
    tell(0.35)
    interpreted, found = without_the_jit(strategy, settings, stretch, deeds)
    if not by_chance:  # else two runs differ by this alone, and say nothing of the JIT
        findings += found
    tell(0.45)
    findings += knows_from_elsewhere(
        strategy, settings, stretch, deeds, interpreted, worlds=not by_chance
    )
    tell(0.55)
    figures["fills"], found = audited_fills(strategy, settings, stretch, ran)
    findings += found
    figures["warm_up"], found = depends_on_the_start(strategy, settings, stretch, ran.out)
    findings += found
    figures["activity"], found = activity(strategy, ran)
    findings += found
    figures["costs"], found = costs(strategy, settings, stretch, ran)
    findings += found
    tell(0.7)
    dead, found = dead_parameters(
        strategy, settings, stretch, deeds, lambda share: tell(0.7 + 0.3 * share)
    )
    return [*findings, *found], figures | {"dead_parameters": dead}


def _does_not_compile(error: StrategyError) -> Finding:
    return Finding(
        "does not compile",
        True,
        str(error),
        "numba cannot turn `decide` (or what it calls) into machine code: it reaches for something "
        "that plain arithmetic on its arguments does not need.",
        "Keep to numbers, the given records, and functions of them; see docs/strategies.md.",
    )
