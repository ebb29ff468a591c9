"""`tape export --format npz`: hftbacktest's engine, fed with it, sees the market that we see."""

from __future__ import annotations

import json
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.events import Events
from micropulse.testing.markets import Stream, streams
from micropulse.testing.recorded import split
from recorder.tape import TapeSource
from replay.hftbacktest_events import (
    AT_EXCHANGE,
    AT_US,
    BUYS,
    DEPTH,
    EVENT,
    SELLS,
    _rows,
    in_both_orders,
    write_npz,
)
from replay.simulator import write
from replay.tape_files import import_frames
from tests.running import REAL

ROOT = Path(__file__).parents[1]

# Their engine in a process of its own: it compiles with caches of its own.
ENGINE = """
import sys
import numpy as np
from numba import njit
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest

@njit
def walk(hbt, out):
    n = 0
    while hbt.wait_next_feed(False, 3_600_000_000_000) == 2:
        book = hbt.depth(0)
        out[n, 0], out[n, 1] = hbt.current_timestamp, book.best_bid_tick
        out[n, 2] = book.best_ask_tick
        out[n, 3] = round(book.best_bid_qty * 1_000)
        out[n, 4] = round(book.best_ask_qty * 1_000)
        n += 1
    return n

data = np.load(sys.argv[1])["data"]
asset = (BacktestAsset().data([data]).linear_asset(1.0).constant_order_latency(0, 0)
         .risk_adverse_queue_model().no_partial_fill_exchange().trading_value_fee_model(0, 0)
         .tick_size(0.1).lot_size(0.001))
hbt = HashMapMarketDepthBacktest([asset])
out = np.zeros((len(data) + 1, 5), np.int64)
n = walk(hbt, out)
hbt.close()
np.save(sys.argv[2], out[:n])
"""


