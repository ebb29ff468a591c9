"""One pass over a run's own source, for what the run folder does not hold.

The mid of every book (markouts), the features at each decision, the books and prints around each
trade (drill-down), and the same rule with orders that arrive later (cost sensitivity).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import Events, Int64s
from micropulse.fingerprint import package_fingerprint, source_hash
from micropulse.instrument import to_text
from micropulse.params import settings_of
from micropulse.schema import MILLISECOND, SECOND
from micropulse.strategy import StrategyError
from recorder.folder import TapeError
from replay.backtest import Session
from replay.frames import SourceError
from replay.report.trades import Trade
from replay.report.windows import AROUND_NS, Books, Flags, Prints, Windows, merged
from replay.runs import Run
from replay.source import Source, description, open_source
from replay.verify import VerifyError, events_of_run, strategy_of_run

ADDED_MS = (50, 100, 250)
NEVER = 10**9 * SECOND  # how often these runs write samples: nobody reads them


class NoSourceError(Exception):
    """The source of a run is not there, or is not what was read."""


class Mids(NamedTuple):
    """When the mid became what: ns of receipt, and twice the mid in price units."""

    ts: Int64s
    mid2: Int64s


class Slower(NamedTuple):
    """The same rule on the same events, orders under way for longer. Money as decimal text."""

    added_ms: int
    trades: int
    gross: str
    fees: str
    net: str


class Evidence(NamedTuple):
    """What the source showed. `slower` is empty, and `why` says why, where it cannot be had."""

    mids: Mids
    seen: dict[int, Any]  # the seq of a decision: the Features record then
    slower: list[Slower]
    books: Books
    prints: Prints
    notes: list[str]
    why: str | None


def gather(run: Run, trades: list[Trade], data: str | None = None) -> Evidence:
    """Read the source of `run` once. `data` is where it lies now.

    Raises NoSourceError when it is not there, or is another file than was read.
    """
    said = run.said
    try:
        source = open_source(data or said["source"]["name"], said["symbol"])
        notes = _changes(said, source)
        sessions, why = _sessions(run, source)
        collected = _Collected(run, trades, sessions)
        for events in events_of_run(source, said):
            collected.take(events)
    except (SourceError, TapeError, OSError) as error:
        raise NoSourceError(str(error)) from None
    return collected.evidence(notes, why)


def _changes(said: dict[str, Any], source: Source) -> list[str]:
    """What is not as it was. Raises NoSourceError for another file than the one that was read."""
    before, now = said["source"].get("sha256"), description(source).get("sha256")
    if before == now:
        return []
    if "tape" in said["source"]:
        return [
            "The tape has grown or changed since the run; the run's own stretch of it was read."
        ]
    raise NoSourceError(f"{source.name} is not the file that was read: its sha256 is another.")


def _sessions(run: Run, source: Source) -> tuple[list[Session], str | None]:
    """The rule at each added latency, or why it cannot be run as it was."""
    said = run.said
    try:
        strategy = strategy_of_run(run.folder, said)
    except (VerifyError, StrategyError) as error:
        return [], str(error)
    same_code = said["code"] == package_fingerprint("micropulse", "")
    if not same_code or source_hash(strategy) != said["strategy"]["sha256"]:
        return [], "The code or the strategy is no longer that of the run."
    settings = settings_of(strategy.Params, said["params"])
    sessions = [Session(source, strategy, settings, sample_every=NEVER) for _ in ADDED_MS]
    for added_ms, session in zip(ADDED_MS, sessions, strict=True):
        session.core.state.execution.latency_ns += added_ms * MILLISECOND
    return sessions, None


class _Collected:
    """What has been gathered so far."""

    def __init__(self, run: Run, trades: list[Trade], sessions: list[Session]) -> None:
        asked = run.orders.filter(run.orders["status"] == "submitted")
        self._decisions = np.unique(asked["seq"].to_numpy())
        self._sessions = sessions
        self._mids: list[Mids] = []
        self._last_id = self._last_ts = -(2**63)
        self._seen: dict[int, Any] = {}
        starts = np.array([trade.asked_ts for trade in trades], np.int64) - AROUND_NS
        stops = np.array([trade.exit_ts for trade in trades], np.int64) + AROUND_NS
        self._windows = Windows(merged(starts, stops))

    def take(self, events: Events) -> None:
        """One batch."""
        new = self._new_books(events)
        self._take_mids(events, new)
        self._windows.take(events, new)
        if self._sessions:
            # Features do not depend on what becomes of orders: any of the cores has them.
            self._see_decisions(events, self._sessions[0])
        for session in self._sessions[1:]:
            session.core.advance_all(events)

    def evidence(self, notes: list[str], why: str | None) -> Evidence:
        """All of it."""
        none = np.zeros(0, np.int64)
        parts = self._mids or [Mids(none, none)]
        mids = Mids(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        slower = [
            _slower(added_ms, session)
            for added_ms, session in zip(ADDED_MS, self._sessions, strict=False)
        ]
        windows = self._windows
        return Evidence(mids, self._seen, slower, windows.books(), windows.prints(), notes, why)

    def _new_books(self, events: Events) -> Flags:
        """As the core has it: newer by `u` than every book before."""
        ids = events.depth.last_id
        before = np.maximum.accumulate(np.concatenate(([self._last_id], ids)))
        self._last_id = int(before[-1])
        return np.asarray(ids > before[:-1])

    def _take_mids(self, events: Events, new: Flags) -> None:
        depth = events.depth
        keep = new & (depth.bid_n > 0) & (depth.ask_n > 0)
        if not keep.any():
            return
        ts = np.maximum.accumulate(np.concatenate(([self._last_ts], depth.ts_recv[keep])))[1:]
        self._last_ts = int(ts[-1])
        self._mids.append(Mids(ts, depth.bid_px[0][keep] + depth.ask_px[0][keep]))

    def _see_decisions(self, events: Events, session: Session) -> None:
        """Drive one core, and stop behind each decision to look at the features."""
        for part, decision in _cut_behind(events, self._decisions):
            session.core.advance_all(part)
            if decision is not None:
                self._seen[decision] = session.core.state.features.copy()


def _cut_behind(events: Events, seqs: Int64s) -> Iterator[tuple[Events, int | None]]:
    """The batch in pieces, each but the last ending with one of `seqs`."""
    first = min((int(table.seq[0]) for table in events if len(table.seq)), default=0)
    last = max((int(table.seq[-1]) for table in events if len(table.seq)), default=-1)
    here = seqs[(seqs >= first) & (seqs <= last)].tolist()
    bounds = [first, *(seq + 1 for seq in here), last + 1]
    rows = [np.searchsorted(table.seq, bounds) for table in events]
    for k, (start, stop) in enumerate(pairwise(bounds)):
        if start == stop:
            continue
        parts: list[Any] = [
            _part(table, slice(at[k], at[k + 1])) for table, at in zip(events, rows, strict=True)
        ]
        yield Events(*parts), here[k] if k < len(here) else None


def _part(table: Any, rows: slice) -> Any:
    """Neighbouring rows of an event table: views, as read-only as the whole; a thirtieth of the
    time of a general cut, and there are two for each trade."""
    return type(table)(
        *(
            tuple(level[rows] for level in column) if isinstance(column, tuple) else column[rows]
            for column in table
        )
    )


def _slower(added_ms: int, session: Session) -> Slower:
    account, digits = session.core.state.account, session.digits.money
    gross, fees = int(account.gross), int(account.fees)
    money = [to_text(units, digits) for units in (gross, fees, gross - fees)]
    return Slower(added_ms, int(account.trips), *money)
