"""The local exchange, from real clients over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
import websockets.asyncio.client
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient

from micropulse.events import Frames
from replay.frames import FramesFile, SourceError
from replay.server import Exchange, frames_of
from tests.served_frames import (
    BOOKS,
    BOTH,
    MARKS,
    START_NS,
    TRADES,
    Client,
    frames_file,
    market,
    texts,
    trade,
)
from tests.server_process import running_server

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frames_file(tmp_path_factory.mktemp("served") / "market.jsonl", market())


def test_every_frame_of_its_streams_arrives_as_it_was_and_the_end_is_1000(source: Path) -> None:
    with running_server(source) as server, Client(server.url + BOTH) as client:
        assert client.to_the_end() == (texts(market(), TRADES, BOOKS), 1000)
        assert server.over.wait(5)


def test_a_raw_path_sends_the_inner_object_to_the_byte(source: Path) -> None:
    inner = [text.partition(',"data":')[2][:-1] for text in texts(market(), TRADES)]
    with running_server(source) as server, Client(f"{server.url}/ws/{TRADES}") as client:
        assert client.to_the_end() == (inner, 1000)


def test_a_wrapper_with_spaces_is_sent_as_it_stands(tmp_path: Path) -> None:
    inner = '{ "e": "trade", "s":"BTCUSDT" }'
    odd = f'{{ "stream": "{TRADES}", "data": {inner} }}'
    path = frames_file(tmp_path / "odd", [(0, odd)])
    for form, text in ((f"stream?streams={TRADES}", odd), (f"ws/{TRADES}", inner)):
        with running_server(path) as server, Client(f"{server.url}/{form}") as client:
            assert client.to_the_end()[0] == [text]


@pytest.mark.parametrize(
    "path",
    [f"/market/stream?streams={TRADES}", f"/public/ws/{MARKS}", f"/stream?streams={MARKS}"],
)
def test_a_stream_on_a_wrong_path_is_silent_for_ever(source: Path, path: str) -> None:
    with running_server(source) as server, Client(server.url + path) as client:
        assert client.is_silent(0.3)


def test_a_wrong_route_is_acknowledged_and_listed_all_the_same(source: Path) -> None:
    with running_server(source) as server, Client(f"{server.url}/market/ws") as client:
        client.say(method="SUBSCRIBE", params=[TRADES], id=1)
        assert client.hear() == '{"result":null,"id":1}'
        client.say(method="LIST_SUBSCRIPTIONS", id=2)
        assert client.hear() == f'{{"result":["{TRADES}"],"id":2}}'
        assert client.is_silent(0.3)


def test_streams_come_and_go_on_an_open_socket(source: Path) -> None:
    with running_server(source, speed=1) as server, Client(f"{server.url}/public/stream") as client:
        assert client.is_silent(0.1)
        client.socket.settimeout(5)
        client.say(method="SUBSCRIBE", params=[TRADES, BOOKS], id=1)
        assert client.hear() == '{"result":null,"id":1}'
        heard = [client.hear() for _ in range(10)]
        assert heard == texts(market(), TRADES, BOOKS)[:10]
        client.say(method="UNSUBSCRIBE", params=[TRADES], id="two")
        while client.hear() != '{"result":null,"id":"two"}':
            pass
        client.say(method="LIST_SUBSCRIPTIONS", id=3)
        after, code = client.to_the_end()
        assert f'{{"result":["{BOOKS}"],"id":3}}' in after
        assert code == 1000
        assert not [text for text in after if TRADES in text]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ('{"method":"SUBSCRIBE","params":["btcusdt@nothing"],"id":2}', "unknown stream"),
        ('{"method":"SUBSCRIBE","params":[],"id":2}', "streams must have non-zero length"),
        ('{"method":"SUBSCRIBE","params":"btcusdt@trade","id":2}', "params must be an array"),
        ('{"method":"DANCE","params":[],"id":2}', "unknown variant `DANCE`"),
        ('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":-1}', "unsigned integer"),
        ("[1]", "it must be an object"),
        ("{no json", "Invalid JSON"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_socket_stays(
    source: Path, said: str, error: str
) -> None:
    with running_server(source) as server, Client(f"{server.url}/public/ws") as client:
        client.socket.send(said)
        answer = json.loads(client.hear())
        assert error in answer["error"]["msg"]
        assert answer["error"]["code"] == (3 if "no json" in said else 2)
        assert answer.get("id") == (2 if '"id":2' in said else None)
        client.say(method="LIST_SUBSCRIPTIONS", id=3)
        assert client.hear() == '{"result":[],"id":3}'


def test_the_market_waits_for_a_subscription_and_two_clients_share_its_clock(source: Path) -> None:
    with running_server(source, speed=4) as server:
        time.sleep(0.2)
        with Client(server.url + BOTH) as one:
            assert one.hear() == texts(market(), TRADES, BOOKS)[0]
            time.sleep(0.1)
            with Client(f"{server.url}/ws/{TRADES}") as two:
                late = two.to_the_end()[0]
            all_of_them = one.to_the_end()[0]
    assert 0 < len(late) < 100
    assert f'{{"stream":"{TRADES}","data":{late[0]}}}' in all_of_them


def test_at_full_speed_two_clients_hear_the_same_without_a_hole(source: Path) -> None:
    path = f"/stream?streams={TRADES}"
    with (
        running_server(source, loop=True) as server,
        Client(server.url + path) as one,
        Client(server.url + path) as two,
    ):
        heard = [two.hear() for _ in range(500)]
        while one.hear() != heard[0]:
            pass
        assert [one.hear() for _ in range(499)] == heard[1:]


@pytest.mark.alone
def test_frames_keep_their_deadlines(tmp_path: Path) -> None:
    """Two seconds at fifty times the pace: late by a millisecond or two, and no more at the end."""
    path = frames_file(tmp_path / "long", [(n * 50, trade(n, n * 50)) for n in range(2000)])
    late = []
    with running_server(path, speed=50) as server, Client(f"{server.url}/ws/{TRADES}") as client:
        client.hear()
        started = time.monotonic()
        for n in range(1, 2000):
            client.hear()
            late.append(time.monotonic() - started - n * 0.001)
    first, last = sorted(late[:400]), sorted(late[-400:])
    assert abs(last[200] - first[200]) < 0.01  # sleeping 1 ms a frame would be late by 0.2 s
    assert -0.01 < last[200] < 0.05


def test_a_clock_that_went_back_in_the_recording_stops_nothing(tmp_path: Path) -> None:
    frames = [(0, trade(0, 0)), (100, trade(1, 100)), (20, trade(2, 20)), (120, trade(3, 120))]
    path = frames_file(tmp_path / "back", frames)
    with running_server(path, speed=1) as server, Client(f"{server.url}/ws/{TRADES}") as client:
        assert len(client.to_the_end()[0]) == 4


def test_with_loop_the_same_frames_come_again(source: Path) -> None:
    wanted = texts(market(), TRADES)
    path = f"/stream?streams={TRADES}"
    with running_server(source, loop=True) as server, Client(server.url + path) as client:
        assert [client.hear() for _ in range(250)] == wanted + wanted + wanted[:50]


def test_a_part_of_the_source_and_one_of_its_symbols(tmp_path: Path) -> None:
    other = [(ms, text.replace("btcusdt", "ethusdt")) for ms, text in market()]
    both = [frame for pair in zip(market(), other, strict=True) for frame in pair]
    path = frames_file(tmp_path / "two", both)
    part = {"from_ns": START_NS + 10**9, "to_ns": START_NS + 11 * 10**8}
    streams = f"/stream?streams={TRADES}/ethusdt@trade"
    running = running_server(path, symbol="BTCUSDT", **part)
    with running as server, Client(server.url + streams) as client:
        assert client.to_the_end()[0] == texts(market(), TRADES)[50:55]


def test_the_simulator_is_served_without_a_file() -> None:
    end = 1_767_571_203 * 10**9  # three seconds
    with running_server("sim:5", to_ns=end) as server, Client(server.url + BOTH) as client:
        heard, code = client.to_the_end()
    lines = [
        bytes(frames.text[start:stop]).decode()
        for frames in frames_of("sim:5", to_ns=end)
        for start, stop in zip(frames.start, frames.stop, strict=True)
    ]
    assert (heard, code) == (lines, 1000)


def test_after_the_end_nobody_is_let_in_and_rest_goes_on(source: Path) -> None:
    with running_server(source) as server:
        with Client(server.url + BOTH) as client:
            client.to_the_end()
        assert server.over.wait(5)
        with pytest.raises(websocket.WebSocketBadStatusException, match="503"):
            Client(server.url + BOTH)
        said = requests.get(f"{server.rest_url}/fapi/v1/time", timeout=5).json()
        assert said == {"serverTime": START_NS // 10**6 + 1980}


# ---- other people's clients, and ours --------------------------------------------------------


def test_the_connector_of_binance_hears_the_market(source: Path) -> None:
    heard: list[dict[str, Any]] = []
    done = threading.Event()
    with running_server(source) as server:
        client = UMFuturesWebsocketClient(
            stream_url=f"{server.url}/public",
            on_message=lambda _, text: heard.append(json.loads(text)),
            on_close=lambda _: done.set(),
            is_combined=True,
        )
        client.subscribe([TRADES, BOOKS], id=7)
        assert done.wait(10)
        client.socket_manager.join()
        client.socket_manager.ws.shutdown()
    assert heard[0] == {"result": None, "id": 7}
    assert heard[1:] == [json.loads(text) for text in texts(market(), TRADES, BOOKS)]


def test_the_websockets_client_hears_the_market_and_its_pings_are_answered(source: Path) -> None:
    async def hear(address: str) -> tuple[list[Any], int | None]:
        async with websockets.asyncio.client.connect(address) as socket:
            await (await socket.ping())
            return [text async for text in socket], socket.close_code

    with running_server(source, speed=20) as server:
        heard = asyncio.run(hear(server.url + BOTH))
    assert heard == (texts(market(), TRADES, BOOKS), 1000)


def test_the_server_pings_and_drops_who_does_not_answer(source: Path) -> None:
    with running_server(source, ping_interval_s=0.1, pong_timeout_s=0.2) as server:
        with Client(f"{server.url}/ws") as mute:
            opcodes = []
            while not opcodes or opcodes[-1] != websocket.ABNF.OPCODE_CLOSE:
                opcodes.append(mute.socket.recv_frame().opcode)
        assert opcodes[0] == websocket.ABNF.OPCODE_PING


def test_the_command_serves_says_so_in_json_and_ends_in_order(source: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "micropulse", "serve", str(source), "--port", "0", "--speed", "max",
         "--json"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert said["event"] == "listening"
        assert said["url"].startswith("ws://127.0.0.1:")
        with Client(said["url"] + BOTH) as client:
            assert client.to_the_end()[1] == 1000
        assert json.loads(process.stdout.readline()) == {"event": "over", "frames": 122}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_source_that_cannot_be_served_is_said(tmp_path: Path) -> None:
    path = frames_file(tmp_path / "raw", [(0, '{"e":"trade"}')])
    with pytest.raises(SourceError, match="no frame of a stream"), running_server(path):
        pass
    with pytest.raises(SourceError, match="no seed"):
        frames_of("sim:x")


class BreaksOff:
    """A source that can be read once, and then only up to its middle."""

    def __init__(self, path: Path) -> None:
        self.file, self.times = FramesFile(path), 0

    def __iter__(self) -> Iterator[Frames]:
        self.times += 1
        yield from self.file
        if self.times > 1:
            raise SourceError("the disk is gone")


def test_a_source_that_fails_half_way_is_no_good_end(source: Path) -> None:
    async def serve() -> None:
        async with Exchange(BreaksOff(source)) as exchange:
            async with websockets.asyncio.client.connect(exchange.url + BOTH) as socket:
                with contextlib.suppress(websockets.ConnectionClosedError):
                    async for _ in socket:
                        pass
                codes.append(socket.close_code)
            await exchange.over.wait()

    codes: list[int | None] = []
    with pytest.raises(SourceError, match="the disk is gone"):
        asyncio.run(serve())
    assert codes == [1011]


def test_the_server_speaks_tls(source: Path, tmp_path: Path) -> None:
    paths = certificate(tmp_path)
    with running_server(source, ssl=paths) as server:
        assert server.url.startswith("wss://") and server.rest_url.startswith("https://")
        trust = {"ca_certs": str(paths[0])}
        socket = websocket.create_connection(server.url + BOTH, sslopt=trust)
        assert socket.recv() == texts(market(), TRADES, BOOKS)[0]
        socket.shutdown()
        asked = requests.get(f"{server.rest_url}/fapi/v1/ping", timeout=5, verify=str(paths[0]))
        assert asked.json() == {}


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key, made for this test alone."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = made.add_extension(host, critical=False).sign(key, hashes.SHA256())
    form = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(signed.public_bytes(form))
    (folder / "key.pem").write_bytes(
        key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"
