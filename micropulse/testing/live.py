"""Live = replay: the real command against a local exchange, killed, resumed, and verified."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

from micropulse.params import Settings
from micropulse.sinks.transaction_file import KEY
from micropulse.testing.properties import flags, named
from micropulse.testing.recorded import Rule, Set, loaded, resolved
from recorder.entries import read_entries
from recorder.folder import journals, tape_folder
from recorder.tape import TapeSource
from replay.backtest import Session
from replay.server.background import running_server
from replay.verify import verify

STRETCH_ENTRIES = (100, 600)  # journaled between a start and the kill
AFTER_S = 0.3  # at most so much later: a kill falls into any state of any of its files
PATIENCE_S = 120.0
POLL_S = 0.02


class Lived(NamedTuple):
    """What a live run has left, and what was done to it."""

    run: Path
    transactions: Path
    data: Path
    symbol: str
    summary: dict[str, Any]
    injected: list[dict[str, Any]]  # what the fault script did
    said: list[str]  # the log of each start


def live_is_replay(
    strategy: Rule,
    source: str | Path,
    settings: Set = (),
    *,
    folder: Path,
    faults: str | Path | None = None,
    kills: int = 2,
    seed: int = 0,
    speed: float | str = 20.0,
    seconds: float = 15.0,
    symbol: str = "BTCUSDT",
) -> Lived:
    """Trade `source` live on paper, kill -9 at random instants, resume, end, and prove the run.

    A local exchange serves the source at `speed`, with the fault script `faults`; `micropulse live`
    runs in a process of its own. In the end: `verify` says identical, a backtest of the tape has
    the digest, and the transaction file has each round trip once. Everything is left in `folder`,
    which must be empty. The last start goes on for `seconds`: a strategy that waits until it is
    warm trades only then. The source must last as long as all starts together, at its speed.
    """
    module, chance = loaded(strategy), Random(seed)
    wanted = resolved(module, settings)
    words = command(module, wanted, folder, symbol)
    tape, said = tape_folder(folder / "data", symbol), []
    with running_server(source, speed=speed, faults=faults) as server:
        for start in range(kills + 1):
            is_last = start == kills
            log = folder / f"live-{start}.log"
            with log.open("wb") as out:
                live = subprocess.Popen([*words, "--url", server.url], stdout=out, stderr=out)
                try:
                    _grow(live, tape, chance.randrange(*STRETCH_ENTRIES), log)
                    time.sleep(seconds if is_last else chance.random() * AFTER_S)
                    live.send_signal(signal.SIGTERM if is_last else signal.SIGKILL)
                    code = live.wait(timeout=PATIENCE_S)
                finally:
                    live.kill()
            said.append(log.read_text(encoding="utf-8"))
            expected = 0 if is_last else -signal.SIGKILL
            assert code == expected, f"It ended with {code}, not {expected}:\n{said[-1]}"
        injected = list(server.injected)
    run, transactions = folder / "run", folder / "transaction.csv"
    summary = is_what_its_recording_says(run, module, wanted, folder / "data", symbol)
    appended_once(transactions, run)
    return Lived(run, transactions, folder / "data", symbol, summary, injected, said)


def command(strategy: ModuleType, settings: Settings, folder: Path, symbol: str) -> list[str]:
    """The words of `micropulse live` with everything in `folder`; --url is left to be said."""
    words = [sys.executable, "-m", "micropulse", "live", symbol, "--data", str(folder / "data")]
    words += ["--run", str(folder / "run"), "--transactions", str(folder / "transaction.csv")]
    return [*words, "--strategy", named(strategy), *flags(settings)]


def is_what_its_recording_says(
    run: Path, strategy: ModuleType, settings: Settings, data: Path, symbol: str
) -> dict[str, Any]:
    """A live run and its tape agree: rebuilt by `verify`, and backtested as any other recording.

    The tape must be of this run alone. The run's summary.
    """
    verdict = verify(run, str(data))
    found = verdict.divergence
    assert found is None, (
        f"The run is not what its recording says, first at seq {found.seq}, {found.table}, row "
        f"{found.row}, field {found.field}: {found.one!r} live, {found.other!r} in replay. "
        f"The frame: {found.frame}"
    )
    assert verdict.notes == [], f"Verified, but {' '.join(verdict.notes)}"
    session = Session(TapeSource(data, symbol), strategy, settings)
    session.run([])
    digest = session.core.digest()
    summary: dict[str, Any] = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert digest == summary["digest"] == verdict.digest, (
        f"A backtest of the tape has the digest {digest}, the live run {summary['digest']}"
    )
    return summary


def appended_once(transactions: Path, *runs: Path) -> None:
    """The transaction file has each round trip of these runs once, in the order they ended."""
    appended = lines_of(transactions)
    expected = [line for run in runs for line in lines_of(run / "transaction.csv")]
    keys = [tuple(line[name] for name in KEY) for line in appended]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    assert not twice, f"{transactions} has a round trip twice: {twice[0]}"
    _same_lines(transactions, _in_order(appended), _in_order(expected))


def lines_of(path: Path) -> list[dict[str, str]]:
    """The lines of a transaction file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _in_order(lines: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(lines, key=lambda line: (line["symbol"], line["strategy"], int(line["id"])))


def _same_lines(path: Path, appended: list[dict[str, str]], expected: list[dict[str, str]]) -> None:
    for row, (mine, run) in enumerate(zip_longest(appended, expected)):
        if mine == run:
            continue
        if mine is None or run is None:
            raise AssertionError(
                f"{path} has {len(appended)} round trips, the run {len(expected)}; the first that "
                f"only one of them has: {mine or run}"
            )
        field = next(name for name in mine if mine[name] != run.get(name))
        raise AssertionError(
            f"{path} differs from the run, row {row}, field {field}: {mine[field]!r} in the file, "
            f"{run.get(field)!r} in the run"
        )


def _grow(live: subprocess.Popen[bytes], tape: Path, entries: int, log: Path) -> None:
    """Wait until so many more entries are in the journals."""
    wanted = last_seq(tape) + entries
    for _ in range(round(PATIENCE_S / POLL_S)):
        if last_seq(tape) >= wanted:
            return
        said = log.read_text(encoding="utf-8") if live.poll() is not None else ""
        assert live.poll() is None, f"`micropulse live` ended with {live.returncode}:\n{said}"
        time.sleep(POLL_S)
    raise AssertionError(
        f"No {entries} entries were journaled within {PATIENCE_S:.0f} s: is the source long "
        f"enough for its speed? What was said:\n{log.read_text(encoding='utf-8')}"
    )


def last_seq(tape: Path) -> int:
    """The last seq that is in the journals of a tape, -1 when there is none."""
    found = [read_entries(path.read_bytes()) for _, path in journals(tape)]
    return max((int(one.table[2].max()) for one in found if one.n), default=-1)
