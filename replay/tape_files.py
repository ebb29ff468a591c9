"""Tapes from frames files, and frames files and CSV from tapes."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from heapq import merge
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from micropulse.events import DEPTHS, Events, Frames, frozen, no_control
from micropulse.instrument import to_text
from micropulse.reading import WireError, claim_of
from micropulse.wire import Decoder
from recorder.folder import SESSION, TapeError, can_have_tape, date_of, journals, tape_folder
from recorder.journal import SEGMENT_BYTES, Journal
from recorder.locks import one_sealer
from recorder.seal import seal_closed, seal_frames
from recorder.segment import only_frames
from recorder.tape import TapeSource
from replay.frames import FramesFile, SourceError


class Import:
    """One frames file into the tapes of its symbols. A frame without a symbol goes to the first,
    one whose symbol can have no tape to that of the session. `problems` says what was odd."""

    def __init__(self, path: Path, data: Path, symbol: str | None) -> None:
        """Raises SourceError for what is no frames file."""
        self.file = FramesFile(path)
        self.data = data
        self.only = symbol.upper() if symbol else None
        self.first = self.only or self._first_symbol()
        self.frames: dict[str, int] = {}
        self.left_out = 0
        self.problems: list[str] = []

    def run(self) -> None:
        """Read, route, seal. Raises TapeError when a tape is in use or ends later."""
        writers: dict[str, _Segments] = {}
        try:
            for frames in self.file:
                for symbol, part in self._by_symbol(frames):
                    if symbol not in writers:
                        writers[symbol] = _Segments(self.data, symbol, self.file.path.name)
                        self.problems += writers[symbol].problems
                    writers[symbol].add(part)
            for writer in writers.values():
                writer.seal()
        finally:
            for writer in writers.values():
                writer.close()
        self.frames = {symbol: writer.frames for symbol, writer in writers.items()}

    def _first_symbol(self) -> str:
        decoder = Decoder()
        for frames in self.file:
            decoder.decode(frames)
            if decoder.symbol:
                return decoder.symbol
        for frames in self.file:
            for start, stop in zip(frames.start, frames.stop, strict=True):
                if found := _symbol_of(frames.text[start:stop].tobytes()):
                    return found
        raise SourceError(
            f"{self.file.path} names no symbol in any frame: say which one with --symbol."
        )

    def _by_symbol(self, frames: Frames) -> Iterator[tuple[str, Frames]]:
        """The frames of each symbol; those of others are told apart by a quick look first."""
        others = Decoder(self.first).decode(frames).others
        mine = np.full(len(frames.seq), True)
        mine[others] = False
        if mine.any():
            yield self.first, only_frames(frames, mine)
        named: dict[str, list[int]] = {}
        for i in others.tolist():
            text = frames.text[frames.start[i] : frames.stop[i]].tobytes()
            symbol = _symbol_of(text) or self.first
            named.setdefault(symbol if can_have_tape(symbol) else SESSION, []).append(i)
        for symbol, rows in sorted(named.items()):
            if self.only is None:
                yield symbol, only_frames(frames, np.array(rows))
            else:
                self.left_out += len(rows)


class _Segments:
    """Frames of one symbol, sealed a day and some megabytes at a time, behind what is there."""

    def __init__(self, data: Path, symbol: str, name: str) -> None:
        self.folder = tape_folder(data, symbol)
        self.frames = 0
        self._name = name
        self._journal = Journal(self.folder)  # its lock: nobody else writes
        self.problems = self._journal.problems
        if journals(self.folder):
            self._journal.close()
            seal_closed(self.folder)
            self._journal = Journal(self.folder)
        self._next_seq = self._journal.last_seq + 1
        self._parts: list[Frames] = []
        self._bytes, self._date = 0, ""

    def add(self, frames: Frames) -> None:
        """Take more frames; they get the next numbers. Raises TapeError for older ones."""
        if self.frames == 0 and int(frames.ts_recv[0]) < self._journal.last_ts:
            raise TapeError(
                f"{self._name} begins before the tape of {self.folder.name} ends: a tape grows at "
                "its end only. Import it into another --data folder."
            )
        for part in _by_date(frames):
            date = date_of(int(part.ts_recv[0]))
            if self._parts and (date > self._date or self._bytes >= SEGMENT_BYTES):
                self.seal()
            self._date = max(self._date, date)
            n = len(part.seq)
            seq = np.arange(self._next_seq, self._next_seq + n)
            self._next_seq += n
            self.frames += n
            self._bytes += int((part.stop - part.start).sum())
            self._parts.append(_packed(part._replace(seq=frozen(seq))))

    def seal(self) -> None:
        """Seal what was taken."""
        if self._parts:
            how = {"from": "frames file", "name": self._name}
            number = self._journal.take_number()
            with one_sealer(self.folder):
                seal_frames(self.folder, number, _joined(self._parts), no_control(), how)
        self._parts, self._bytes = [], 0

    def close(self) -> None:
        """Let the tape go."""
        self._journal.close()


def import_frames(path: Path, data: Path, symbol: str | None = None) -> Import:
    """A frames file into `data`. Raises SourceError, TapeError; what was sealed stays sealed."""
    made = Import(path, data, symbol)
    made.run()
    return made


def write_csv(source: TapeSource, path: Path) -> int:
    """Books and trades as one CSV, a row an event in the order of `seq`; how many rows."""
    rows = 0
    levels = max((len(events.depth.bid_px) for events in source), default=min(DEPTHS))
    with _opened(path) as file:
        out = csv.writer(file)
        out.writerow(_head(levels))
        for events in source:
            for _, row in merge(_prints(events, source), _books(events, source, levels)):
                out.writerow(row)
                rows += 1
    return rows


def _opened(path: Path) -> TextIO:
    if path.suffix == ".zst":
        raise SourceError(f"{path} is not written: a CSV is plain or .gz; .zst is for frames.")
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def _head(levels: int) -> list[str]:
    head = ["seq", "ts_recv", "ts_event", "ts_txn", "event", "id", "side", "px", "qty"]
    sides = [f"{side}_{what}_{k}" for side in ("bid", "ask") for k in range(1, levels + 1)
             for what in ("px", "qty")]  # fmt: skip
    return head + sides


def _prints(events: Events, source: TapeSource) -> Iterator[tuple[int, list[Any]]]:
    """(seq, row) of every trade; prices as decimal text."""
    px, qty = source.px_decimals, source.qty_decimals
    trades = events.trades
    for i in range(len(trades.seq)):
        seq = int(trades.seq[i])
        side = "buy" if trades.side[i] > 0 else "sell"
        amounts = to_text(trades.px[i], px), to_text(trades.qty[i], qty)
        stamps = trades.ts_recv[i], trades.ts_event[i], trades.ts_txn[i]
        yield seq, [seq, *stamps, "trade", trades.trade_id[i], side, *amounts]


def _books(events: Events, source: TapeSource, levels: int) -> Iterator[tuple[int, list[Any]]]:
    """(seq, row) of every book; prices as decimal text, what is not shown empty."""
    px, qty = source.px_decimals, source.qty_decimals
    depth = events.depth
    for i in range(len(depth.seq)):
        seq = int(depth.seq[i])
        row = [seq, depth.ts_recv[i], depth.ts_event[i], depth.ts_txn[i], "depth"]
        row += [depth.last_id[i], "", "", ""]
        for n, prices, sizes in (
            (depth.bid_n[i], depth.bid_px, depth.bid_qty),
            (depth.ask_n[i], depth.ask_px, depth.ask_qty),
        ):
            for k in range(levels):
                shown = k < n and k < len(prices)
                row += [to_text(prices[k][i], px), to_text(sizes[k][i], qty)] if shown else ["", ""]
        yield seq, row


def _symbol_of(frame: bytes) -> str | None:
    try:
        return claim_of(frame).symbol
    except (WireError, ValueError):
        return None


def _by_date(frames: Frames) -> Iterator[Frames]:
    """Cut where the date grows, so that no segment holds two."""
    days = np.maximum.accumulate(frames.ts_recv // 86_400_000_000_000)
    cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
    for a, b in pairwise(cuts):
        if b > a:
            yield only_frames(frames, slice(a, b))


def _packed(part: Frames) -> Frames:
    """Frames over a text of their own when they are little of theirs: a rare symbol's would hold
    the whole file in memory."""
    lengths = part.stop - part.start
    if 2 * int(lengths.sum()) > len(part.text):
        return part
    text = b"".join(part.text[a:b].tobytes() for a, b in zip(part.start, part.stop, strict=True))
    stop = np.cumsum(lengths)
    own = frozen(np.frombuffer(text, np.uint8), "u1")
    return part._replace(text=own, start=frozen(stop - lengths), stop=frozen(stop))


def _joined(parts: list[Frames]) -> Frames:
    """Frames of several texts as frames of one, packed one behind the other."""
    shift, starts, stops = 0, [], []
    for part in parts:
        starts.append(part.start + shift)
        stops.append(part.stop + shift)
        shift += len(part.text)
    columns = zip(*(part[3:] for part in parts), strict=True)
    seq, ts_recv, conn = (np.concatenate(column) for column in columns)
    text = np.concatenate([part.text for part in parts])
    return Frames(
        frozen(text, "u1"),
        frozen(np.concatenate(starts)),
        frozen(np.concatenate(stops)),
        frozen(seq),
        frozen(ts_recv),
        frozen(conn, "i2"),
    )
