"""Sealing: a closed segment of the journal becomes Parquet, is proved, and only then may go.

    write the tables (.part, synced) -> read them back, spell every frame, compare with the journal
    -> rename -> manifest (renamed last: the segment is sealed) -> delete the journal file

Whatever kills it, the next run finishes or begins anew: files without a manifest are nobody's, a
journal file beside a manifest has been sealed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from micropulse import __version__
from micropulse.events import (
    ControlTable,
    Events,
    Frames,
    Int64s,
    control_table,
    frozen,
)
from micropulse.wire import Decoder
from recorder.decoding import decoded, scales
from recorder.entries import SEQ, TS, Entries, is_torn, read_entries
from recorder.folder import (
    VENUE,
    TapeError,
    date_of,
    journals,
    manifest_path,
    manifests,
    symbol_of,
    sync_folder,
    table_path,
)
from recorder.gaps import gaps_of
from recorder.journal import JournalError, lock_writer
from recorder.locks import one_sealer
from recorder.segment import (
    Segment,
    only_frames,
    open_segment,
    same_text,
    spelled,
)
from recorder.tables import (
    READERS,
    SCHEMA_VERSION,
    control_columns,
    depth_columns,
    mark_columns,
    read_events,
    read_table,
    read_verbatim,
    trade_columns,
    verbatim_columns,
    write_table,
)


def seal_closed(folder: Path) -> list[int]:
    """Seal every segment that no writer has open; their numbers. Raises TapeError, OSError."""
    sealed = []
    with one_sealer(folder):
        for number, path in _closed(folder):
            seal_journal(folder, number, path)
            sealed.append(number)
    return sealed


def seal_journal(folder: Path, number: int, path: Path) -> None:
    """Seal one journal file, and delete it."""
    data = path.read_bytes()
    entries = read_entries(data)
    torn = [part for part in entries.damage if is_torn(data, part)]
    damage = [list(part) for part in entries.damage if part not in torn]
    sealed = dict(manifests(folder)).get(number)
    if entries.n and sealed is not None:
        _compare(path, entries, open_segment(sealed))
    elif entries.n:
        control = control_table(**entries.control())
        how: dict[str, Any] = {"from": "journal", "damaged_bytes": damage}
        seal_frames(folder, number, entries.frames(), control, how)
    elif damage:
        raise TapeError(
            f"{path} holds no whole entry: it is damaged from end to end, or of a later version "
            "of MicroPulse. Restore it from a copy, or move it away."
        )
    path.unlink()
    sync_folder(path.parent)


def _compare(path: Path, entries: Entries, segment: Segment) -> None:
    """Whether a journal file is what a sealed segment was made of, as when the sealer was killed
    before it could delete it. Raises TapeError when it is another, which must not be deleted."""
    mine = [f(entries.table[row]) for row in (SEQ, TS) for f in (np.min, np.max)]
    names = ("first_seq", "last_seq", "first_ts", "last_ts")
    if mine != [segment.said[name] for name in names]:
        raise TapeError(
            f"{path} and {segment.path} have the same number and hold different recordings, as "
            "when files of two tapes were put together. Nothing is deleted: move one of them to "
            "another --data folder."
        )


def seal_frames(
    folder: Path, number: int, frames: Frames, control: ControlTable, how: dict[str, Any]
) -> Path:
    """Write a segment's tables, prove them, and its manifest; the manifest's path.

    Raises TapeError when a frame does not come back byte for byte: then nothing has appeared.
    """
    events, keep, decoder = decoded(symbol_of(folder), scales(folder), frames)
    events = events._replace(control=control)
    said = _said(folder, number, frames, events, keep, decoder, how)
    made = _write(folder, said, frames, events, keep)
    try:
        wrong = _prove(made, said, frames)
        if len(wrong):  # numbers that would not come back: kept as text, and proved again
            events = _untold(events, frames.seq[wrong])
            keep = np.union1d(keep, wrong)
            said = _said(folder, number, frames, events, keep, decoder, how)
            made = _write(folder, said, frames, events, keep)
            wrong = _prove(made, said, frames)
        if len(wrong):
            raise TapeError(
                f"Segment {number} of {symbol_of(folder)} is not sealed: the frame of seq "
                f"{frames.seq[wrong[0]]} does not come back byte for byte. Its journal is kept."
            )
    except BaseException:
        for part in made.values():
            part.unlink(missing_ok=True)
        raise
    return _commit(folder, said, made)


def _said(
    folder: Path,
    number: int,
    frames: Frames,
    events: Events,
    keep: Int64s,
    decoder: Decoder,
    how: dict[str, Any],
) -> dict[str, Any]:
    """The manifest, but for its files."""
    seqs = np.sort(np.concatenate([frames.seq, events.control.seq]))
    first, last = int(seqs[0]), int(seqs[-1])
    stamps = np.concatenate([frames.ts_recv, events.control.ts_recv])
    return {
        "schema": SCHEMA_VERSION,
        "venue": VENUE,
        "symbol": symbol_of(folder),
        "segment": number,
        "date": date_of(int(stamps[np.argmin(np.concatenate([frames.seq, events.control.seq]))])),
        "px_decimals": decoder.px_decimals,
        "qty_decimals": decoder.qty_decimals,
        "layouts": list(decoder.layouts),
        "first_seq": first,
        "last_seq": last,
        "first_ts": int(stamps.min()),
        "last_ts": int(stamps.max()),
        "rows": {
            "depth": len(events.depth.seq),
            "trades": len(events.trades.seq),
            "marks": len(events.marks.seq),
            "control": len(events.control.seq),
            "verbatim": len(keep),
        },
        "hours": _hours(stamps),
        "counts": dict(decoder.counts),
        "gaps": gaps_of(events, seqs),
        "recorded": how | {"micropulse": __version__},
    }


def _hours(stamps: Int64s) -> dict[str, int]:
    """Entries received in each hour of the day (UTC) that has some."""
    hours = np.bincount((stamps // 3_600_000_000_000) % 24, minlength=24)
    return {str(hour): int(n) for hour, n in enumerate(hours) if n}


def _write(
    folder: Path, said: dict[str, Any], frames: Frames, events: Events, keep: Int64s
) -> dict[str, Path]:
    """The tables that have rows, under names that nobody reads yet."""
    px, qty = said["px_decimals"] or 0, said["qty_decimals"] or 0
    tables = {
        "depth": depth_columns(events.depth, px, qty),
        "trades": trade_columns(events.trades, px, qty),
        "marks": mark_columns(events.marks),
        "control": control_columns(events.control),
        "verbatim": verbatim_columns(only_frames(frames, keep)),
    }
    about = {name: said[name] for name in ("schema", "symbol", "segment", "layouts")}
    made = {}
    for name, table in tables.items():
        if len(table):
            path = table_path(folder, said["segment"], said["date"], name)
            path.parent.mkdir(parents=True, exist_ok=True)
            made[name] = path.with_name(f".{path.name}.part")
            write_table(made[name], table, about | {"table": name})
    return made


def _prove(made: dict[str, Path], said: dict[str, Any], frames: Frames) -> Int64s:
    """Indices of the frames that the files just written do not give back to the byte."""
    events = read_events({name: read_table(made[name]) for name in READERS if name in made})
    verbatim = read_verbatim(read_table(made["verbatim"])) if "verbatim" in made else None
    wrong: list[Int64s] = []
    at = 0
    for back in spelled(events, verbatim, said):
        stop = int(np.searchsorted(frames.seq, back.seq[-1], "right")) if len(back.seq) else at
        wrong.append(_differing(back, only_frames(frames, slice(at, stop))) + at)
        at = stop
    wrong.append(np.arange(at, len(frames.seq)))
    return np.concatenate(wrong)


def _differing(back: Frames, frames: Frames) -> Int64s:
    """Indices of the frames that did not come back as they were. Raises TapeError when more came
    back than there were."""
    if not np.isin(back.seq, frames.seq).all():
        raise TapeError("More came back than was received: the tables are not of these frames.")
    if len(back.seq) < len(frames.seq):
        return np.flatnonzero(~np.isin(frames.seq, back.seq))
    same = same_text(back, frames)
    same &= (back.ts_recv == frames.ts_recv) & (back.conn == frames.conn)
    return np.flatnonzero(~same)


def _commit(folder: Path, said: dict[str, Any], made: dict[str, Path]) -> Path:
    """Give the files their names, the manifest last."""
    said["files"] = {}
    path = manifest_path(folder, said["segment"], said["date"])
    for name, part in made.items():
        final = table_path(folder, said["segment"], said["date"], name)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = part.stat().st_size
        said["files"][name] = {"name": final.name, "bytes": size, "sha256": digest}
        part.replace(final)
    path.parent.mkdir(parents=True, exist_ok=True)
    sync_folder(path.parent)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as text:
        json.dump(said, text, indent=1)
        text.write("\n")
        text.flush()
        os.fsync(text.fileno())
    part.replace(path)
    sync_folder(path.parent)
    sync_folder(folder)
    return path


def _untold(events: Events, seqs: Int64s) -> Events:
    """Events whose rows of these seqs have no layout: their text is kept."""

    def layout(table: Any) -> Any:
        return frozen(np.where(np.isin(table.seq, seqs), -1, table.layout), "i4")

    told = {name: getattr(events, name) for name in ("depth", "trades", "marks")}
    return events._replace(**{n: t._replace(layout=layout(t)) for n, t in told.items()})


def _closed(folder: Path) -> list[tuple[int, Path]]:
    """The journal files that no writer has open: all but the last, or all when there is none."""
    found = journals(folder)
    try:
        lock = lock_writer(folder)
    except JournalError:
        return found[:-1]
    os.close(lock)
    return found


if __name__ == "__main__":
    try:
        seal_closed(Path(sys.argv[1]))
    except (TapeError, OSError) as error:
        sys.exit(f"error: {error}")
