"""The journal: the append-only log of one tape. A frame is here before anyone else sees it.

    append, control     buffered
    flush               one write(): from here on a kill -9 loses nothing of it
    sync                fdatasync, beside the receiving thread: nor does a power cut

One writer a tape, held by a lock on a file. Each writer opens segments of its own, with O_EXCL;
a segment ends at midnight UTC (of ts_recv), at 32 MiB, or with its writer.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections import deque
from pathlib import Path

from recorder.entries import FRAME, SEQ, TS, is_torn, pack, read_entries
from recorder.folder import (
    TapeError,
    journal_path,
    journals,
    manifests,
    symbol_of,
    sync_folder,
)

SEGMENT_BYTES = 32 * 1024 * 1024
DAY_NS = 86_400_000_000_000


class JournalError(TapeError):
    """A journal that cannot be written."""


class Journal:
    """The one writer of a tape, for one thread; any may call `wait_durable`.

    `last_seq` and `last_ts` are those of the last entry, -1 and 0 for a new tape; `problems` says
    what was odd about the end of the last writer.
    """

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Take the lock and find the end. Raises JournalError when another writer has it."""
        self.folder = folder
        self.problems: list[str] = []
        self._segment_bytes = segment_bytes
        (folder / "journal").mkdir(parents=True, exist_ok=True)
        self._lock = lock_writer(folder)
        try:
            self.last_seq, self.last_ts = self._find_end()
        except BaseException:
            os.close(self._lock)
            raise
        self._segment = _last_segment(folder)
        self._file = -1
        self._day = -1
        self._size = 0  # bytes of the segment that are whole entries
        self._buffer = bytearray()
        self._rolled = False
        self._flushed_seq = self.last_seq
        self._syncer = Syncer(self.last_seq)

    def append(self, ts_recv: int, conn: int, frame: bytes) -> int:
        """Take a frame; its seq. Buffered until `flush`."""
        return self._take(ts_recv, conn, FRAME, frame)

    def control(self, ts_recv: int, kind: int, conn: int = 0, value: int = 0) -> int:
        """Take a control event (micropulse.events); its seq."""
        return self._take(ts_recv, conn, kind, value.to_bytes(8, "little", signed=True))

    def _take(self, ts_recv: int, conn: int, kind: int, payload: bytes) -> int:
        day = ts_recv // DAY_NS
        if day > self._day or self._size + len(self._buffer) >= self._segment_bytes:
            self._roll(day)
        self.last_seq += 1
        self._buffer += pack(conn, kind, self.last_seq, ts_recv, payload)
        self.last_ts = ts_recv
        return self.last_seq

    def flush(self) -> None:
        """Write what is buffered. Raises OSError, with the file cut back to whole entries; what
        was buffered is kept, and a later flush may succeed."""
        if not self._buffer:
            return
        written = 0
        view = memoryview(self._buffer)
        try:
            while written < len(view):
                written += os.write(self._file, view[written:])
        except OSError:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        finally:
            view.release()
        self._size += written
        self._buffer.clear()
        self._flushed_seq = self.last_seq

    def sync(self, seq: int | None = None, wait: bool = True) -> None:
        """Make everything up to `seq` (else all that was flushed) durable.

        With `wait` it returns when that is so; without, when it has been asked for. Raises OSError
        when the disk refused, now or at an earlier call.
        """
        self._syncer.raise_error()
        if self._file < 0 or (seq is not None and seq <= self._syncer.done):
            return
        self._syncer.ask(self._file, self._flushed_seq)
        if wait:
            self._syncer.wait(self._flushed_seq if seq is None else seq)

    def wait_durable(self, seq: int) -> None:
        """Return when a sync has come to `seq`: one that the writer's own thread has asked for.
        From any thread. Raises OSError when the disk refused."""
        self._syncer.wait(seq)

    def rolled(self) -> bool:
        """Whether a segment was closed since the last call: it can be sealed now."""
        rolled, self._rolled = self._rolled, False
        return rolled

    def take_number(self) -> int:
        """The next segment number, for one that is sealed without a journal file."""
        self._segment += 1
        return self._segment

    def close(self) -> None:
        """Flush, sync, let the lock go."""
        try:
            self.flush()
            if self._file >= 0:
                self.sync()
        finally:
            self._syncer.stop()
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            os.close(self._lock)

    def _roll(self, day: int) -> None:
        """End the segment, if there is one, and begin the next."""
        if self._file >= 0:
            self.flush()
        self._segment += 1
        path = journal_path(self.folder, self._segment)
        # The old file is let go only when there is a new one: its number may be used again.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        if self._file >= 0:
            self._syncer.ask(self._file, self._flushed_seq, last=True)
            self._rolled = True
        self._file, self._size, self._day = file, 0, day
        sync_folder(path.parent)

    def _find_end(self) -> tuple[int, int]:
        """The last seq and time of what is there; a torn tail is cut, other damage is left."""
        for _, path in reversed(journals(self.folder)):
            data = path.read_bytes()
            _sync(path)  # its writer may have been killed before it could
            found = read_entries(data)
            if found.damage and is_torn(data, found.damage[-1]):
                cut = found.damage[-1].start
                os.truncate(path, cut)
                self.problems.append(
                    f"The last entry of {path.name} was torn, as when its writer was killed: "
                    f"{len(data) - cut:,} bytes were cut off; every whole frame is kept."
                )
            if found.n:
                return int(found.table[SEQ].max()), int(found.table[TS].max())
        for _, path in reversed(manifests(self.folder)):
            try:
                manifest = json.loads(path.read_text(encoding="utf-8"))
                return int(manifest["last_seq"]), int(manifest["last_ts"])
            except (ValueError, KeyError, TypeError) as error:
                raise JournalError(
                    f"{path} cannot be read ({error!r}): without it nobody knows where the tape "
                    "ends. Restore it from a copy, or use another --data folder."
                ) from None
        return -1, 0


