"""A tape: what was recorded of one symbol, sealed segments and the journal behind them.

for events in TapeSource("data"): ...        # batches of Events, as from a frames file
for frames in Tape(folder).frames(): ...     # the frames again, byte for byte
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from micropulse.events import Events, Frames, control_table
from micropulse.instrument import KNOWN_DECIMALS
from micropulse.wire import COUNTS, Decoder
from recorder.decoding import Digits, decoded, scales
from recorder.entries import Entries, read_entries
from recorder.folder import SESSION, TapeError, journals, manifests, symbol_of
from recorder.segment import (
    Segment,
    only,
    only_frames,
    open_segment,
    segment_events,
    segment_frames,
)


class Tape:
    """The recording of one symbol. Reading never changes it, and needs no lock.

    `date` keeps to the segments of one day. `problems` says what was odd, as far as it was read.
    """

    def __init__(self, folder: Path, date: str | None = None) -> None:
        self.folder, self.date = folder, date
        self.symbol = symbol_of(folder)
        self.problems: list[str] = []

    def segments(self) -> list[Segment]:
        """The sealed segments, oldest first. Raises TapeError for a damaged manifest."""
        found = [open_segment(path) for _, path in manifests(self.folder)]
        return [one for one in found if self.date in (None, one.said["date"])]

    def journals(self) -> list[tuple[int, Path]]:
        """(segment, file) of what is not sealed, oldest first."""
        sealed = {number for number, _ in manifests(self.folder)}
        return [] if self.date else [one for one in journals(self.folder) if one[0] not in sealed]

    def events(self, from_ns: int | None = None, to_ns: int | None = None) -> Iterator[Events]:
        """Everything received in [from_ns, to_ns), a segment a batch; others stay unread."""
        digits: Digits | None = None  # a scale that one journal has shown is that of the next
        for part in self._parts():
            if isinstance(part, Segment):
                if _meets(part, from_ns, to_ns):
                    yield segment_events(part, from_ns, to_ns)
                continue
            digits = digits or scales(self.folder)
            events, _, decoder = decoded(self.symbol, digits, part.frames())
            digits = decoder.px_decimals, decoder.qty_decimals
            events = events._replace(control=control_table(**part.control()))
            parts: list[Any] = [
                only(table, _received(table.ts_recv, from_ns, to_ns)) for table in events
            ]
            yield Events(*parts)

    def frames(self, from_ns: int | None = None, to_ns: int | None = None) -> Iterator[Frames]:
        """Every frame received in [from_ns, to_ns), to the byte, in the order of `seq`."""
        for part in self._parts():
            if not isinstance(part, Segment):
                yield _frames_in(part.frames(), from_ns, to_ns)
            elif _meets(part, from_ns, to_ns):
                for frames in segment_frames(part):
                    yield _frames_in(frames, from_ns, to_ns)

    def _parts(self) -> Iterator[Segment | Entries]:
        """All segments in order. Each is there once, also when it is sealed while this reads:
        journal files are listed first, and one that has gone by then is a sealed segment."""
        unsealed = [] if self.date else journals(self.folder)
        segments = self.segments()
        yield from segments
        known = {segment.number for segment in segments}
        for number, path in unsealed:
            if number in known:
                continue
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                yield open_segment(dict(manifests(self.folder))[number])
                continue
            entries = read_entries(data)
            for start, stop in entries.damage:
                what = "ends in a torn entry" if stop == len(data) else "is damaged"
                self.problems.append(
                    f"{path.name} {what}: bytes {start:,} to {stop:,} are no entries and were "
                    "passed over. `micropulse tape recover` seals what is whole."
                )
            if entries.n:
                yield entries


class TapeSource:
    """The events of a tape. Each iteration starts anew."""

    def __init__(
        self,
        path: str | Path,
        symbol: str | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
    ) -> None:
        """`path` is a date's folder, a symbol's, or any above exactly one tape.

        Raises TapeError when there is no tape, or several and no `symbol`.
        """
        self.name = str(path)
        self.tape = find_tape(Path(path), symbol)
        self.symbol = self.tape.symbol
        self.share = 0.0
        self._from, self._to = from_ns, to_ns
        self.px_decimals, self.qty_decimals = self._digits()

    def __iter__(self) -> Iterator[Events]:
        """Raises TapeError for a damaged segment."""
        self.tape.problems.clear()
        parts = max(1, len(self.tape.segments()) + len(self.tape.journals()))
        part = 0
        for events in self.tape.events(self._from, self._to):
            part += 1  # noqa: SIM113 - enumerate would hold on to the last segment
            self.share = min(1.0, part / parts)
            yield events
            del events  # a segment is 20 MB: gone before the next one is read

    @property
    def counts(self) -> dict[str, int]:
        """What the frames of the tape are, and everything odd about them."""
        found = Counter(dict.fromkeys(COUNTS, 0))
        for segment in self.tape.segments():
            found.update(segment.said["counts"])
            found["verbatim"] += segment.said["rows"]["verbatim"]
            found["damaged"] += len(segment.said["recorded"].get("damaged_bytes", ()))
        return dict(found) | {"segments": len(self.tape.segments())}

    @property
    def problems(self) -> list[str]:
        """What was odd, in sentences for people."""
        said = list(self.tape.problems)
        for segment in self.tape.segments():
            if lost := segment.said["gaps"]["seq"]:
                said.append(
                    f"Segment {segment.number} lacks seq {lost[0][0]} to {lost[0][1]}"
                    + (f" and {len(lost) - 1} more stretches" if len(lost) > 1 else "")
                    + ": its journal was damaged there."
                )
        return said

    def description(self) -> dict[str, Any]:
        """What run.json says of the source: the hash of all files that were read."""
        hashed = hashlib.sha256()
        for segment in self.tape.segments():
            files = segment.said["files"]
            hashed.update(json.dumps(files, sort_keys=True).encode())
        for _, path in self.tape.journals():
            with suppress(FileNotFoundError):  # sealed just now, by a recorder that goes on
                hashed.update(path.read_bytes())
        return {"name": self.name, "tape": self.tape.folder.name, "sha256": hashed.hexdigest()}

    def _digits(self) -> tuple[int, int]:
        px, qty = digits_of(self.tape)
        known = KNOWN_DECIMALS.get(self.symbol, (0, 0))
        return (known[0] if px is None else px), (known[1] if qty is None else qty)


def digits_of(tape: Tape) -> Digits:
    """(price, quantity) digits: as they were sealed, else as the first frames show them; None
    where nothing has shown them yet."""
    px, qty = scales(tape.folder)
    if px is not None and qty is not None:
        return px, qty
    decoder = Decoder(tape.symbol)
    for frames in tape.frames():
        decoder.decode(frames)
        if decoder.px_decimals is not None:
            break
    return decoder.px_decimals, decoder.qty_decimals


def find_tape(path: Path, symbol: str | None = None) -> Tape:
    """The one tape that a folder means. Raises TapeError when there is none, or several."""
    path = path.absolute()  # so that `.` has a name
    if path.name.startswith("date="):
        tape = Tape(path.parent, path.name.removeprefix("date="))
        found = [tape] if tape.segments() else []
    else:
        found = find_tapes(path)
    wanted = [tape for tape in found if symbol is None or tape.symbol == symbol.upper()]
    if symbol is None and len(wanted) > 1:
        wanted = [tape for tape in wanted if tape.symbol != SESSION] or wanted
    names = ", ".join(tape.symbol for tape in found)
    if not wanted:
        what = f"no tape of {symbol.upper()} (there is {names})" if symbol and found else "no tape"
        raise TapeError(
            f"{path} holds {what}. A tape is made by `micropulse record` or `micropulse tape "
            "import`, in …/venue=binance-usdm/symbol=BTCUSDT."
        )
    if len(wanted) > 1:
        raise TapeError(f"{path} holds several tapes ({names}): choose one with --symbol.")
    return wanted[0]


def find_tapes(path: Path) -> list[Tape]:
    """Every tape at or below a folder, by symbol."""
    path = path.absolute()
    if path.name.startswith("symbol="):
        return [Tape(path)] if _is_tape(path) else []
    return [Tape(folder) for folder in sorted(path.rglob("symbol=*")) if _is_tape(folder)]


def _is_tape(folder: Path) -> bool:
    return bool(manifests(folder) or journals(folder))


def _meets(segment: Segment, from_ns: int | None, to_ns: int | None) -> bool:
    first, last = segment.said["first_ts"], segment.said["last_ts"]
    return (to_ns is None or first < to_ns) and (from_ns is None or last >= from_ns)


def _received(ts_recv: Any, from_ns: int | None, to_ns: int | None) -> Any:
    """Which of these receive times lie in [from_ns, to_ns)."""
    keep = np.full(len(ts_recv), True)
    if from_ns is not None:
        keep &= ts_recv >= from_ns
    if to_ns is not None:
        keep &= ts_recv < to_ns
    return keep


def _frames_in(frames: Frames, from_ns: int | None, to_ns: int | None) -> Frames:
    if from_ns is None and to_ns is None:
        return frames
    return only_frames(frames, _received(frames.ts_recv, from_ns, to_ns))
