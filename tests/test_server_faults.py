"""What a fault script does, as clients hear it, and as it is reported."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import websocket
from hypothesis import given
from hypothesis import strategies as st

from replay.server import Fault, ScriptError, read_script
from replay.server.faults import Faults
from replay.server.feed import MarketFrame, unwrapped
from replay.server.script import KINDS, ON_FRAMES
from tests.served_frames import (
    BOOKS,
    BOTH,
    TRADES,
    Client,
    frames_file,
    mark,
    market,
    texts,
    trade,
)
from tests.server_process import RunningServer, running_server

WHOLE = texts(market(), TRADES, BOOKS)


@contextmanager
def troubled(
    folder: Path, script: str, speed: float | str = "max", seconds: int = 2
) -> Iterator[RunningServer]:
    """A server of two seconds of market with this fault script."""
    (folder / "faults.toml").write_text(script)
    source = frames_file(folder / "market.jsonl", market(seconds))
    with running_server(source, speed=speed, faults=folder / "faults.toml") as server:
        yield server


def heard_of(folder: Path, script: str, path: str = BOTH) -> tuple[list[str], RunningServer]:
    """All that a client hears of the market, and the server that did it."""
    with troubled(folder, script) as server, Client(server.url + path) as client:
        heard, code = client.to_the_end()
        assert code == 1000
    return heard, server


# ---- on frames -----------------------------------------------------------------------------


def test_dropped_frames_are_missing_and_reported(tmp_path: Path) -> None:
    script = f'[[fault]]\nkind = "drop"\nat = 0.5\ncount = 3\nstream = "{TRADES}"'
    heard, server = heard_of(tmp_path, script)
    gone = [trade(n, n * 20) for n in (25, 26, 27)]
    assert heard == [text for text in WHOLE if text not in gone]
    whole = [text for _, text in market()]
    assert [whole[entry["seq"]] for entry in server.injected] == gone
    assert [entry["at"] for entry in server.injected] == [0.5, 0.52, 0.54]
    assert {(e["table"], e["kind"], e["stream"]) for e in server.injected} == {(1, "drop", TRADES)}


def test_a_duplicate_comes_twice_in_a_row(tmp_path: Path) -> None:
    heard, server = heard_of(tmp_path, '[[fault]]\nkind = "duplicate"\nat_frame = 10')
    n = WHOLE.index(market()[10][1])
    assert heard == [*WHOLE[: n + 1], WHOLE[n], *WHOLE[n + 1 :]]
    assert server.injected[0]["seq"] == 10


def test_a_reordered_frame_comes_behind_the_next_of_its_stream(tmp_path: Path) -> None:
    script = f'[[fault]]\nkind = "reorder"\nat = 1\nstream = "{TRADES}"'
    heard, _ = heard_of(tmp_path, script, f"/stream?streams={TRADES}")
    trades = texts(market(), TRADES)
    assert heard == [*trades[:50], trades[51], trades[50], *trades[52:]]


def test_a_reordered_frame_that_is_the_last_is_not_lost(tmp_path: Path) -> None:
    script = f'[[fault]]\nkind = "reorder"\nat = 1.98\nstream = "{TRADES}"'
    assert heard_of(tmp_path, script)[0] == WHOLE


def test_a_delayed_frame_is_passed_by_others(tmp_path: Path) -> None:
    script = f'[[fault]]\nkind = "delay"\nat = 1\nseconds = 0.05\nstream = "{TRADES}"'
    heard, _ = heard_of(tmp_path, script, f"/stream?streams={TRADES}")
    trades = texts(market(), TRADES)
    assert heard == [*trades[:50], trades[51], trades[52], trades[50], *trades[53:]]


def test_garbage_is_no_json_and_half_a_frame_is_half_a_frame(tmp_path: Path) -> None:
    script = '[[fault]]\nkind = "garbage"\n[[fault]]\nkind = "half"\nat = 1.02'
    heard, _ = heard_of(tmp_path, script)
    odd = [n for n, (text, was) in enumerate(zip(heard, WHOLE, strict=True)) if text != was]
    assert odd == [0, WHOLE.index(trade(51, 1020))]
    for n in odd:
        with pytest.raises(json.JSONDecodeError):
            json.loads(heard[n])
    assert heard[odd[1]] == WHOLE[odd[1]][: len(WHOLE[odd[1]]) // 2]


@pytest.mark.parametrize("path", [BOTH, f"/ws/{TRADES}/{BOOKS}"])
def test_a_huge_frame_has_its_size_and_takes_nothing_away(tmp_path: Path, path: str) -> None:
    heard, _ = heard_of(tmp_path, '[[fault]]\nkind = "huge"\nbytes = 3000000\nat = 1', path)
    (huge,) = [text for text in heard if len(text) > 10_000]
    assert len(huge) == 3_000_000
    assert "huge" in json.dumps(json.loads(huge))
    assert len(heard) == len(WHOLE) + 1


def test_every_and_share_choose_and_the_seed_makes_it_the_same(tmp_path: Path) -> None:
    script = f'[[fault]]\nkind = "drop"\nevery = 10\nstream = "{TRADES}"'
    assert len(heard_of(tmp_path, script)[0]) == len(WHOLE) - 10
    script = '[[fault]]\nkind = "drop"\nshare = 0.3\nseed = 5\nfor_s = 1.5'
    first, again = heard_of(tmp_path, script), heard_of(tmp_path, script)
    assert first[0] == again[0]
    assert first[1].injected == again[1].injected
    assert 10 < len(first[1].injected) < 50
    assert all(entry["at"] < 1.5 for entry in first[1].injected)
    assert first[0] != heard_of(tmp_path, script.replace("5", "6", 1))[0]


# ---- windows -------------------------------------------------------------------------------


def test_a_silent_stream_is_silent_and_the_other_goes_on(tmp_path: Path) -> None:
    script = f'[[fault]]\nkind = "silence"\nstream = "{BOOKS}"\nat = 0.5\nfor_s = 1'
    heard, server = heard_of(tmp_path, script)
    assert len([text for text in heard if TRADES in text]) == 100
    assert len([text for text in heard if BOOKS in text]) == 10
    begin, end = server.injected
    assert (begin["phase"], begin["at"], begin["stream"]) == ("begin", 0.5, BOOKS)
    assert (end["phase"], end["frames"]) == ("end", 10)


def test_a_stall_holds_everything_back_and_loses_nothing(tmp_path: Path) -> None:
    script = '[[fault]]\nkind = "stall"\nat = 0.5\nfor_s = 1'
    with troubled(tmp_path, script, speed=2) as server, Client(server.url + BOTH) as client:
        heard, waits, before = [], [], time.monotonic()
        while not isinstance(said := client.hear(), int):
            heard.append(said)
            waits.append(time.monotonic() - before)
            before = time.monotonic()
    assert heard == WHOLE
    assert 0.4 < max(waits[1:]) < 0.9
    assert waits.index(max(waits[1:])) == 30  # the frames of half a second
    assert server.injected[-1]["frames"] == 61  # with the mark price that nobody heard


def test_a_clock_jump_moves_event_times_and_rest_and_nothing_else(tmp_path: Path) -> None:
    script = '[[fault]]\nkind = "clock_jump"\nms = -1500\nat = 1'
    with troubled(tmp_path, script) as server:
        with Client(f"{server.url}/stream?streams={TRADES}") as client:
            trades = client.to_the_end()[0]
        now = requests.get(f"{server.rest_url}/fapi/v1/time", timeout=5).json()["serverTime"]
    moved = [json.loads(text)["data"] for text in trades]
    still = [json.loads(text)["data"] for text in texts(market(), TRADES)]
    assert moved[:50] == still[:50]
    for got, was in zip(moved[50:], still[50:], strict=True):
        assert got == was | {"E": was["E"] - 1500, "T": was["T"] - 1500}
    assert now == still[-1]["E"] - 1500


def test_the_next_funding_time_is_no_clock() -> None:
    report: list[object] = []
    faults = Faults([Fault(1, "clock_jump", ms=1000)], report.append)
    text = mark(0).encode()
    faults.begun(0, 0)
    (out,) = faults.passed(MarketFrame(0, 0, *_name_and(text)), 0)
    was, now = json.loads(text)["data"], json.loads(out.frame.wrapped)["data"]
    assert now == was | {"E": was["E"] + 1000}


def _name_and(text: bytes) -> tuple[str, bytes, bytes]:
    stream, inner = unwrapped(text)
    return stream, text, inner


# ---- connections ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1001, 1008, 4321])
def test_a_close_has_its_code_and_the_market_goes_on_for_who_comes_back(
    tmp_path: Path, code: int
) -> None:
    script = f'[[fault]]\nkind = "close"\nat = 1\ncode = {code}'
    with troubled(tmp_path, script) as server:
        with Client(server.url + BOTH) as client:
            before, how = client.to_the_end()
        assert how == code
        with Client(server.url + BOTH) as client:
            after, how = client.to_the_end()
    assert how == 1000
    assert before + after == WHOLE  # at full speed the market waits for its clients
    assert server.injected[0] == {
        "table": 1, "kind": "close", "at": 1.0, "code": code, "connections": 1
    }  # fmt: skip


def test_a_cut_ends_without_a_close_frame(tmp_path: Path) -> None:
    with troubled(tmp_path, '[[fault]]\nkind = "cut"\nat = 1') as server:
        with Client(server.url + BOTH) as one:
            before, how = one.to_the_end()
        assert how == 1006
        with Client(server.url + BOTH) as two:
            assert two.to_the_end() == (WHOLE[len(before) :], 1000)


def test_in_paced_time_the_market_does_not_wait_for_who_was_closed(tmp_path: Path) -> None:
    script = '[[fault]]\nkind = "close"\nat = 0.5\ncode = 1001'
    with troubled(tmp_path, script, speed=2) as server:
        with Client(server.url + BOTH) as client:
            before, _ = client.to_the_end()
        time.sleep(0.2)
        with Client(server.url + BOTH) as client:
            after, how = client.to_the_end()
    assert how == 1000
    assert len(before) == 30
    assert 0 < len(after) < 80
    assert after == WHOLE[-len(after) :]


def test_so_many_connections_are_refused(tmp_path: Path) -> None:
    script = '[[fault]]\nkind = "close"\nat = 1\ncode = 1012\n'
    script += '[[fault]]\nkind = "refuse"\nat = 0.98\ncount = 2'
    with troubled(tmp_path, script) as server:
        with Client(server.url + BOTH) as client:
            client.to_the_end()
        for _ in range(2):
            with pytest.raises(websocket.WebSocketBadStatusException, match="503"):
                Client(server.url + BOTH)
        with Client(server.url + BOTH) as client:
            assert client.to_the_end()[1] == 1000


def test_connections_are_refused_for_a_while(tmp_path: Path) -> None:
    script = '[[fault]]\nkind = "refuse"\nat = 0\nfor_s = 0.8'
    with troubled(tmp_path, script, speed=2) as server, Client(server.url + BOTH) as client:
        client.hear()
        with pytest.raises(websocket.WebSocketBadStatusException, match="503"):
            Client(server.url + BOTH)
        time.sleep(0.45)
        with Client(server.url + BOTH) as late:
            assert late.to_the_end()[1] == 1000
        assert client.to_the_end() == (WHOLE[1:], 1000)


def test_a_slow_line_gives_whole_frames_in_small_pieces(tmp_path: Path) -> None:
    script = '[[fault]]\nkind = "slow"\nbytes = 100\nseconds = 0.002\nfor_s = 0.5'
    with troubled(tmp_path, script) as server, Client(server.url + BOTH) as client:
        began = time.monotonic()
        client.socket.ping("still there?")
        heard, code = client.to_the_end()
        took = time.monotonic() - began
    assert (heard, code) == (WHOLE, 1000)
    assert took > 0.3  # 27 KB, at 50 KB/s at the most


# ---- the script ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ('[[fault]]\nkind = "vanish"', "number 1 has the kind 'vanish'"),
        ("[[fault]]\nat = 1", "number 1 has no `kind`"),
        ('[[fault]]\nkind = "drop"\n[[fault]]\nkind = "drop"\nwhen = 1', "number 2 .* `when`"),
        ('[[fault]]\nkind = "close"', "close.*`code` is missing"),
        ('[[fault]]\nkind = "close"\ncode = 1006', "`code` is 1006; .*`cut`"),
        ('[[fault]]\nkind = "drop"\nat = -1', "`at` is -1; it is 0 or more"),
        ('[[fault]]\nkind = "drop"\nshare = 1.5', "`share` is 1.5; it is above 0"),
        ('[[fault]]\nkind = "drop"\ncount = 0.5', "`count` is 0.5; it is a whole number"),
        ('[[fault]]\nkind = "drop"\nseed = true', "`seed` is True; it is a number"),
        ('[[fault]]\nkind = "drop"\nat = nan', "`at` is nan"),
        ('[[fault]]\nkind = "drop"\nat = 1\nat_frame = 1', "both say when"),
        ('[[fault]]\nkind = "huge"\nbytes = 3', "`bytes` is 3; a frame has 256"),
        ('[[fault]]\nkind = "silence"\nstream = ""', "`stream` is ''; it is a stream's name"),
        ('[[fault]]\nkind = "refuse"', "say how long"),
        ('[faults]\nkind = "drop"', "has 'faults'"),
        ("fault = 3", "no list of tables"),
        ("fault ] 3", "is no TOML"),
    ],
)
def test_a_mistake_in_a_script_is_told_by_its_place(tmp_path: Path, script: str, why: str) -> None:
    (tmp_path / "faults.toml").write_text(script)
    with pytest.raises(ScriptError, match=rf"faults\.toml.*{why}"):
        read_script(tmp_path / "faults.toml")


def test_a_script_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read: No such file"):
        read_script(tmp_path / "none.toml")


def test_every_kind_is_in_the_pages_table_with_its_keys() -> None:
    page = (Path(__file__).parents[1] / "docs/serve.md").read_text()
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    for kind, (must, _) in KINDS.items():
        assert all(f"`{key}`" in rows[kind] for key in must), kind
        assert (rows[kind].split("|")[1].strip().endswith("*")) == (kind in ON_FRAMES), kind


@given(
    st.lists(
        st.builds(
            Fault,
            table=st.integers(1, 3),
            kind=st.sampled_from(["duplicate", "reorder", "delay", "stall", "clock_jump"]),
            at=st.floats(0, 2),
            for_s=st.floats(0.001, 3),
            count=st.sampled_from([-1, 1, 5]),
            stream=st.sampled_from(["", TRADES, BOOKS]),
            every=st.integers(1, 5),
            seconds=st.floats(0.001, 3),
        ),
        max_size=3,
    )
)
def test_what_only_delays_or_repeats_never_loses_a_frame(script: list[Fault]) -> None:
    faults = Faults(script, lambda entry: None)
    out = []
    for number, (ms, text) in enumerate(market()):
        frame = MarketFrame(number, ms * 10**6, *_name_and(text.encode()))
        faults.begun(number, frame.market_ns)
        passed = faults.passed(frame, frame.market_ns)
        assert all(one.due_ns >= frame.market_ns for one in passed)
        out += passed
    out += faults.finish()
    assert {one.frame.seq for one in out} == set(range(len(market())))
