"""Runs brought to an event again, from their recording."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from micropulse.events import Events
from micropulse.params import settings_of
from recorder.segment import cut
from replay.backtest import Session
from replay.compare.deeds import Deeds, Did
from replay.runs import Run
from replay.source import open_source
from replay.verify import VerifyError, events_of_run, strategy_of_run


class Rule(NamedTuple):
    """A strategy with its parameters, as run.json has them."""

    strategy: Any
    params: dict[str, Any]


class Standing(NamedTuple):
    """A rule's session just after an event, and what it did there."""

    session: Session
    did: Did


def rule_of(run: Run) -> Rule:
    """The rule that made a run. Raises StrategyError, VerifyError when it is not there."""
    return Rule(strategy_of_run(run.folder, run.said), run.said["params"])


def stand_at(run: Run, rules: list[Rule], seq: int, data: str | None) -> list[Standing]:
    """Each of `rules` over what `run` read, side by side, up to the event `seq` and over it. `data`
    is where the source lies now. Raises SourceError, TapeError, VerifyError when that cannot be.
    """
    source = open_source(data or run.said["source"]["name"], run.said["symbol"])
    sessions = [
        Session(source, strategy, settings_of(strategy.Params, params))
        for strategy, params in rules
    ]
    for events in events_of_run(source, run.said):
        before, event = split_at(events, seq)
        for session in sessions:
            session.core.advance_all(before)
        if event.n:
            return [Standing(session, over(session, event)) for session in sessions]
    raise VerifyError(
        f"Event {seq} is not in {source.name}: it is not the recording that the run was made from. "
        "Name the right one with --data."
    )


def split_at(events: Events, seq: int) -> tuple[Events, Events]:
    """What comes before the event `seq`, and that event (or none)."""
    before: list[Any] = []
    event: list[Any] = []
    for table in events:
        low, high = np.searchsorted(table.seq, (seq, seq + 1))
        before.append(table if low == len(table.seq) else cut(table, slice(0, low)))
        event.append(cut(table, slice(low, high)))
    return Events(*before), Events(*event)


def over(session: Session, event: Events) -> Did:
    """Apply one event; what was done there."""
    deeds = Deeds(session)
    session.core.advance_all(event, [deeds])
    return deeds.did
