"""A tape that somebody else is writing, read as it grows: each entry once, in the order of `seq`.

    tape = Following(folder, end_of(folder) + 1, decoder)
    for events in tape.read(): ...      # what has come since; nothing is waited for

The open journal is read through a handle of our own, so that sealing may delete the file under it;
a segment that was sealed before we came to it is read as it was sealed. No lock is taken. Looking
when there is nothing costs three system calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from micropulse.events import Events, control_table
from micropulse.wire import Decoder
from recorder.entries import SEQ, Entries, read_entries
from recorder.folder import TapeError, journal_path, journals, manifests
from recorder.segment import Segment, cut, open_segment, segment_events

READ_BYTES = 8 * 1024 * 1024
LOOKS_BETWEEN_LISTINGS = 256  # a folder is listed for what the cheap look does not show


class Following:
    """A place on a tape that moves on with it. For one thread.

    `next_seq` is the first seq not given yet; `problems` says what was odd, in sentences.
    """

    def __init__(self, folder: Path, first_seq: int, decoder: Decoder) -> None:
        """Begins at `first_seq`, which may lie ahead of the tape's end; the tape need not be
        there yet. `decoder` is the symbol's."""
        self.folder = folder
        self.next_seq = first_seq
        self.problems: list[str] = []
        self._decoder = decoder
        self._read_seq = -1  # the last that was read, given or not
        self._number = 0  # of the last segment that was read to its end
        self._file = -1  # the journal that is being read
        self._file_number = 0
        self._tail = b""  # the beginning of an entry that is not whole yet
        self._looks = 0
        for number, path in reversed(manifests(folder)):
            if open_segment(path).said["last_seq"] < first_seq:
                self._number = number
                break

    def read(self) -> Iterator[Events]:
        """Everything that was written since the last call, some at a time. Raises TapeError when
        the tape is not the one that was followed: numbers that were read come again."""
        while True:
            if self._file < 0:
                part = self._next_part()
                if part is None:
                    return
                if isinstance(part, Segment):
                    yield from self._from_segment(part)
                    continue
            is_over = self._is_over()  # asked first: then nothing can come behind the last read
            yield from self._from_journal()
            if not is_over:
                return
            self.close()

    def close(self) -> None:
        """Let the journal go that is being read."""
        if self._file < 0:
            return
        if self._tail:
            self.problems.append(
                f"{journal_path(self.folder, self._file_number).name} ends in a torn entry of "
                f"{len(self._tail):,} bytes, as when its writer was killed: it was passed over."
            )
            self._tail = b""
        os.close(self._file)
        self._file = -1

    def _next_part(self) -> Segment | int | None:
        """What comes after the last segment: a sealed one, or a journal, which is opened."""
        while True:
            unsealed = dict(journals(self.folder))  # first: what is sealed by then is in both
            sealed = dict(manifests(self.folder))
            number = min((n for n in unsealed | sealed if n > self._number), default=None)
            if number is None:
                return None
            if number in sealed:
                self._number = number
                return open_segment(sealed[number])
            try:
                self._file = os.open(unsealed[number], os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # sealed since it was listed
                continue
            self._file_number = number
            return number

    def _is_over(self) -> bool:
        """Whether the open journal will not grow: it was sealed, or there is a later one."""
        if os.fstat(self._file).st_nlink == 0 or self._path_after().exists():
            return True
        self._looks = (self._looks + 1) % LOOKS_BETWEEN_LISTINGS
        if self._looks:
            return False
        return any(n > self._file_number for n, _ in journals(self.folder))

    def _path_after(self) -> Path:
        return journal_path(self.folder, self._file_number + 1)

    def _from_segment(self, segment: Segment) -> Iterator[Events]:
        said, decoder = segment.said, self._decoder
        if decoder.px_decimals is None:
            decoder.px_decimals, decoder.qty_decimals = said["px_decimals"], said["qty_decimals"]
        if said["last_seq"] >= self.next_seq:
            self._see(said["first_seq"], said["last_seq"])
            yield from self._new(segment_events(segment), said["last_seq"])

    def _from_journal(self) -> Iterator[Events]:
        """The whole entries behind the last one. The end of the file may cut one in two: the rest
        of it comes later, or never."""
        while data := os.read(self._file, READ_BYTES):
            data = self._tail + data
            entries = read_entries(data)
            self._tail = b""
            for start, stop in entries.damage:
                if stop == len(data):
                    self._tail = data[start:]
                else:
                    name = journal_path(self.folder, self._file_number).name
                    self.problems.append(f"{name} is damaged: {stop - start:,} bytes are lost.")
            if entries.n:
                self._number = self._file_number
                first, last = int(entries.table[SEQ, 0]), int(entries.table[SEQ, -1])
                self._see(first, last)
                if last >= self.next_seq:
                    yield from self._new(self._decoded(entries), last)

    def _decoded(self, entries: Entries) -> Events:
        new = entries.table[SEQ] >= self.next_seq
        if not new.all():
            entries = entries._replace(table=entries.table[:, new])
        events = self._decoder.decode(entries.frames()).events
        return events._replace(control=control_table(**entries.control()))

    def _see(self, first: int, last: int) -> None:
        if first <= self._read_seq:
            raise TapeError(
                f"The tape in {self.folder} has seq {first} again, behind {self._read_seq}: its "
                "end was lost (a power cut, a full disk) after it was followed. Start again: the "
                "run is then rebuilt from what is on disk."
            )
        if 0 <= self._read_seq < first - 1 and first > self.next_seq:
            self.problems.append(f"seq {self._read_seq + 1} to {first - 1} are not on the tape.")
        self._read_seq = last

    def _new(self, events: Events, last: int) -> Iterator[Events]:
        """What was not given yet of a batch that ends with `last`."""
        first, self.next_seq = self.next_seq, last + 1
        tables: list[Any] = []
        for table in events:
            at = int(np.searchsorted(table.seq, first))
            tables.append(cut(table, slice(at, None)) if at else table)
        new = Events(*tables)
        if new.n:
            yield new


def end_of(folder: Path) -> int:
    """The last seq on a tape, sealed or not; -1 where there is none. It may grow meanwhile."""
    while True:
        try:
            for _, path in reversed(journals(folder)):
                entries = read_entries(path.read_bytes())
                if entries.n:
                    return int(entries.table[SEQ, -1])
        except FileNotFoundError:  # sealed meanwhile: look again
            continue
        for _, path in reversed(manifests(folder)):
            return int(open_segment(path).said["last_seq"])
        return -1


def sync_journals(folder: Path) -> None:
    """Make everything that was read from a tape durable, whoever wrote it: a sealed segment is on
    disk already, a journal is synced through a handle of our own. Raises OSError."""
    for _, path in journals(folder):
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            os.fdatasync(file)
        finally:
            os.close(file)
