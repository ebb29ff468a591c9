"""Live frames are applied in whatever chunks the socket brings them; nothing depends on it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.events import CONNECT, RUN_START, TICK
from micropulse.params import resolve
from micropulse.strategy import load_strategy
from recorder.entries import FRAME
from recorder.folder import tape_folder
from recorder.journal import Journal
from recorder.tapes import Entry
from replay.live.plan import LiveError, Plan
from replay.live.symbol import Live
from replay.simulator import simulate

DEEP = (
    b'{"stream":"btcusdt@depth10@100ms","data":{"e":"depthUpdate","E":%d,"T":%d,"s":"BTCUSDT",'
    b'"U":1,"u":%d,"pu":0,"b":[["50000.0","1.000"]],"a":[["50000.1","1.000"]]}}'
)


def entries() -> Iterator[Entry]:
    """A market with ticks, garbage, other streams and, at last, a deeper one."""
    seq, chance = -1, random.Random(4)
    for batch in simulate(5, 1 / 60):
        ts = int(batch.ts_recv[0])
        yield Entry("BTCUSDT", seq := seq + 1, ts, 0, b"", RUN_START, 0)
        yield Entry("BTCUSDT", seq := seq + 1, ts, 1, b"", CONNECT, 0)
        text = batch.text.tobytes()
        for a, b, ts in zip(batch.start, batch.stop, batch.ts_recv.tolist(), strict=True):
            yield Entry("BTCUSDT", seq := seq + 1, ts, 1, text[a:b], FRAME, 0)
            die = chance.random()
            if die < 0.02:
                yield Entry("BTCUSDT", seq := seq + 1, ts, 0, b"", TICK, 0)
            elif die < 0.03:
                yield Entry("BTCUSDT", seq := seq + 1, ts, 1, b'{"half":', FRAME, 0)
            elif die < 0.04:
                other = b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}'
                yield Entry("BTCUSDT", seq := seq + 1, ts, 1, other, FRAME, 0)
    for k in range(40):
        frame = DEEP % (ts // 10**6 + k, ts // 10**6 + k, 2**60 + k)
        yield Entry("BTCUSDT", seq := seq + 1, ts + k, 1, frame, FRAME, 0)


ENTRIES = list(entries())


def write(journal: Journal, entry: Entry) -> None:
    if entry.kind == FRAME:
        assert journal.append(entry.ts_recv, entry.conn, entry.payload) == entry.seq
    else:
        assert journal.control(entry.ts_recv, entry.kind, entry.conn, entry.value) == entry.seq


def live_with(folder: Path, sizes: list[int]) -> dict[str, Any]:
    """The figures of a run that gets the entries in chunks of these sizes, again and again."""
    strategy = load_strategy("obi_revert")
    settings = resolve(strategy.Params, None, ["enter_obi=0.3", "stands_ms=100"])
    live = Live(Plan("BTCUSDT", folder, folder / "run", strategy, settings), lambda session: [])
    at, turn = 0, 0
    journal = Journal(tape_folder(folder, "BTCUSDT"))
    while at < len(ENTRIES):
        chunk = ENTRIES[at : at + sizes[turn % len(sizes)]]
        for entry in chunk:
            write(journal, entry)
        journal.flush()
        live.take(chunk)
        at, turn = at + len(chunk), turn + 1
    journal.close()
    summary = live.finish()
    return {name: value for name, value in summary.items() if name != "run"}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return live_with(tmp_path_factory.mktemp("at-once"), [len(ENTRIES)])


@settings(max_examples=8)
@given(sizes=st.lists(st.sampled_from((1, 2, 5, 31, 32, 33, 900, 1_100)), min_size=1, max_size=6))
def test_chunks_of_any_sizes_give_the_same_run(
    at_once: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("chunks")
    again = live_with(folder, sizes)
    assert again | {"source": ""} == at_once | {"source": ""}


def test_one_at_a_time_is_the_same_and_the_market_holds_something(
    at_once: dict[str, Any], tmp_path: Path
) -> None:
    assert at_once["counts"]["not_json"] > 10
    assert at_once["counts"]["other_frames"] > 10
    assert at_once["fills"] > 4
    assert at_once["counts"]["events"] > 2_000
    assert live_with(tmp_path, [1]) | {"source": ""} == at_once | {"source": ""}


def test_an_entry_that_comes_again_is_refused(tmp_path: Path) -> None:
    strategy = load_strategy("obi_revert")
    plan = Plan("BTCUSDT", tmp_path, tmp_path / "run", strategy, resolve(strategy.Params))
    live = Live(plan, lambda session: [])
    live.take(ENTRIES[:100])
    live.take(ENTRIES[100:110])
    with pytest.raises(LiveError, match="again"):
        live.take(ENTRIES[105:110])
    live.discard()
