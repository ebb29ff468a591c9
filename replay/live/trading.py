"""`micropulse live`: a recording whose tapes are traded on paper as they grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from micropulse.run import Sink
from micropulse.sinks.metrics import MetricsLines
from micropulse.sinks.transaction_file import TransactionFile, TransactionSink
from recorder.folder import tape_folder
from recorder.following import sync_journals
from recorder.log import Log
from recorder.record import Watched, record
from recorder.session import Outcome
from recorder.session import Session as Recording
from recorder.streams import Plan as Streams
from recorder.tapes import Entry
from replay.backtest import Session
from replay.live.eyes import Sight
from replay.live.plan import Plan
from replay.live.symbol import Live


class Traded(NamedTuple):
    """How it ended, and the summary of each run."""

    outcome: Outcome
    summaries: list[dict[str, Any]]


class Trader:
    """The runs of all symbols, behind one recording."""

    def __init__(
        self,
        plans: Sequence[Plan],
        transactions: Path,
        sight: Sight,
        log: Log,
        as_json: bool,
        fresh: bool,
        follows: bool = False,
    ) -> None:
        """Rebuilds what there is. Raises LiveError, TransactionError, TapeError."""
        self._sight, self._as_json = sight, as_json
        self._file = TransactionFile(transactions)
        self._log, self._failed = log, set[str]()
        self._recording: Recording | None = None
        self._showing, self._several = False, len(plans) > 1
        self.lives: dict[str, Live] = {}
        for plan in plans:
            live = self.lives[plan.symbol] = Live(plan, self._sinks(plan), fresh, follows)
            if live.session is not None:
                self._say_began(plan)
        self._showing = True

    def began(self, recording: Recording) -> None:
        """The recording whose journals must be durable before a round trip is written."""
        self._recording = recording

    def take(self, entries: list[Entry]) -> None:
        """What was just journaled."""
        for symbol, live in self.lives.items():
            if mine := [entry for entry in entries if entry.symbol == symbol]:
                live.take(mine)
                self.tell_failure(symbol)

    def tell_failure(self, symbol: str) -> None:
        """Say once that a strategy has failed."""
        if symbol not in self._failed and (failure := self.lives[symbol].failure):
            self._failed.add(symbol)
            self._log.alarm(symbol, f"{failure} Recording goes on.")

    def finish(self) -> list[dict[str, Any]]:
        """Write the run folders and the last round trips."""
        summaries = [live.finish() for live in self.lives.values()]
        self._file.close()
        return summaries

    def discard(self) -> None:
        """Leave the run folders as they are, to be rebuilt."""
        for live in self.lives.values():
            live.discard()

    def _sinks(self, plan: Plan) -> Callable[[Session], list[Sink]]:
        def sinks(session: Session) -> list[Sink]:
            digits, strategy = session.digits, plan.strategy
            name = plan.symbol if self._several else ""
            lines = MetricsLines(strategy, digits, self._show, self._as_json, name)
            tick = int(session.instrument.tick)

            def make_durable(seq: int) -> None:
                if self._recording is not None:
                    self._recording.tapes.of(plan.symbol).journal.wait_durable(seq)
                else:  # another's tape, or what a killed run of ours may not have synced
                    sync_journals(tape_folder(plan.data, plan.symbol))

            if plan.symbol in self.lives:
                self._say_began(plan)

            trips = TransactionSink(self._file, make_durable, plan.symbol, strategy, digits, tick)
            return [lines, trips]

        return sinks

    def _say_began(self, plan: Plan) -> None:
        first_seq = self.lives[plan.symbol].first_seq
        assert first_seq is not None
        self._sight.began(plan, first_seq)

    def _show(self, line: str) -> None:
        if self._showing:  # not while a run is rebuilt: its lines were printed when it ran
            self._sight.show(line)


def trade(
    plans: Sequence[Plan],
    streams: Streams,
    watched: Watched,
    transactions: Path,
    log: Log,
    sight: Sight,
    as_json: bool = False,
    fresh: bool = False,
) -> Traded:
    """Record and trade on paper until the time is up or somebody ends it.

    Raises LiveError, TapeError, RecordError, TransactionError, OSError.
    """
    trader = Trader(plans, transactions, sight, log, as_json, fresh)
    try:
        for plan in plans:
            if n := trader.lives[plan.symbol].rebuilt:
                log.say("live", f"{plan.symbol}: the run goes on, rebuilt from {n:,} events.")
        outcome = record(
            streams, watched, log, tell=None, on_batch=trader.take, on_session=trader.began
        )
        summaries = trader.finish()
    except BaseException:
        trader.discard()
        raise
    return Traded(outcome, summaries)
