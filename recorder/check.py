"""Is a tape what it says it is, and what do the frames themselves say is missing?

A finding is `wrong` when something was lost, harmed or late; the rest are notes. Nothing is
changed: `recover` does that. docs/tape.md explains every kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from micropulse.events import (
    CLOCK_STEP,
    CONNECT,
    CONTROL_KINDS,
    DISCONNECT,
    RUN_START,
    RUN_STOP,
    Events,
)
from recorder.entries import is_torn, read_entries
from recorder.findings import Finding
from recorder.folder import TABLES
from recorder.segment import Segment, segment_events, segment_frames
from recorder.symptoms import Watch
from recorder.tape import Tape

IN_ORDER_NS = 500_000_000  # a connection that ends so soon before its recorder was closed by it
_TEXT_ONLY = {
    "not_json": "no JSON: garbage, or half a frame",
    "undecoded": "said to be a book or a trade, and broken",
    "too_many_digits": "numbers with more digits than the tape's scale",
}


def check(tape: Tape) -> list[Finding]:
    """Everything odd about a tape, in the order of the tape. Raises TapeError for a manifest that
    cannot be read."""
    found: list[Finding] = []
    watch, last_seq = Watch(), -1
    open_: set[int] = set()  # connections: they outlive a segment
    for segment in tape.segments():
        harmed = list(_files(segment))
        found += harmed
        if tape.date is None or last_seq >= 0:
            found += _order(segment, last_seq)
        last_seq = segment.said["last_seq"]
        found += _kept_as_text(segment)
        if not harmed:
            events = segment_events(segment)
            found += _controls(events, open_)
            found += watch.see(events)
    found += watch.end()
    for number, path in tape.journals():
        found += _journal(number, path)
    return sorted(found, key=lambda one: (one.seq, one.what))


def harmed(tape: Tape) -> list[Finding]:
    """Only what was done to a tape since it was recorded: changed, missing or damaged files."""
    found: list[Finding] = []
    last_seq = -1
    for segment in tape.segments():
        found += _files(segment)
        if tape.date is None or last_seq >= 0:
            found += _order(segment, last_seq)
        last_seq = segment.said["last_seq"]
    for number, path in tape.journals():
        try:
            found += [one for one in _journal(number, path) if one.wrong]
        except FileNotFoundError:
            continue  # sealed meanwhile: its frames were proved
    return found


def _files(segment: Segment) -> Iterator[Finding]:
    """Whether the files are those that were sealed, and give back the frames."""
    seq, ts = segment.said["first_seq"], segment.said["first_ts"]
    harmed = False
    for table, entry in sorted(segment.said["files"].items()):
        path = segment.path.parent / entry["name"]
        if not path.exists():
            text = f"{path.name} is missing: the {table} rows of segment {segment.number} are lost."
        elif _sha256(path) != entry["sha256"]:
            text = f"{path.name} is not what was sealed: its sha256 differs from the manifest's."
        else:
            continue
        harmed = True
        yield Finding("file", True, seq, ts, text)
    if harmed:
        return
    if sum(len(frames.seq) for frames in segment_frames(segment)) != _frames_said(segment):
        yield Finding("file", True, seq, ts, f"Segment {segment.number} lacks frames.")


def _frames_said(segment: Segment) -> int:
    """How many frames the manifest says there are: every seq but those of control events."""
    said = segment.said
    lost = sum(last - first + 1 for first, last in said["gaps"]["seq"])
    return int(said["last_seq"] - said["first_seq"] + 1 - lost - said["rows"]["control"])


def _order(segment: Segment, last_seq: int) -> Iterator[Finding]:
    """Whether the numbers go on where the segment before ended, and have no holes."""
    said = segment.said
    if said["first_seq"] != last_seq + 1:
        text = (
            f"Segment {segment.number} begins at seq {said['first_seq']}, not at {last_seq + 1}: "
            "what lay between is not on this tape."
        )
        yield Finding("seq", True, said["first_seq"], said["first_ts"], text)
    for start, stop in said["recorded"].get("damaged_bytes", ()):
        text = f"Segment {segment.number} is of a damaged journal: bytes {start:,} to {stop:,}."
        yield Finding("journal", True, said["first_seq"], said["first_ts"], text)
    for first, last in said["gaps"]["seq"]:
        text = f"seq {first} to {last} are missing: the journal was damaged there."
        yield Finding("seq", True, first, None, text)


def _kept_as_text(segment: Segment) -> Iterator[Finding]:
    """Frames that ought to have been events and are only text."""
    said = segment.said
    for name, meaning in _TEXT_ONLY.items():
        if n := said["counts"][name]:
            text = f"{n} frames in segment {segment.number} kept as text: {meaning}."
            yield Finding(name, True, said["first_seq"], said["first_ts"], text)


def _controls(events: Events, open_: set[int]) -> Iterator[Finding]:
    """What the recorder itself noted; `open_` are the connections before it, and after it."""
    control = events.control
    for i in range(len(control.seq)):
        kind, conn = int(control.kind[i]), int(control.conn[i])
        if kind == CONNECT:
            open_.add(conn)
        elif kind == RUN_START:
            open_.clear()
        elif kind == DISCONNECT:
            open_.discard(conn)
        where = int(control.seq[i]), int(control.ts_recv[i])
        if kind == DISCONNECT:
            stops = control.ts_recv[control.kind == RUN_STOP]
            in_order = bool(((stops >= where[1]) & (stops < where[1] + IN_ORDER_NS)).any())
            how = ", as the recorder did." if in_order else "."
            text = f"Connection {conn} ended" + (", another was open." if open_ else how)
            yield Finding("disconnect", not open_ and not in_order, *where, text)
        elif kind == CLOCK_STEP:
            step_ms = int(control.value[i]) / 1e6
            text = f"{CONTROL_KINDS[kind]}: the recorder's clock was set by {step_ms:+.1f} ms."
            yield Finding("clock_step", True, *where, text)


def _journal(number: int, path: Path) -> Iterator[Finding]:
    """What is not sealed yet."""
    data = path.read_bytes()
    entries = read_entries(data)
    first = int(entries.table[2].min()) if entries.n else 0
    text = f"Segment {number} is not sealed: {entries.n} entries in {path.name}."
    yield Finding("unsealed", False, first, None, text)
    for part in entries.damage:
        start, stop = part
        if is_torn(data, part):  # its writer was killed, or is at it
            text = f"{path.name} ends in the beginning of an entry: {stop - start:,} bytes."
            yield Finding("torn", False, first, None, text)
            continue
        text = f"{path.name} is damaged: bytes {start:,} to {stop:,} are no entries."
        yield Finding("journal", True, first, None, text)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Coverage(NamedTuple):
    """One day of a tape in figures."""

    date: str
    first_ts: int
    last_ts: int
    rows: dict[str, int]
    bytes: int
    segments: int
    hours: list[int]  # frames received in each of its 24 hours


def coverage(tape: Tape) -> list[Coverage]:
    """What a tape holds, day by day, oldest first."""
    days: dict[str, dict[str, Any]] = {}
    for segment in tape.segments():
        said = segment.said
        day = days.setdefault(
            said["date"],
            {
                "first_ts": said["first_ts"],
                "last_ts": said["last_ts"],
                "rows": dict.fromkeys(TABLES, 0),
                "bytes": 0,
                "segments": 0,
                "hours": [0] * 24,
            },
        )
        day["first_ts"] = min(day["first_ts"], said["first_ts"])
        day["last_ts"] = max(day["last_ts"], said["last_ts"])
        day["bytes"] += sum(entry["bytes"] for entry in said["files"].values())
        day["segments"] += 1
        for table, n in said["rows"].items():
            day["rows"][table] += n
        for hour, n in said["hours"].items():
            day["hours"][int(hour)] += n
    return [Coverage(date, **day) for date, day in sorted(days.items())]
