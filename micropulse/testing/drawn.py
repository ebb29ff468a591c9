"""What Hypothesis draws: parts of a recording, how it could have gone otherwise, whole markets.

slices(source, most)      any stretch of it
perturbed(source, most)   such a stretch with rows lost, doubled, late; other prices and sizes
nasty_markets()           short ones, of things that are rare; they shrink to the few that matter
lively_markets(most)      long plausible ones, in which a rule that must warm up can trade
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import MARK_DECIMALS, Events
from micropulse.instrument import instrument
from micropulse.schema import MILLISECOND
from micropulse.testing.market import BTC, TINY, Scale
from micropulse.testing.markets import random_market, streams
from micropulse.testing.needs_hypothesis import strategies as st
from micropulse.testing.recorded import Recorded, SourceLike, read, split
from recorder.segment import cut

LATE_MS = (1, 5, 24, 86, 1_000)  # 24 and 86: how far trades and books were seen out of order
PX = ("px", "bid_px", "ask_px", "average_px", "settle_px", "index_px")
QTY = ("qty", "bid_qty", "ask_qty")


def slices(source: SourceLike, most: int) -> st.SearchStrategy[Recorded]:
    """Any stretch of a recording of at most so many events; shrinks to its beginning, and short."""
    recorded = read(source)
    seqs = recorded.seqs()
    starts = st.integers(0, len(seqs) - 1)
    return st.builds(
        lambda start, n: _stretch(recorded, seqs, start, n), starts, st.integers(1, most)
    )


def nasty_markets(scales: Sequence[Scale] = (BTC, TINY)) -> st.SearchStrategy[Recorded]:
    """A short market of things that are rare: a book of which frames show the top, walls that come
    and go, hand-overs, outages, duplicates, late and missing ids; of BTCUSDT, or with other digits.

    Shrinks to few moves of that market.
    """
    seen = streams(scales).filter(lambda stream: bool(stream.rows))
    return seen.map(lambda stream: stream.recorded)


def lively_markets(most: int) -> st.SearchStrategy[Recorded]:
    """A plausible market of BTCUSDT of so many events, some thirty a second: bursts of trades,
    walls from the 61st second on, now and then a hand-over. Does not shrink."""
    return st.integers(0, 2**16).map(lambda seed: random_market(seed, most).recorded)


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
    otherwise = st.builds(changed, slices(source, most), changes)
    return otherwise.filter(lambda market: market.events.n > 0)


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
    up, made, first = changes.up_ticks * tick, [], 0
    for table in tables:
        columns: dict[str, Any] = {"seq": places[first : first + len(table.seq)]}
        first += len(table.seq)
        finer = 10 ** (MARK_DECIMALS - recorded.px_decimals) if table is tables[2] else 1
        for name in table._fields:
            if name in PX:
                columns[name] = _moved(getattr(table, name), 1, up * finer)
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