def theirs(npz: Path, folder: Path) -> dict[int, tuple[int, ...]]:
    """Best bid and ask in ticks and their quantities, after all events of each moment."""
    pytest.importorskip("hftbacktest")
    out = folder / "seen.npy"
    words = [sys.executable, "-c", ENGINE, str(npz), str(out)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {int(row[0]): tuple(map(int, row[1:])) for row in np.load(out)}


def ours(source: Any, shift_ns: int) -> dict[int, tuple[int, ...]]:
    """The same from the books themselves, where both sides show something."""
    seen: dict[int, tuple[int, ...]] = {}
    newest, latest = -1, 0
    for events in source:
        depth = events.depth
        for i in range(len(depth.seq)):
            latest = max(latest, int(depth.ts_recv[i]))
            if depth.last_id[i] <= newest or not (depth.bid_n[i] and depth.ask_n[i]):
                continue
            newest = int(depth.last_id[i])
            prices = int(depth.bid_px[0][i]), int(depth.ask_px[0][i])
            sizes = int(depth.bid_qty[0][i]), int(depth.ask_qty[0][i])
            seen[latest + shift_ns] = (prices[0] // 10, prices[1] // 10, *sizes)
    return seen


def tape_of(frames: Path, folder: Path) -> TapeSource:
    import_frames(frames, folder / "data")
    return TapeSource(folder / "data", "BTCUSDT")


def must_agree(source: TapeSource, folder: Path) -> int:
    """At every book: best prices and quantities; how many books. Their engine stops when one of
    its two clocks has seen everything: the last moments are not shown."""
    written = write_npz(source, folder / "market.npz")
    found, expected = theirs(folder / "market.npz", folder), ours(source, written.shift_ns)
    moments = sorted(found)
    compared = [(ts, best) for ts, best in expected.items() if ts <= moments[-1]]
    assert len(compared) > len(expected) - 5
    for ts, best in compared:  # a book that changed nothing is no event of theirs
        assert found[moments[bisect_right(moments, ts) - 1]] == best, ts
    return len(compared)


def test_their_engine_has_our_best_bid_and_ask_at_every_book(tmp_path: Path) -> None:
    market = tmp_path / "market.jsonl"
    write(market, 7, 1 / 30)
    assert must_agree(tape_of(market, tmp_path), tmp_path) > 1_000


def test_their_engine_agrees_on_real_frames(tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    assert must_agree(tape_of(REAL, tmp_path), tmp_path) > 3_000


# ---- the rows themselves -----------------------------------------------------------------------


class Batches(NamedTuple):
    """A stream cut into batches, with its digits."""

    stream: Stream
    cuts: list[int]

    @property
    def px_decimals(self) -> int:
        return self.stream.scale.px_decimals

    @property
    def qty_decimals(self) -> int:
        return self.stream.scale.qty_decimals

    def __iter__(self) -> Iterator[Events]:
        yield from split(self.stream.events, self.cuts)


def level_by_level(stream: Stream) -> list[tuple[int, float, float]]:
    """(flags, px, qty) of every change of a level, written as plainly as can be."""
    px_scale, qty_scale = 10**stream.scale.px_decimals, 10**stream.scale.qty_decimals
    depth, newest = stream.events.depth, -1
    held: dict[int, dict[int, int]] = {BUYS: {}, SELLS: {}}
    rows = []
    for i in range(len(depth.seq)):
        if depth.last_id[i] <= newest:
            continue
        newest = int(depth.last_id[i])
        bids = zip(depth.bid_px[: depth.bid_n[i]], depth.bid_qty, strict=False)
        asks = zip(depth.ask_px[: depth.ask_n[i]], depth.ask_qty, strict=False)
        now = {BUYS: {int(px[i]): int(qty[i]) for px, qty in bids},
               SELLS: {int(px[i]): int(qty[i]) for px, qty in asks}}  # fmt: skip
        for flag, book in now.items():
            rows += [(DEPTH | flag, px, 0) for px in held[flag] if not book.get(px)]
        for flag, book in now.items():
            new = [(px, qty) for px, qty in book.items() if qty and held[flag].get(px) != qty]
            rows += [(DEPTH | flag, px, qty) for px, qty in new]
            held[flag] = {px: qty for px, qty in book.items() if qty}
    return [(flags, px / px_scale, qty / qty_scale) for flags, px, qty in rows]


@given(streams(), st.lists(st.integers(0, 400), max_size=4))
def test_every_change_of_a_level_is_a_row_whatever_the_batches(
    stream: Stream, cuts: list[int]
) -> None:
    rows = np.concatenate([np.empty(0, EVENT), *_rows(Batches(stream, sorted(cuts)))])
    books = rows[(rows["ev"] & 0xFF) == DEPTH]
    assert books[["ev", "px", "qty"]].tolist() == level_by_level(stream)
    assert (np.diff(rows["local_ts"]) >= 0).all()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=60))
def test_each_clock_sees_its_own_order_and_every_row_once(drawn: list[tuple[int, int]]) -> None:
    rows = np.zeros(len(drawn), EVENT)
    rows["exch_ts"] = [ts for ts, _ in drawn]
    rows["local_ts"] = 40 + np.cumsum([step for _, step in drawn]) if drawn else []
    rows["px"] = np.arange(len(drawn))
    made = in_both_orders(rows)
    at_us, at_exchange = (made[(made["ev"] & flag) != 0] for flag in (AT_US, AT_EXCHANGE))
    assert at_us["px"].tolist() == rows["px"].tolist()
    expected = rows["px"][np.argsort(rows["exch_ts"], kind="stable")]
    assert at_exchange["px"].tolist() == expected.tolist()


def test_the_command_writes_what_numpy_reads(tmp_path: Path) -> None:
    market = tmp_path / "market.jsonl"
    write(market, 5, 1 / 360)
    tape_of(market, tmp_path)
    words = ["tape", "export", "data", "-o", "out.npz", "--format", "npz", "--json"]
    line = [sys.executable, "-m", "micropulse", *words]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    data = np.load(tmp_path / "out.npz")["data"]
    assert json.loads(done.stdout)["rows"] == len(data) > 100
    assert data.dtype == EVENT