class Syncer:
    """fdatasync on a thread of its own: it takes milliseconds, and releases the GIL."""

    def __init__(self, done: int) -> None:
        self.done = done  # durable up to this seq
        self._asked: deque[tuple[int, int, bool]] = deque()  # file, seq, close it then
        self._error: OSError | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="journal-sync", daemon=True)
        self._thread.start()

    def ask(self, file: int, seq: int, last: bool = False) -> None:
        """Sync `file`, which holds everything up to `seq`, and close it if that was the last of
        it; returns at once."""
        with self._changed:
            if self._asked and self._asked[-1][0] == file:
                self._asked.pop()
            self._asked.append((file, seq, last))
            self._changed.notify_all()

    def wait(self, seq: int) -> None:
        """Return when everything up to `seq` is durable. Raises the OSError of a failed sync."""
        with self._changed:
            self._changed.wait_for(lambda: self.done >= seq or self._error is not None)
        self.raise_error()

    def raise_error(self) -> None:
        """Raise the OSError of a sync that failed: what was written since may not be on disk."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Finish what was asked for, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked or self._stopping)
                if not self._asked:
                    return
                file, seq, last = self._asked.popleft()
            try:
                os.fdatasync(file)
                if last:
                    os.close(file)
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
            with self._changed:
                self.done = max(self.done, seq)
                self._changed.notify_all()


def lock_writer(folder: Path) -> int:
    """The lock of a tape's one writer, as an open file. Raises JournalError when it is taken."""
    file = os.open(folder / "journal" / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(file, 32).decode("ascii", "replace").strip()
        os.close(file)
        raise JournalError(
            f"The tape of {symbol_of(folder)} in {folder} is being written by another process "
            f"({owner or 'unknown'}). Two writers would mix two orders: stop that one, or record "
            "into another --data folder."
        ) from None
    os.ftruncate(file, 0)
    os.write(file, f"pid {os.getpid()}".encode())
    return file


def has_writer(folder: Path) -> bool:
    """Whether somebody has the writer's lock of a tape. It is asked for, and let go at once: a
    writer that begins in that very moment is refused, so do not ask often."""
    try:
        file = os.open(folder / "journal" / "writer.lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(file)
    finally:
        os.close(file)


def _last_segment(folder: Path) -> int:
    """The highest segment number that was ever used."""
    return max((number for number, _ in [*journals(folder), *manifests(folder)]), default=0)
