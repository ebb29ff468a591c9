"""What Hypothesis draws from a recording: parts of it, and how it could have gone otherwise."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from micropulse.events import Events
from micropulse.instrument import instrument
from micropulse.schema import MILLISECOND
from micropulse.testing.recorded import Recorded, SourceLike, read, split
from recorder.segment import cut

LATE_MS = (1, 5, 24, 86, 1_000)  # 24 and 86: how far trades and books were seen out of order
PX = ("px", "bid_px", "ask_px")
QTY = ("qty", "bid_qty", "ask_qty")


def slices(source: SourceLike, most: int) -> st.SearchStrategy[Recorded]:
    """Any stretch of a recording of at most so many events; shrinks to its beginning, and short."""
    recorded = read(source)
    seqs = recorded.seqs()
    starts = st.integers(0, len(seqs) - 1)
    return st.builds(
        lambda start, n: _stretch(recorded, seqs, start, n), starts, st.integers(1, most)
    )


class Changes(NamedTuple):
    """What is done to a stretch; shares are of its rows. The defaults change nothing."""

    dropped: float = 0.0
    doubled: float = 0.0
    delayed: float = 0.0  # with all that comes behind it in its stream
    late_ms: int = 1
    up_ticks: int = 0
    larger: int = 1  # all quantities, so many times
    seed: int = 0


def perturbed(source: SourceLike, most: int) -> st.SearchStrategy[Recorded]:
    """A stretch of a recording of at most so many events that went otherwise: see Changes.

    Rows keep their order within a stream, as on the exchange's own sockets; between streams it may
    be another. Shrinks to the stretch as it was.
    """
    share = st.sampled_from((0.0, 0.01, 0.1, 0.5))
    changes = st.builds(
        Changes,
        dropped=share,
        doubled=share,
        delayed=share,
        late_ms=st.sampled_from(LATE_MS),
        up_ticks=st.sampled_from((0, 1, 7, 100_000)),
        larger=st.sampled_from((1, 2, 10)),
        seed=st.integers(0, 2**16),
    )
    return st.builds(changed, slices(source, most), changes)


def changed(recorded: Recorded, changes: Changes) -> Recorded:
    """The recording as it would be after these changes, with new `seq`s."""
    chance = Random(changes.seed)
    tables = [_rows(table, changes, chance) for table in recorded.events[:3]]
    tables.append(recorded.events.control)
    # A stable sort by receipt gives the order in which one reader would have seen them.
    stamps = np.concatenate([table.ts_recv for table in tables])
    places = np.empty(len(stamps), np.int64)
    places[np.argsort(stamps, kind="stable")] = np.arange(len(stamps))
    tick = int(instrument(recorded.symbol, recorded.px_decimals, recorded.qty_decimals)[0].tick)
    made, first = [], 0
    for table in tables:
        columns: dict[str, Any] = {"seq": places[first : first + len(table.seq)]}
        first += len(table.seq)
        for name in table._fields:
            if name in PX:
                columns[name] = _moved(getattr(table, name), 1, changes.up_ticks * tick)
            elif name in QTY:
                columns[name] = _moved(getattr(table, name), changes.larger, 0)
        made.append(cut(table._replace(**columns), slice(None)))
    return recorded._replace(name=f"{recorded.name}, perturbed", events=Events(*made))


def _stretch(recorded: Recorded, seqs: list[int], start: int, n: int) -> Recorded:
    ends = [seqs[start], seqs[min(start + n, len(seqs)) - 1] + 1]
    return recorded._replace(events=split(recorded.events, ends)[1])


def _rows(table: Any, changes: Changes, chance: Random) -> Any:
    """Rows of one stream dropped and doubled, then delayed; none overtakes another."""
    rows: list[int] = []
    for row in range(len(table.seq)):
        if chance.random() >= changes.dropped:
            rows += [row] * (1 + (chance.random() < changes.doubled))
    stamps = table.ts_recv[rows].copy() if rows else table.ts_recv[:0].copy()
    for at in range(len(stamps)):
        if chance.random() < changes.delayed:
            stamps[at] += changes.late_ms * MILLISECOND
    stamps = np.maximum.accumulate(stamps) if len(stamps) else stamps
    part = cut(table, np.array(rows, np.int64))
    return cut(part._replace(ts_recv=stamps), slice(None))


def _moved(column: Any, times: int, more: int) -> Any:
    """What is shown, changed; what is not (0) still is not."""
    if isinstance(column, tuple):
        return tuple(_moved(level, times, more) for level in column)
    return np.where(column > 0, column * times + more, column)
