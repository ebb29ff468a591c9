"""The journals of a run, a tape each: what goes to them besides frames, and when they are sealed.

Every entry of a chunk is flushed before anyone else sees it: only then does the tap get it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from micropulse.events import RUN_START, RUN_STOP, TICK
from recorder.clock import Stamps
from recorder.folder import SESSION, journals, tape_folder
from recorder.journal import Journal, JournalError
from recorder.log import Log

SECOND_NS = 1_000_000_000


class Entry(NamedTuple):
    """What a tap is given: a frame (`kind` 0), or a control event of micropulse.events."""

    symbol: str
    seq: int
    ts_recv: int
    conn: int
    payload: bytes
    kind: int = 0
    value: int = 0


Tap = Callable[[list[Entry]], object]


class Tape:
    """One journal that is being written, and when anything last went into it."""

    __slots__ = ("entry_ns", "frames", "journal", "symbol")

    def __init__(self, symbol: str, journal: Journal) -> None:
        self.symbol = symbol
        self.journal = journal
        self.frames = 0
        self.entry_ns = 0  # monotonic time of the last entry


class Tapes:
    """The tapes of the symbols of a run and, from the first frame that needs it, of the rest."""

    def __init__(self, data: Path, symbols: tuple[str, ...], log: Log, tap: Tap | None) -> None:
        """Takes the lock of each. Raises TapeError, with none taken, when one is refused."""
        self.entries: list[Entry] | None = None if tap is None else []
        self.touched: set[Tape] = set()  # to be flushed
        self.sealing: tuple[Path, subprocess.Popen[bytes]] | None = None  # what is being sealed
        self._data = data
        self._log = log
        self._tap = tap
        self._tapes: dict[str, Tape] = {}
        self._to_seal: dict[Path, None] = {}
        self._stamps: Stamps
        self._first = symbols[0]
        self._is_alone = True  # or another recorder has the tape of the session
        try:
            for symbol in symbols:
                self._open(symbol)
            if tape_folder(data, SESSION).exists():
                self._open_session()
        except BaseException:
            for tape in self:
                tape.journal.close()
            raise

    def __iter__(self) -> Iterator[Tape]:
        """Those that are open."""
        return iter(self._tapes.values())

    @property
    def last_ts(self) -> int:
        """The largest stamp of all of them: the run's own come after it."""
        return max(tape.journal.last_ts for tape in self)

    def begin(self, stamps: Stamps) -> None:
        """Journal the start of the run, and seal what an earlier run has left."""
        self._stamps = stamps
        for tape in self:
            self._begin(tape, stamps.now())
        self.flush()

    def of(self, symbol: str) -> Tape:
        """The tape of a symbol; of any other, and of none, that of the session. When another
        recorder writes that one, the tape of the first symbol stands in."""
        tape = self._tapes.get(symbol) or self._tapes.get(SESSION)
        if tape is None and self._is_alone:
            tape = self._open_late()
        return tape or self._tapes[self._first]

    def control(self, tapes: Iterable[Tape], kind: int, conn: int = 0, value: int = 0) -> None:
        """Journal a control event to these tapes."""
        self._control(self._stamps.now(), tapes, kind, conn, value)

    def tick(self) -> None:
        """A TICK to each symbol's tape that nothing came to for a second."""
        since = self._stamps.monotonic - SECOND_NS
        if quiet := [t for t in self if t.entry_ns <= since and t.symbol != SESSION]:
            self.control(quiet, TICK)

    def flush(self) -> None:
        """Write everything, then give it to the tap. Raises OSError when the disk refuses."""
        for tape in self.touched:
            tape.journal.flush()
        self.touched.clear()
        self._give()

    def untap(self) -> None:
        """Give nothing to the tap any more."""
        self._tap = self.entries = None

    def sync(self) -> None:
        """Ask for everything to be durable, and begin to seal what is complete."""
        for tape in self:
            tape.journal.sync(wait=False)
            if tape.journal.rolled():
                self._to_seal[tape.journal.folder] = None
        self.seal_next()

    def end(self) -> list[str]:
        """Journal the end, make everything durable, let go; what could not be written."""
        problems = []
        for tape in self:
            try:
                self.control([tape], RUN_STOP)
                tape.journal.flush()
            except OSError as error:
                problems.append(f"{tape.symbol}: the end of the run is not written: {error}.")
            try:
                tape.journal.close()
            except OSError as error:
                problems.append(f"{tape.symbol}: the last second may not be on disk: {error}.")
            self._to_seal[tape.journal.folder] = None
        self._give()
        return problems

    def seal_next(self, wait: bool = False) -> bool:
        """Go on with sealing, one tape at a time, in a process of its own; whether any is left."""
        if self.sealing is not None:
            folder, process = self.sealing
            code = process.wait() if wait else process.poll()
            if code is None:
                return True
            self.sealing = None
            if code:
                self._log.alarm(
                    folder.name.removeprefix("symbol="),
                    f"sealing failed (exit {code}): the journal stays, nothing is lost. "
                    f"`micropulse tape recover {folder}` tries again.",
                )
        if self._to_seal:
            folder = next(iter(self._to_seal))
            del self._to_seal[folder]
            command = [sys.executable, "-m", "recorder.seal", str(folder)]
            # In a session of its own, so that a Ctrl-C does not reach it.
            self.sealing = folder, subprocess.Popen(command, start_new_session=True)
        return self.sealing is not None

    def _give(self) -> None:
        """Everything that is written now, to the tap."""
        if self._tap is not None and self.entries:
            entries, self.entries = self.entries, []
            self._tap(entries)

    def _control(self, ts: int, tapes: Iterable[Tape], kind: int, conn: int, value: int) -> None:
        for tape in tapes:
            seq = tape.journal.control(ts, kind, conn, value)
            tape.entry_ns = self._stamps.monotonic
            self.touched.add(tape)
            if self.entries is not None:
                self.entries.append(Entry(tape.symbol, seq, ts, conn, b"", kind, value))

    def _open(self, symbol: str) -> Tape:
        journal = Journal(tape_folder(self._data, symbol))
        for problem in journal.problems:
            self._log.caution(symbol, problem)
        tape = self._tapes[symbol] = Tape(symbol, journal)
        if journals(journal.folder):
            self._to_seal[journal.folder] = None
        return tape

    def _open_session(self) -> Tape | None:
        try:
            return self._open(SESSION)
        except JournalError as error:
            self._is_alone = False
            self._log.caution(
                SESSION, f"{error} Frames that belong to no symbol go to {self._first} instead."
            )
            return None

    def _open_late(self) -> Tape | None:
        tape = self._open_session()
        if tape is not None:
            # Its first frame has its stamp already: the start must not be later.
            self._begin(tape, self._stamps.last)
        return tape

    def _begin(self, tape: Tape, ts: int) -> None:
        self._control(ts, [tape], RUN_START, 0, self._stamps.offset_ns)
