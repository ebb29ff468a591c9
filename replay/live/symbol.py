"""Live paper trading: the recorder's loop gives what it has journaled to the core of the backtest.

    socket -> journal -> on_batch -> decode -> core -> run folder, transaction.csv, metrics lines

or, with `--follow`, another recorder's journal is read as it grows (recorder/following.py).

A run is a stretch of a tape: from the seq it began at to its last one. Killed and started again, it
is first rebuilt from the tape, then goes on; so nothing is kept that the tape does not have.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import Events, Frames, control_table
from micropulse.fingerprint import package_fingerprint, source_hash
from micropulse.instrument import KNOWN_DECIMALS
from micropulse.params import Settings
from micropulse.run import Sink
from micropulse.sinks.run_folder import MARK, RunFolder, is_run_folder, refuse_foreign
from micropulse.strategy import strategy_name
from micropulse.wire import Decoder
from recorder.folder import tape_folder
from recorder.segment import cut
from recorder.tape import Tape, TapeSource, digits_of
from recorder.tapes import Entry
from replay.backtest import Session

RESUME_OR_FRESH = "Start with --fresh for a new run, or go back to what it was."


class LiveError(Exception):
    """A live run that cannot begin, or cannot go on."""


class Plan(NamedTuple):
    """What is traded how, and where the run goes."""

    symbol: str
    data: Path
    run: Path
    strategy: ModuleType
    settings: Settings


class Feed:
    """What a Session wants to know of its source, of a tape that is still growing."""

    def __init__(self, tape: Path, decoder: Decoder, digits: tuple[int, int]) -> None:
        self.name = str(tape)
        self.symbol = decoder.symbol or ""
        self.px_decimals, self.qty_decimals = digits
        self.share = 0.0
        self.problems: list[str] = []
        self._decoder = decoder

    def __iter__(self) -> Iterator[Events]:
        return iter(())

    @property
    def counts(self) -> dict[str, int]:
        """What the frames were."""
        return dict(self._decoder.counts)


class Live:
    """One symbol: takes the entries of its tape as they are journaled. Not for several threads."""

    def __init__(
        self,
        plan: Plan,
        sinks_of: Callable[[Session], Sequence[Sink]],
        fresh: bool = False,
        follows: bool = False,
    ) -> None:
        """Rebuilds the run in `plan.run` when there is one. `sinks_of` makes the sinks that want
        only what is new, and all of a run that is rebuilt. With `follows` the tape is another
        recorder's and goes on when the run has ended.

        Raises LiveError when the run there has another tape, code, strategy or parameters.
        """
        self.plan = plan
        self.rebuilt = 0  # events
        self.tape = tape_folder(plan.data, plan.symbol)
        self.first_seq: int | None = None  # of the run; None: nothing has come yet
        self.last_seq = -1
        self._follows = follows
        self._sinks_of = sinks_of
        self._waiting: list[Events] = []  # until the symbol's digits are known
        self._session: Session | None = None
        self._sinks: list[Sink] = []
        refuse_foreign(plan.run)
        self._lock = lock_run(plan.run)
        self.decoder = Decoder(plan.symbol, *digits_of(Tape(self.tape)))
        if is_run_folder(plan.run) and not fresh:
            try:
                self._resume()
            except BaseException:
                self._unlock()
                raise

    @property
    def session(self) -> Session | None:
        """The core and its figures, once the symbol's digits are known."""
        return self._session

    def take(self, entries: Sequence[Entry]) -> None:
        """Apply what was just journaled, in the order of seq. Raises LiveError when the tape has
        gone back."""
        if self.first_seq is None:
            self.first_seq = entries[0].seq
        self.take_events(self._decoded(entries))

    def take_events(self, events: Events) -> None:
        """The same of what was decoded by `decoder`."""
        if self.first_seq is None and events.n:
            self.first_seq = min(int(table.seq[0]) for table in events if len(table.seq))
        if self._session is None:
            self._waiting.append(events)
            if not self._digits_known():
                return
            self._begin()
            for batch in self._waiting:
                self._feed(batch)
            self._waiting.clear()
        else:
            self._feed(events)

    def finish(self) -> dict[str, Any]:
        """Write the run folder; the summary. To be called when the tape is sealed, if it is ours.

        The files of a tape that goes on have no hash to be held to: `input_digest` is what says
        which events the run has read.
        """
        if self._session is None:
            self._begin()
        session, folder = self._session, self._folder
        assert session is not None
        summary = session.summary() | {"run": str(self.plan.run)}
        said = session.description() | {"kind": "live", "state": "complete"}
        if self._follows:
            said["source"] |= {"tape": self.tape.name, "followed": True}
        else:
            said["source"] |= TapeSource(self.tape).description()
        said["source"] |= {"name": str(self.tape)}
        folder.finish(said, summary, session.core.checkpoints)
        self._unlock()
        return summary

    def discard(self) -> None:
        """Leave the run folder as it is: what was written there is not complete."""
        if self._session is not None:
            self._folder.discard()
        self._unlock()

    def _unlock(self) -> None:
        """Let another process have the run; once."""
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def _resume(self) -> None:
        """Rebuild the run from its tape, up to where the tape ends."""
        said = json.loads((self.plan.run / "run.json").read_text(encoding="utf-8"))
        for what, before, now in self._identity(said):
            if before != now:
                raise LiveError(
                    f"The run in {self.plan.run} was made with another {what}: going on would mix "
                    f"two runs in one. {RESUME_OR_FRESH}"
                )
        first = said["source"]["first_seq"]
        if first is None:
            return
        self.first_seq = int(first)
        for events in Tape(self.tape).events():
            tables = [cut(t, slice(np.searchsorted(t.seq, first), None)) for t in events]
            part = Events(*tables)
            if not part.n:
                continue
            if self._session is None:
                self._begin()
            self._feed(part)
            self.rebuilt += part.n

    def _identity(self, said: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        yield "tape", Path(said["source"]["name"]).resolve(), self.tape.resolve()
        yield "symbol", said["symbol"], self.plan.symbol
        yield "strategy", said["strategy"]["sha256"], source_hash(self.plan.strategy)
        yield "set of parameters", said["params"], self.plan.settings.as_dict()
        yield "version of the code", said["code"], package_fingerprint("micropulse", "")

    def _begin(self) -> None:
        """Make the core, now that the digits are known, and say in the run folder what runs."""
        plan = self.plan
        feed = Feed(self.tape, self.decoder, self._digits())
        self._session = session = Session(feed, plan.strategy, plan.settings)
        tick = int(session.instrument.tick)
        for left in plan.run.parent.glob(f".{plan.run.name}.*.part"):  # of a run that was killed
            shutil.rmtree(left)
        self._folder = RunFolder(plan.run, plan.symbol, plan.strategy, session.digits, tick)
        self._sinks = [self._folder, *self._sinks_of(session)]
        self._say_running()

    def _say_running(self) -> None:
        """run.json of a run that is not complete: enough to go on with it after a kill."""
        plan = self.plan
        said = {
            MARK: 1,
            "kind": "live",
            "state": "running",
            "source": {"name": str(self.tape), "first_seq": self.first_seq},
            "symbol": plan.symbol,
            "strategy": {
                "name": strategy_name(plan.strategy),
                "sha256": source_hash(plan.strategy),
            },
            "params": plan.settings.as_dict(),
            "code": package_fingerprint("micropulse", ""),
        }
        plan.run.mkdir(parents=True, exist_ok=True)
        part = plan.run / ".run.json.part"
        part.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        part.replace(plan.run / "run.json")

    def _feed(self, events: Events) -> None:
        session = self._session
        assert session is not None
        seqs = [(int(table.seq[0]), int(table.seq[-1])) for table in events if len(table.seq)]
        if not seqs:
            return
        first = min(seqs)[0]
        if session.first is None:
            ts = next(int(t.ts_recv[0]) for t in events if len(t.seq) and t.seq[0] == first)
            session.first = first, ts
        elif first <= self.last_seq:
            raise LiveError(f"seq {first} came again: the run was rebuilt from another tape.")
        self.last_seq = max(last for _, last in seqs)
        session.core.feed(events, self._sinks)

    def _decoded(self, entries: Sequence[Entry]) -> Events:
        """Entries -> events, by the very code that reads a tape."""
        frames = [entry for entry in entries if entry.kind == 0]
        events = self.decoder.decode(frames_in(frames)).events
        control = [entry for entry in entries if entry.kind != 0]
        if control:
            columns = {name: [getattr(e, name) for e in control] for name in _CONTROL}
            events = events._replace(control=control_table(**columns))
        return events

    def _digits_known(self) -> bool:
        known = self.plan.symbol in KNOWN_DECIMALS
        return known or self.decoder.px_decimals is not None

    def _digits(self) -> tuple[int, int]:
        px, qty = self.decoder.px_decimals, self.decoder.qty_decimals
        known = KNOWN_DECIMALS.get(self.plan.symbol, (0, 0))
        return (known[0] if px is None else px), (known[1] if qty is None else qty)


def lock_run(run: Path) -> int:
    """The lock of a live run, as an open file: two processes that follow one tape must not write
    one run. It lies beside the folder, which is replaced at the end. Raises LiveError."""
    run.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(run.with_name(f".{run.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise LiveError(
            f"The run in {run} is being written by another process. Stop that one, or give this "
            "one another folder with --run."
        ) from None
    return file


_CONTROL = ("seq", "ts_recv", "kind", "conn", "value")


def frames_in(entries: Sequence[Entry]) -> Frames:
    """The frames of some entries in one buffer."""
    ends = list(accumulate(len(entry.payload) for entry in entries))
    rows = [[0, *ends[:-1]] if ends else [], ends]
    rows += [[entry.seq for entry in entries], [entry.ts_recv for entry in entries]]
    columns = np.array(rows, np.int64)
    conn = np.array([entry.conn for entry in entries], np.int16)
    columns.flags.writeable = conn.flags.writeable = False
    text = np.frombuffer(b"".join([entry.payload for entry in entries]), np.uint8)
    start, stop, seq, ts_recv = columns
    return Frames(text, start, stop, seq, ts_recv, conn)
