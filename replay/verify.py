"""`micropulse verify`: rebuild a run from its own source, or show where it first differs.

    verdict = verify(Path("run"))          # rebuilt in other batch sizes, every table compared
    verdict = compare_runs(Path("a"), Path("b"))
    verdict.same, verdict.digest, verdict.divergence

A run is its samples, signals, orders, fills, round trips and the bytes of State. All of them are
made again from the recording by the code that is installed, and must be equal to the last bit.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import Events
from micropulse.fingerprint import package_fingerprint, source_hash
from micropulse.params import settings_of
from micropulse.sinks.run_folder import RunFolder, is_run_folder
from micropulse.strategy import StrategyError, load_strategy
from recorder.check import harmed
from recorder.segment import cut
from recorder.tape import TapeSource
from replay.backtest import Session
from replay.differences import Divergence, first_difference
from replay.source import Source, description, open_source
from replay.source_frames import frames_of

BATCHES = (1, 2, 3, 1_000, 7, 65_536, 100, 8_191)  # events, again and again


class VerifyError(Exception):
    """A run that cannot be rebuilt: something it was made from is not there."""


class Verdict(NamedTuple):
    """What came of it. `notes` are sentences: a changed source, other code."""

    same: bool
    digest: str
    counts: dict[str, int]
    divergence: Divergence | None
    notes: list[str]


def verify(run: Path, data: str | None = None) -> Verdict:
    """Rebuild the run in folder `run` and compare. `data` is where its source lies now.

    Raises VerifyError, StrategyError, SourceError, TapeError when it cannot be rebuilt.
    """
    said = _said(run)
    source = source_of_run(run, data or said["source"]["name"], said["symbol"])
    notes = list(changes(said, source))
    strategy = strategy_of_run(run, said)
    if source_hash(strategy) != said["strategy"]["sha256"]:
        notes.append("The strategy is not the one that made the run: its sources differ.")
    session = Session(source, strategy, settings_of(strategy.Params, said["params"]))
    with tempfile.TemporaryDirectory(prefix="micropulse-verify-") as folder:
        again = Path(folder) / "again"
        tick = int(session.instrument.tick)
        sink = RunFolder(again, source.symbol, strategy, session.digits, tick)
        try:
            session.run([sink], _recut(events_of_run(source, said)))
            sink.finish(session.description(), session.summary(), session.core.checkpoints)
        except BaseException:
            sink.discard()
            raise
        divergence = first_difference(run, again)
    if divergence is not None:
        divergence = divergence._replace(frame=frame_text(said, data, divergence.seq))
    digest = session.core.digest()
    return Verdict(divergence is None, digest, _figures(said), divergence, notes)


def compare_runs(one: Path, other: Path) -> Verdict:
    """Compare what two runs left behind; nothing is rebuilt. Raises VerifyError."""
    said, of_other = _said(one), _said(other)
    notes = []
    if said["input_digest"] != of_other["input_digest"]:
        notes.append("The runs did not read the same events.")
    for name in ("strategy", "params", "code"):
        if said[name] != of_other[name]:
            notes.append(f"The runs differ in their {name}.")
    divergence = first_difference(one, other)
    if divergence is not None:
        divergence = divergence._replace(frame=frame_text(said, None, divergence.seq))
    return Verdict(divergence is None, said["digest"], _figures(said), divergence, notes)


def _said(run: Path) -> dict[str, Any]:
    if not is_run_folder(run):
        raise VerifyError(
            f"{run} is no run folder: there is no run.json of ours in it. `micropulse backtest` "
            "and `micropulse live` make one."
        )
    said: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    if said.get("state") == "running":
        raise VerifyError(
            f"The run in {run} has not ended, or was killed: it has no results yet. Start the same "
            "command again and let it end; what was recorded is all there."
        )
    return said


def source_of_run(run: Path, name: str, symbol: str) -> Source:
    """What the run read. A name is kept as it was given, so that it may lead from elsewhere.

    Raises VerifyError where it is not, SourceError, TapeError.
    """
    if not _is_here(name):
        raise VerifyError(
            f"{name}, the source of {run}, is not here any more. Say where it lies now with "
            "--data, or go to the folder in which the run was made."
        )
    return open_source(name, symbol)


def _is_here(name: str) -> bool:
    return name.startswith("sim:") or Path(name).exists()


def strategy_of_run(run: Path, said: dict[str, Any]) -> Any:
    """The strategy of a run: its own copy where it was a user's file."""
    copy = run / "strategy" / f"{said['strategy']['name']}.py"
    try:
        return load_strategy(str(copy) if copy.exists() else said["strategy"]["name"])
    except StrategyError as error:
        raise VerifyError(f"The strategy of {run} cannot be loaded. {error}") from None


def changes(said: dict[str, Any], source: Source) -> Iterator[str]:
    """What is not as it was when the run was made."""
    if isinstance(source, TapeSource):  # it may have grown since
        for finding in harmed(source.tape):
            yield f"The tape is harmed: {finding.text}"
    else:
        before, now = said["source"].get("sha256"), description(source).get("sha256")
        if before != now:
            yield f"{source.name} is not the file that was read: its sha256 is {now}, not {before}."
    if said["code"] != package_fingerprint("micropulse", ""):
        yield "The code is not that of the run; a difference may come from there."


def events_of_run(source: Source, said: dict[str, Any]) -> Iterator[Events]:
    """Only what the run read: its first to its last seq."""
    first, last = said["source"]["first_seq"], said["source"]["last_seq"]
    if first is None:
        return
    for events in source:
        tables: list[Any] = []
        for table in events:
            low, high = np.searchsorted(table.seq, (first, last + 1))
            tables.append(table if high - low == len(table.seq) else cut(table, slice(low, high)))
        yield Events(*tables)


def _recut(batches: Iterator[Events]) -> Iterator[Events]:
    """The same events in batches of other sizes."""
    sizes = cycle(BATCHES)
    for events in batches:
        seqs = np.sort(np.concatenate([table.seq for table in events]))
        at = 0
        while at < len(seqs):
            stop = min(at + next(sizes), len(seqs))
            span = (seqs[at], seqs[stop - 1] + 1)
            parts = [cut(table, slice(*np.searchsorted(table.seq, span))) for table in events]
            yield Events(*parts)
            at = stop


def frame_text(said: dict[str, Any], data: str | None, seq: int | None) -> str | None:
    """The text of the frame with this seq; None for a control event, which has none, and where
    the source is not here to tell."""
    name = data or said["source"]["name"]
    if seq is None or not _is_here(name):
        return None
    for frames in frames_of(name, said["symbol"]):
        for row in np.flatnonzero(frames.seq == seq).tolist():
            text: bytes = frames.text[frames.start[row] : frames.stop[row]].tobytes()
            return text.decode(errors="replace")
    return None


def _figures(said: dict[str, Any]) -> dict[str, int]:
    counts = said["counts"]
    return {name: int(counts[name]) for name in ("events", "books", "trades", "prints")}
