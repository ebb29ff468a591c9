"""A session against servers on real ports: what is sent is in the journal, whatever happens."""

from __future__ import annotations

import itertools
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from micropulse.events import RUN_START
from recorder.folder import SESSION
from recorder.journal import JournalError
from recorder.link import Options, Timing
from recorder.streams import Plan, plan
from recorder.tapes import Entry
from replay.frames import FramesFile
from tests.scripted_server import (
    journaled,
    recording,
    scripted_server,
    trade,
    trade_ids,
    wait_until,
)
from tests.server_process import running_server

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jsonl.gz"
QUICK = Timing(
    first_frame_s=0.4, silence_s=0.5, dead_s=0.8, ping_s=0.2, pong_s=0.4, overlap_s=0.3,
    goodbye_s=0.5, backoff_min_s=0.05, backoff_max_s=0.2, summary_s=0.5,
)  # fmt: skip


def quick(**changes: Any) -> Options:
    return Options(timing=QUICK._replace(**changes), rest=False)


def only(*streams: str, url: str) -> Plan:
    """A plan of one socket with just these streams of BTCUSDT."""
    return plan(["BTCUSDT"], ",".join(streams), url)


def sample_frames() -> list[bytes]:
    frames = []
    for part in FramesFile(SAMPLE):
        text = part.text.tobytes()
        frames += [text[a:b] for a, b in zip(part.start, part.stop, strict=True)]
    return frames


def test_what_the_local_exchange_sends_is_journaled_in_order(tmp_path: Path) -> None:
    streams = (b"btcusdt@depth5@100ms", b"btcusdt@trade")
    wanted = [f for f in sample_frames() if f.split(b'"', 4)[3] in streams]
    with (
        running_server(SAMPLE) as server,
        recording(plan(["BTCUSDT"], url=server.url), tmp_path, quick()) as running,
    ):
        wait_until(lambda: running.session.tally.reconnects)
    got = journaled(tmp_path)
    assert got.frames == wanted
    assert [kind for kind, _, _ in got.control if kind != "TICK"] == [
        "RUN_START", "CONNECT", "DISCONNECT", "RUN_STOP",
    ]  # fmt: skip
    assert got.seqs == list(range(len(got.seqs)))
    assert got.times == sorted(got.times)
    assert not running.outcome[0].failed


def test_a_lost_connection_is_dialed_again_and_both_are_told_apart(tmp_path: Path) -> None:
    numbers = itertools.count(1)

    def handler(connection: ServerConnection, path: str) -> None:
        for _ in range(3):
            connection.send(trade(next(numbers)))
        if next(numbers) % 8:
            connection.socket.shutdown(socket.SHUT_RDWR)
        else:
            connection.close(1008, "go away")

    with (
        scripted_server(handler) as url,
        recording(only("trade", url=url), tmp_path, quick()) as running,
    ):
        wait_until(lambda: running.session.tally.frames >= 9)
    got = journaled(tmp_path)
    assert len(trade_ids(got.frames)) == len(got.frames) >= 9
    events = [(kind, conn) for kind, conn, _ in got.control if kind in ("CONNECT", "DISCONNECT")]
    assert events[:4] == [("CONNECT", 1), ("DISCONNECT", 1), ("CONNECT", 2), ("DISCONNECT", 2)]
    assert sorted(set(got.conns))[:3] == [1, 2, 3]
    assert running.has_said("go away")
    assert running.has_said("hung up")


def test_a_server_that_is_not_there_yet_is_tried_again(tmp_path: Path) -> None:
    with scripted_server(lambda connection, path: None) as url:
        port = url  # taken, and free again when the block ends
    with recording(only("trade", url=port), tmp_path, quick()) as running:
        wait_until(lambda: sum("Trying again" in line for line in running.said) >= 3)
        assert not running.outcome


def test_a_dead_connection_is_replaced_and_a_quiet_one_is_not(tmp_path: Path) -> None:
    """A proxy that swallows everything is dead; a server that only answers pings is quiet."""
    opened = []

    def handler(connection: ServerConnection, path: str) -> None:
        opened.append(path)
        connection.send(trade(len(opened)))
        if len(opened) == 1:  # whatever is said to it from now on, it does not hear
            connection.protocol.receive_data = lambda data: None  # type: ignore[method-assign]
        connection.recv()

    with (
        scripted_server(handler) as url,
        recording(only("trade", url=url), tmp_path, quick(silence_s=0.9)) as running,
    ):
        wait_until(lambda: len(opened) == 2)
        assert running.has_said("it is dead")
        wait_until(lambda: running.has_said("quiet for"))
        time.sleep(1.0)
        assert len(opened) == 2
        assert sum("quiet for" in line for line in running.said) == 1


