"""Live paper trading: the recorder's loop gives what it has journaled to the core of the backtest.

    socket -> journal -> on_batch -> decode -> core -> run folder, transaction.csv, metrics lines

or, with `--follow`, another recorder's journal is read as it grows (recorder/following.py).

A run is a stretch of a tape: from the seq it began at to its last one. Killed and started again, it
is first rebuilt from the tape, then goes on; so nothing is kept that the tape does not have.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micropulse.events import Events, control_table
from micropulse.fingerprint import package_fingerprint, source_hash
from micropulse.growing import Growing
from micropulse.instrument import KNOWN_DECIMALS
from micropulse.run import Core, Sink
from micropulse.sinks.run_folder import MARK, RunFolder, is_run_folder, refuse_foreign
from micropulse.strategy import strategy_name
from micropulse.wire import Decoder
from recorder.entries import FRAME
from recorder.folder import tape_folder
from recorder.segment import cut
from recorder.tape import Tape, TapeSource, digits_of
from recorder.tapes import Entry
from replay.backtest import Session
from replay.live.feed import Feed, frames_in
from replay.live.plan import LiveError, Plan, check, lock_run

FEW = 32  # entries of a chunk: up to so many are applied without making a batch of them
RESUME_OR_FRESH = "Start with --fresh for a new run, or go back to what it was."


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

        Raises LiveError when the run there has another code, strategy or parameters, StrategyError
        and ParamsError for what cannot be traded: before anything is connected.
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
        self._growing: Growing | None = None
        self._sinks: list[Sink] = []
        refuse_foreign(plan.run)
        check(plan)
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

    @property
    def failure(self) -> str | None:
        """What the strategy did wrong; None as long as it has not failed."""
        session = self._session
        return session.failure() if session is not None and session.core.failure else None

    def take(self, entries: Sequence[Entry]) -> None:
        """Apply what was just journaled, in the order of seq. Raises LiveError when the tape has
        gone back."""
        session = self._session
        if session is not None and session.first is not None and len(entries) <= FEW:
            self._take_few(session.core, entries)
            return
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

    def _take_few(self, core: Core, entries: Sequence[Entry]) -> None:
        """Without tables for a batch of one: they would cost ten times what the core does."""
        if entries[0].seq <= self.last_seq:
            raise LiveError(f"seq {entries[0].seq} came again: it was applied before.")
        if self._growing is not None and self._growing.room < len(entries):
            self._end_growing()
        growing = self._growing = self._growing or Growing(self.decoder, core)
        for entry in entries:
            if entry.kind == FRAME:
                growing.frame(entry.payload, entry.seq, entry.ts_recv, entry.conn)
            else:
                growing.control(entry.seq, entry.ts_recv, entry.kind, entry.conn, entry.value)
        growing.apply(self._sinks)
        self.last_seq = entries[-1].seq

    def _end_growing(self) -> None:
        if self._growing is not None:
            self._growing.close()
            self._growing = None

    def finish(self) -> dict[str, Any]:
        """Write the run folder; the summary. To be called when the tape is sealed, if it is ours.

        The files of a tape that goes on have no hash to be held to: `input_digest` is what says
        which events the run has read.
        """
        if self._session is None:
            self._begin()
        self._end_growing()
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
        # A relative name was given from another folder, perhaps: its end is what must be the same.
        name, tape = Path(said["source"]["name"]), self.tape.resolve()
        parts = name.resolve().parts if name.is_absolute() else name.parts
        yield "tape", parts, tape.parts[-len(parts) :]
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
        self._end_growing()
        self.last_seq = max(last for _, last in seqs)
        session.core.feed(events, self._sinks)

    def _decoded(self, entries: Sequence[Entry]) -> Events:
        """Entries -> events, by the very code that reads a tape."""
        frames = [entry for entry in entries if entry.kind == FRAME]
        events = self.decoder.decode(frames_in(frames)).events
        control = [entry for entry in entries if entry.kind != FRAME]
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


_CONTROL = ("seq", "ts_recv", "kind", "conn", "value")
