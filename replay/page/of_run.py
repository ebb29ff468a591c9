"""`replay RUN --page`: a run's own recording, with its own strategy and parameters.

From its first event to its last: its trades have the numbers of its report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from micropulse.events import Events
from micropulse.params import settings_of
from replay.backtest import Session
from replay.runs import Run
from replay.source import Source
from replay.verify import events_of_run, source_of_run, strategy_of_run

REPORT = "report.html"


class Stretch:
    """What a run read of its source."""

    def __init__(self, source: Source, run: Run) -> None:
        self.name, self.symbol = source.name, source.symbol
        self.px_decimals, self.qty_decimals = source.px_decimals, source.qty_decimals
        self._source, self._run = source, run

    def __iter__(self) -> Iterator[Events]:
        return events_of_run(self._source, self._run.said)

    @property
    def share(self) -> float:
        """How much has been read."""
        return self._source.share

    @property
    def counts(self) -> dict[str, int]:
        """What was read."""
        return self._source.counts

    @property
    def problems(self) -> list[str]:
        """What was odd."""
        return self._source.problems


def sessions_of_run(folder: Path) -> Callable[[], Session]:
    """What makes a session at the beginning of the run, each time.

    Raises RunError, VerifyError, SourceError, TapeError.
    """
    run = Run(folder)
    strategy = strategy_of_run(folder, run.said)
    settings = settings_of(strategy.Params, run.said["params"])
    name, symbol = run.said["source"]["name"], run.said["symbol"]

    def opened() -> Session:
        return Session(Stretch(source_of_run(folder, name, symbol), run), strategy, settings)

    return opened