def test_a_stream_without_a_first_frame_is_named_with_its_own_path(tmp_path: Path) -> None:
    def handler(connection: ServerConnection, path: str) -> None:
        for number in range(100):
            connection.send(trade(number + 1))
            time.sleep(0.05)

    with scripted_server(handler) as url:
        asked = f"{url}/public/stream?streams=btcusdt@trade/btcusdt@aggTrade"
        wanted = plan(["BTCUSDT"], url=asked)
        assert "btcusdt@aggTrade live on /market" in wanted.warnings[0]
        with recording(wanted, tmp_path, quick()) as running:
            wait_until(lambda: running.has_said("no frame within"))
    lines = [line for line in running.said if "no frame within" in line]
    assert len(lines) == 1
    assert "ERROR    btcusdt@aggTrade" in lines[0] and "It lives on /market" in lines[0]


def test_two_symbols_have_two_tapes_and_the_rest_a_third(tmp_path: Path) -> None:
    odd = ['{"result":null,"id":1}', "garbage", '{"lastUpdateId":1,"bids":[],"asks":[]}']
    strange = ['{"stream":"btcusdt@new","data":{}}', '{"e":"trade","s":"ETHUSDT","t":9}']

    def handler(connection: ServerConnection, path: str) -> None:
        for text in (*odd, trade(1), trade(7, "ETHUSDT"), trade(2), *strange):
            connection.send(text)
        connection.send(b"\xff\x00 binary")
        connection.recv()

    with scripted_server(handler) as url:
        wanted = plan(["btcusdt", "ETHUSDT"], "trade", url)
        with recording(wanted, tmp_path, quick()) as running:
            wait_until(lambda: running.session.tally.frames == 9)
    bitcoin, ether, rest = (journaled(tmp_path, s) for s in ("BTCUSDT", "ETHUSDT", SESSION))
    assert bitcoin.frames == [trade(1).encode(), trade(2).encode(), strange[0].encode()]
    assert ether.frames == [trade(7, "ETHUSDT").encode(), strange[1].encode()]
    assert rest.frames == [*(text.encode() for text in odd), b"\xff\x00 binary"]
    assert rest.times == sorted(rest.times)
    assert rest.control[0][0] == "RUN_START" and rest.control[-1][0] == "RUN_STOP"
    assert {"CONNECT", "DISCONNECT"} <= {kind for kind, _, _ in ether.control}
    assert running.session.tally.garbage == 2


def test_a_frame_in_parts_with_a_ping_between_is_one_frame(tmp_path: Path) -> None:
    answered = []

    def handler(connection: ServerConnection, path: str) -> None:
        connection.send([trade(1)[:40], trade(1)[40:90], trade(1)[90:]])
        answered.append(connection.ping("are you there").wait(5))
        connection.send("x" * 300_000)
        connection.recv()

    with (
        scripted_server(handler) as url,
        recording(only("trade", url=url), tmp_path, quick()) as running,
    ):
        wait_until(lambda: running.session.tally.frames == 2)
    assert answered == [True]
    assert journaled(tmp_path).frames == [trade(1).encode()]
    assert journaled(tmp_path, SESSION).frames == [b"x" * 300_000]


@pytest.mark.alone
def test_a_hand_over_under_load_misses_no_trade(tmp_path: Path) -> None:
    began = time.monotonic()

    def handler(connection: ServerConnection, path: str) -> None:
        """Trade ids are the market's own: each connection sees them from when it came."""
        sent = int((time.monotonic() - began) * 2_000)
        while True:
            newest = int((time.monotonic() - began) * 2_000)
            for number in range(sent + 1, newest + 1):
                connection.send(trade(number))
            sent = newest
            time.sleep(0.002)

    with scripted_server(handler) as url:
        options = quick(rotate_s=0.6, overlap_s=0.2)
        with recording(only("trade", url=url), tmp_path, options) as running:
            wait_until(lambda: running.session.tally.handovers >= 3)
    got = journaled(tmp_path)
    ids = set(trade_ids(got.frames))
    assert ids == set(range(min(ids), max(ids) + 1))
    assert len(got.frames) > len(ids)  # both were journaled while both were open
    events = [(kind, conn) for kind, conn, _ in got.control if kind in ("CONNECT", "DISCONNECT")]
    assert events[:4] == [("CONNECT", 1), ("CONNECT", 2), ("DISCONNECT", 1), ("CONNECT", 3)]
    assert running.session.tally.reconnects == 0
    figures = running.session.tally.figures(running.session.lines.links)
    assert figures["symbols"]["BTCUSDT"]["missed"] == 0


def test_a_fresh_connection_that_shows_nothing_does_not_take_over(tmp_path: Path) -> None:
    opened = []

    def handler(connection: ServerConnection, path: str) -> None:
        opened.append(path)
        if len(opened) > 1:
            connection.recv()
        for number in itertools.count(1):
            connection.send(trade(number))
            time.sleep(0.01)

    with (
        scripted_server(handler) as url,
        recording(only("trade", url=url), tmp_path, quick(rotate_s=0.3)) as running,
    ):
        wait_until(lambda: running.has_said("the old one stays"))
        frames = running.session.tally.frames
        wait_until(lambda: running.session.tally.frames > frames + 20)
    assert ("DISCONNECT", 2) in [event[:2] for event in journaled(tmp_path).control]
    assert running.session.tally.handovers == 0


