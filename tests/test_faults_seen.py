"""A recorder under the whole fault script: it goes on, and `check` names every fault, no other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from recorder.check import check
from recorder.clock import SystemClock
from recorder.link import Options
from recorder.log import Log
from recorder.session import Session
from recorder.streams import plan
from recorder.tape import TapeSource, find_tapes
from replay.server.background import running_server
from replay.tape_files import import_frames
from tests.wire_frames import book, trade

pytestmark = pytest.mark.alone

START_NS = 1_790_046_434_000_000_000
SECOND = 1_000_000_000
LENGTH_S = 29

SCRIPT = """
[[fault]]
kind = "drop"
at = 1.0
stream = "btcusdt@trade"

[[fault]]
kind = "drop"
at = 1.5
stream = "btcusdt@depth5@100ms"

[[fault]]
kind = "duplicate"
at = 2.0
stream = "btcusdt@trade"

[[fault]]
kind = "duplicate"
at = 2.5
stream = "btcusdt@depth5@100ms"

[[fault]]
kind = "reorder"
at = 3.0
stream = "btcusdt@trade"

[[fault]]
kind = "reorder"
at = 3.5
stream = "btcusdt@depth5@100ms"

[[fault]]
kind = "garbage"
at = 4.0
stream = "btcusdt@trade"

[[fault]]
kind = "half"
at = 4.5
stream = "btcusdt@trade"

[[fault]]
kind = "delay"
at = 5.0
seconds = 2.0
stream = "btcusdt@trade"

[[fault]]
kind = "silence"
at = 8.0
for_s = 3.5
stream = "btcusdt@depth5@100ms"

[[fault]]
kind = "stall"
at = 12.5
for_s = 5.5

[[fault]]
kind = "clock_jump"
at = 20.0
ms = 3000

[[fault]]
kind = "close"
at = 24.0
code = 1001

[[fault]]
kind = "cut"
at = 26.5
"""


def steady_market(path: Path) -> None:
    """A book each 100 ms and a trade each 50 ms, with ids that follow one another."""
    lines = []
    for k in range(LENGTH_S * 20):
        ts = START_NS + k * SECOND // 20
        ms = ts // 1_000_000
        times = f'"E":{ms},"T":{ms}'
        print_ = trade(f'"t":{1_000 + k},"p":"83680.00","q":"0.001","X":"MARKET","m":true')
        lines.append((ts, print_, times))
        if k % 2 == 0:
            u = 10 * k + 100
            ids = f'"U":{u - 9},"u":{u},"pu":{u - 20}'
            levels = '"b":[["85606.30","16.972"]],"a":[["85606.40","0.094"]]'
            lines.append((ts + 1, book(f"{ids},{levels}"), times))
    text = []
    for ts, frame, times in lines:
        start, stop = frame.index('"E":'), frame.index(',"s":')
        text.append(f"{ts} {frame[:start]}{times}{frame[stop:]}\n")
    path.write_text("".join(text), encoding="utf-8")


def test_check_names_every_fault_and_no_other(tmp_path: Path) -> None:
    steady_market(tmp_path / "market.jsonl")
    (tmp_path / "faults.toml").write_text(SCRIPT, encoding="utf-8")
    lines: list[str] = []
    market, script = tmp_path / "market.jsonl", tmp_path / "faults.toml"
    with running_server(market, speed=1.0, faults=script) as server:
        options = Options(duration_s=LENGTH_S - 1)
        log = Log(lines.append, SystemClock(), as_json=False)
        session = Session(plan(["BTCUSDT"], None, server.url), tmp_path / "data", log, options)
        assert not session.run().failed
        session.seal()
        kinds = Counter(entry["kind"] for entry in server.injected)
    assert sum(kinds.values()) >= 13, server.injected
    found = [one for tape in find_tapes(tmp_path / "data") for one in check(tape) if one.wrong]
    seen = Counter(one.what for one in found)
    assert seen == {
        "missing_trades": 5,  # drop, garbage, half, and while the connection was closed and cut
        "book_chain": 2,  # drop, silence
        "duplicates": 2,
        "out_of_order": 3,  # two reorders and the delay
        "late": 1,
        "not_json": 2,  # half; garbage, which names no stream, in _session
        "stream_silent": 1,
        "stall": 1,
        "exchange_clock": 1,
        "disconnect": 2,
    }, (found, lines)


MORE = """
[[fault]]
kind = "huge"
at = 0.5
bytes = 300000
stream = "btcusdt@trade"

[[fault]]
kind = "slow"
at = 1.0
for_s = 2.5
bytes = 400
seconds = 0.3

[[fault]]
kind = "close"
at = 5.5
code = 1001

[[fault]]
kind = "refuse"
at = 5.5
count = 1
"""


def test_a_huge_frame_a_slow_line_and_a_refusal_are_seen(tmp_path: Path) -> None:
    steady_market(tmp_path / "market.jsonl")
    (tmp_path / "faults.toml").write_text(MORE, encoding="utf-8")
    lines: list[str] = []
    market, script = tmp_path / "market.jsonl", tmp_path / "faults.toml"
    with running_server(market, speed=1.0, faults=script) as server:
        options = Options(duration_s=9)
        log = Log(lines.append, SystemClock(), as_json=False)
        session = Session(plan(["BTCUSDT"], None, server.url), tmp_path / "data", log, options)
        assert not session.run().failed
        session.seal()
        kinds = {entry["kind"] for entry in server.injected}
    assert kinds == {"huge", "slow", "close", "refuse"}
    found = [one for tape in find_tapes(tmp_path / "data") for one in check(tape) if one.wrong]
    seen = {one.what for one in found}
    assert seen == {"undecoded", "late", "disconnect", "missing_trades"}, (found, lines)
    assert sum("HTTP 503" in line for line in lines) == 1


def test_a_tape_is_served_and_recorded_again(tmp_path: Path) -> None:
    steady_market(tmp_path / "market.jsonl")
    import_frames(tmp_path / "market.jsonl", tmp_path / "first")
    with running_server(tmp_path / "first", speed=20.0) as server:
        log = Log(lambda text: None, SystemClock(), as_json=False)
        options = Options(duration_s=1.2)
        session = Session(plan(["BTCUSDT"], None, server.url), tmp_path / "again", log, options)
        assert not session.run().failed
        session.seal()
    (before,) = TapeSource(tmp_path / "first")
    (after,) = TapeSource(tmp_path / "again", "BTCUSDT")
    n = len(after.trades.seq)
    assert n > 200
    assert after.trades.trade_id.tolist() == before.trades.trade_id[:n].tolist()
