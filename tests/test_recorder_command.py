"""`micropulse record` as people and service managers use it: in a process of its own."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from recorder.link import Options
from recorder.streams import plan
from tests.scripted_server import (
    journaled,
    recording,
    scripted_server,
    trade,
    trade_ids,
    wait_until,
)
from tests.server_process import running_server

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample.jsonl.gz"


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | more


@contextmanager
def recorder(*words: str | Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """`micropulse record …`, running; killed at the end of the block if it still does."""
    command = [sys.executable, "-m", "micropulse", "record", *map(str, words)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**env), stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def steadily(sent: list[int]) -> Any:
    """A handler that sends trades until the client says goodbye, noting what it sent."""

    def handler(connection: ServerConnection, path: str) -> None:
        leaving = threading.Event()

        def listen() -> None:
            with suppress(ConnectionClosed):
                for _ in connection:
                    continue
            leaving.set()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            while not leaving.is_set():
                connection.send(trade(len(sent) + 1))
                sent.append(len(sent) + 1)
                time.sleep(0.0005)
        finally:
            thread.join()

    return handler


def sealed_trades(data: Path) -> list[int]:
    """The trade ids of a sealed tape."""
    import polars as pl

    folder = data / "venue=binance-usdm" / "symbol=BTCUSDT"
    assert list((folder / "journal").glob("*.journal")) == []
    found = pl.read_parquet(sorted(folder.glob("date=*/trades-*.parquet")))
    return [int(number) for number in found.sort("seq")["trade_id"]]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_order_and_nothing_is_lost(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    sent: list[int] = []
    with (
        scripted_server(steadily(sent)) as url,
        recorder("BTCUSDT", "--url", url, "--streams", "trade", "--data", tmp_path) as process,
    ):
        wait_until(lambda: len(sent) > 500, 60)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert sealed_trades(tmp_path) == sent
    assert "ends: " + ("SIGTERM" if code == 0 else "Ctrl-C") in said
    assert "Traceback" not in said


def test_json_health_heartbeat_and_systemd_say_the_same(tmp_path: Path) -> None:
    notified = tmp_path / "notify"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        running_server(SAMPLE, speed=5) as server,
    ):
        manager.bind(str(notified))
        manager.settimeout(60)
        words = ["BTCUSDT", "--url", server.url, "--data", tmp_path / "d", "--json"]
        words += ["--health-port", str(free_port()), "--log-json"]
        with recorder(*words, NOTIFY_SOCKET=str(notified)) as process:
            assert manager.recv(4096) == b"READY=1"
            while b"WATCHDOG=1" not in (word := manager.recv(4096)) or b": 0 frames" in word:
                continue
            port = words[words.index("--health-port") + 1]
            wait_until(lambda: fetched(port, "healthz")[0] == 200, 5)
            health = json.loads(fetched(port, "healthz")[1])
            metrics = fetched(port, "metrics")[1].decode()
            process.terminate()
            out, said = process.communicate(timeout=60)
    end = json.loads(out.splitlines()[-1])
    assert end["event"] == "end" and end["why"] == "SIGTERM" and not end["failed"]
    assert end["symbols"]["BTCUSDT"]["frames"] == end["frames"] >= health["frames"] > 0
    assert 'micropulse_frames_total{stream="btcusdt@trade"}' in metrics
    assert "micropulse_healthy 1.0" in metrics
    folder = tmp_path / "d" / "venue=binance-usdm" / "symbol=BTCUSDT"
    assert json.loads((folder / "heartbeat.json").read_text())["event"] == "end"
    info = json.loads(next(folder.glob("exchangeInfo-*.json")).read_text())
    assert [entry["symbol"] for entry in info["symbols"]] == ["BTCUSDT"]
    lines = [json.loads(line) for line in said.splitlines()]
    assert {"ts", "level", "who", "text"} <= set(lines[0])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def fetched(port: str | Path, page: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--min-free", "900TiB"], 1, "recording does not begin"),
        (["--duration", "tomorrow"], 2, "is not a time"),
        (["--streams", "tr-ade", "--url", "ws://127.0.0.1:1"], 2, "no stream"),
        (["--url", "http://127.0.0.1:1"], 2, "no WebSocket URL"),
        (["--url", "ws://127.0.0.1:1/ws/btcusdt@trade"], 2, "told apart"),
        (["--url", "ws://127.0.0.1:1/stream?streams=ethusdt@trade"], 2, "no stream of BTCUSDT"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_words(
    tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    with recorder("BTCUSDT", "--data", tmp_path, *words) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == code, error
    assert said in " ".join(error.replace("│", " ").split())


def test_a_disk_that_fills_up_ends_it_with_everything_written_kept(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: write() fails the same way."""
    code = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from micropulse.cli import main\nmain()\n"
    )
    sent: list[int] = []
    with scripted_server(steadily(sent)) as url:
        words = ["record", "BTCUSDT", "--url", url, "--streams", "trade", "--data", str(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=ROOT, env=environment(),
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert "the journal cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    got = sealed_or_journaled(tmp_path)
    assert got == sent[: len(got)] and len(got) > 400


def sealed_or_journaled(data: Path) -> list[int]:
    kept = trade_ids(journaled(data).frames)
    return kept or sealed_trades(data)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """(CA, certificate, key): an authority of the test's own, and a server's certificate of it."""
    folder = tmp_path_factory.mktemp("tls")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(subject: x509.Name, public: Any, is_ca: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name)
        builder = builder.public_key(public).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        if not is_ca:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(ca_key, hashes.SHA256())

    paths = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    pem = serialization.Encoding.PEM
    paths[0].write_bytes(certificate(ca_name, ca_key.public_key(), True).public_bytes(pem))
    paths[1].write_bytes(certificate(name, key.public_key(), False).public_bytes(pem))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[2].write_bytes(key.private_bytes(pem, form, plain))
    return paths


def test_tls_is_verified_and_refused_without_the_authority(
    tmp_path: Path, authority: tuple[Path, Path, Path]
) -> None:
    with running_server(SAMPLE, ssl=authority[1:]) as server:
        assert server.url.startswith("wss:")
        wanted = plan(["BTCUSDT"], url=server.url)
        with recording(wanted, tmp_path / "a", Options(rest=False)) as running:
            wait_until(lambda: running.outcome)
        assert running.outcome[0].failed and "not trusted" in running.outcome[0].why
        with recording(wanted, tmp_path / "b", Options(ca_file=authority[0])) as running:
            wait_until(lambda: running.session.tally.reconnects)
    assert len(journaled(tmp_path / "b").frames) > 5_000
    assert journaled(tmp_path / "a").frames == []
    assert running.has_said("limits of BTCUSDT")  # REST, over the same authority


def test_a_time_in_which_nothing_was_received_is_no_success(tmp_path: Path) -> None:
    with scripted_server(lambda connection, path: connection.recv()) as url:
        words = ("BTCUSDT", "--url", url, "--streams", "trade", "--duration", "1s")
        with recorder(*words, "--data", tmp_path) as process:
            _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "nothing was received" in said and "Traceback" not in said


def test_the_command_takes_an_authority_from_the_environment(
    tmp_path: Path, authority: tuple[Path, Path, Path]
) -> None:
    def handler(connection: ServerConnection, path: str) -> None:
        for number in range(5_000):
            connection.send(trade(number + 1))
        connection.recv()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority[1:])
    with scripted_server(handler, context) as url:
        words = ("BTCUSDT", "--url", url, "--streams", "trade", "--duration", "2s")
        with recorder(*words, "--data", tmp_path, SSL_CERT_FILE=str(authority[0])) as process:
            _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert sealed_trades(tmp_path) == list(range(1, 5_001))