def test_skipped_ids_and_broken_chains_are_counted(tmp_path: Path) -> None:
    def book(last_id: int, prev_id: int) -> str:
        inner = {"e": "depthUpdate", "E": 1, "T": 1, "s": "BTCUSDT", "U": last_id, "u": last_id}
        inner |= {"pu": prev_id, "b": [], "a": []}
        whole = {"stream": "btcusdt@depth5@100ms", "data": inner}
        return json.dumps(whole, separators=(",", ":"))

    def handler(connection: ServerConnection, path: str) -> None:
        for text in (*map(trade, (5, 6, 9, 9, 10)), book(10, 5), book(12, 10), book(20, 15)):
            connection.send(text)
        connection.recv()

    with scripted_server(handler) as url:
        wanted = only("depth5@100ms", "trade", url=url)
        with recording(wanted, tmp_path, quick()) as running:
            wait_until(lambda: running.session.tally.frames == 8)
    counts = running.session.tally.streams(running.session.lines.links)
    assert counts["btcusdt@trade"] == (5, 2, 1, 0)
    assert counts["btcusdt@depth5@100ms"] == (3, 0, 0, 1)


class SetClock:
    """The machine's clock, which a test sets."""

    set_by = 0

    def wall(self) -> int:
        return time.time_ns() + self.set_by

    def monotonic(self) -> int:
        return time.monotonic_ns()


def test_clock_steps_and_quiet_seconds_are_journaled(tmp_path: Path) -> None:
    clock, second = SetClock(), 1_000_000_000

    def handler(connection: ServerConnection, path: str) -> None:
        connection.send(trade(1))
        connection.recv()

    with scripted_server(handler) as url:
        wanted = only("trade", url=url)
        with recording(wanted, tmp_path, quick(silence_s=9), clock=clock) as running:
            wait_until(lambda: running.session.tally.frames == 1)
            clock.set_by = -5 * second
            wait_until(lambda: running.session.tally.clock_steps == 1)
            time.sleep(1.2)
    got = journaled(tmp_path)
    again: list[Entry] = []
    with recording(wanted, tmp_path, quick(), again.extend, clock):
        wait_until(lambda: again)
    assert got.times == sorted(got.times)
    assert got.seqs == list(range(len(got.seqs)))
    assert got.control[0] == ("RUN_START", 0, 0)
    values = {kind: value for kind, _, value in got.control}
    assert abs(values["CLOCK_STEP"] + 5 * second) < second // 10
    assert again[0].seq == got.seqs[-1] + 1 and again[0].ts_recv > got.times[-1]
    assert again[0].kind == RUN_START and -5 * second < again[0].value < -2 * second
    assert [kind for kind, _, _ in got.control].count("TICK") >= 1


def test_the_tap_sees_every_entry_once_it_is_in_the_journal(tmp_path: Path) -> None:
    seen: list[Entry] = []

    def tap(entries: list[Entry]) -> None:
        assert journaled(tmp_path).seqs[-1] >= entries[-1].seq
        seen.extend(entries)

    def handler(connection: ServerConnection, path: str) -> None:
        for number in range(20):
            connection.send(trade(number))
        connection.recv()

    with (
        scripted_server(handler) as url,
        recording(only("trade", url=url), tmp_path, quick(), tap) as running,
    ):
        wait_until(lambda: running.session.tally.frames == 20)
    assert not running.failed
    assert [entry.seq for entry in seen] == list(range(len(seen)))
    assert [e.payload for e in seen if not e.kind] == journaled(tmp_path).frames
    assert len(seen) == len(journaled(tmp_path).seqs)


def test_a_tap_that_fails_ends_the_session_with_everything_kept(tmp_path: Path) -> None:
    def tap(entries: list[Entry]) -> None:
        if any(not entry.kind for entry in entries):
            raise ValueError("the tap is broken")

    def handler(connection: ServerConnection, path: str) -> None:
        connection.send(trade(1))
        connection.recv()

    with (
        scripted_server(handler) as url,
        recording(only("trade", url=url), tmp_path, quick(), tap) as running,
    ):
        wait_until(lambda: running.failed)
    assert str(running.failed[0]) == "the tap is broken"
    got = journaled(tmp_path)
    assert got.frames == [trade(1).encode()]
    assert got.control[-1][0] == "RUN_STOP"


def test_a_second_recorder_of_a_tape_is_refused(tmp_path: Path) -> None:
    with scripted_server(lambda connection, path: connection.recv()) as url:
        both = plan(["ETHUSDT", "BTCUSDT"], url=url)
        with (
            recording(only("trade", url=url), tmp_path, quick()),
            pytest.raises(JournalError, match="another process"),
            recording(both, tmp_path),
        ):
            raise AssertionError("it records beside another recorder")
        with recording(both, tmp_path) as running:  # nothing of the refused one is held
            wait_until(lambda: running.has_said("connected"))
