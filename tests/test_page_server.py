"""Nothing that is asked of the page's server makes it stumble, and no viewer holds anything up."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from micropulse.testing import read
from recorder.tape import TapeSource
from replay.page.channel import WAITING, Channel
from replay.page.server import OURS, PageError, listen
from replay.server.background import running_server
from replay.verify import verify
from tests.scripted_server import wait_until
from tests.served_page import Served
from tests.test_live import EAGER, ROOT

CLI = [sys.executable, "-m", "micropulse"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(tmp_path_factory.mktemp("run") / "report.html")
    one.do(do="pause")
    yield one
    one.server.close()


# ---- what is asked ---------------------------------------------------------------------------

HOSTILE = [
    "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/web/page.js", "//etc/passwd", "/page.py",
    "/server.py", "/page.js/", "/page.js%00", "/<script>alert(1)</script>", "/..", "/.", "/~root",
    "/events?symbol=%3Cscript%3E", "/events?symbol=../BTCUSDT", "/events?symbol=", "/events?x=1",
    "/events?symbol=BTCUSDT&symbol=BTCUSDT", "/?x=1", "/page.js?v=2", "/control", "/control?do",
    "/control?do=stop", "/control?do=seek", "/control?do=seek&ms=x", "/control?do=seek&ms=nan",
    "/control?do=seek&ms=1e99", "/control?do=speed&x=0", "/control?do=speed&x=inf",
    "/control?do=step&by=tick", "/control?do=play&x=1", "/control?do=play&do=pause",
    "/control?" + "&".join(f"a{k}=1" for k in range(20)), "/" + "a" * 5_000, "http://evil/", "*",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_address_is_refused(served: Served, path: str) -> None:
    before = served.do(do="pause")
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as raw:
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n{OURS}: 1\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    status = int(answer.split()[1])
    assert status in (400, 404, 414), answer[:200]
    assert b"Traceback" not in answer and b"root:" not in answer and b"<" not in answer
    assert served.do(do="pause") == before


NO_GETS = [
    b"\x00\xff\n\n", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"PUT /page.js HTTP/1.1\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("raw_", NO_GETS)
def test_what_is_no_get_is_refused(served: Served, raw_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as raw:
        raw.sendall(raw_)
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert b" 200 " not in answer[:20] and b"Traceback" not in answer


def test_another_site_cannot_drive_it(served: Served) -> None:
    host = f"127.0.0.1:{served.port}"
    assert served.ask("/control?do=play")[0] == 403  # as an <img> or a link would
    for wrong in (
        {"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Host": "evil:80"},
        {"Host": f"evil.example:{served.port}"},
    ):  # fmt: skip
        assert served.ask("/control?do=pause", **({OURS: "1"} | wrong))[0] == 403
    assert served.ask("/events", Host="evil.example")[0] == 403
    assert served.ask("/control?do=pause", **{OURS: "1", "Origin": f"http://{host}"})[0] == 200


def test_the_files_of_the_page_are_served_and_nothing_else(served: Served) -> None:
    status, body, headers = served.ask("/")
    assert status == 200 and b"<script" in body
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert b" style=" not in body and b"onclick" not in body  # the policy forbids both
    for path, (kind, text) in served.server.files.items():
        assert served.ask(path)[:2] == (200, text)
        assert b"http://" not in text.replace(b"http://www.w3.org", b""), (path, kind)
    assert b"Leon Sorokin" in served.ask("/uPlot.LICENSE.txt")[1]
    assert served.ask("/favicon.ico")[0] == 204
    assert served.ask("/report")[0] == 404  # none was made yet
    served.server.report.write_text("<p>the report")  # type: ignore[union-attr]
    assert served.ask("/report")[1] == b"<p>the report"


def test_a_taken_port_is_said_and_nothing_has_begun(tmp_path: Path) -> None:
    with listen(0) as made:
        port = made.getsockname()[1]
        with pytest.raises(PageError, match=f"port {port}: .*--page-port"):
            listen(port)
        words = [*CLI, "record", "BTCUSDT", "--data", str(tmp_path / "data"), "--page"]
        done = subprocess.run(
            [*words, "--page-port", str(port)], cwd=ROOT, capture_output=True, text=True
        )
        assert (done.returncode, (tmp_path / "data").exists()) == (1, False)
        assert "Something listens there already" in done.stderr


# ---- viewers ---------------------------------------------------------------------------------


def test_a_slow_viewer_is_dropped_and_is_told_everything_when_it_comes_back() -> None:
    channel = Channel({"symbol": "X", "base_ms": 0})
    slow, quick = channel.come(), channel.come()
    assert slow is not None and quick is not None
    got = 0
    for n in range(WAITING + 50):
        channel.step({"n": n}, n, {"now": n})
        while not quick.queue.empty():
            got += quick.queue.get() is not None
    assert got == WAITING + 51 and not quick.is_dropped
    assert slow.is_dropped and (channel.viewers, channel.dropped) == (1, 1)
    assert slow.queue.qsize() == WAITING + 1  # and no more is kept for it
    again = channel.come()
    assert again is not None
    said = json.loads(again.queue.get() or b"")
    assert [step["n"] for step in said["steps"]] == list(range(WAITING + 50))
    assert said["now"] == WAITING + 49


def test_what_is_kept_is_bounded() -> None:
    channel = Channel({})
    for n in range(3_000):
        channel.step({"n": n}, n * 1_000, {})
    viewer = channel.come()
    assert viewer is not None
    steps = json.loads(viewer.queue.get() or b"")["steps"]
    assert [steps[0]["n"], steps[-1]["n"]] == [2_999 - 600, 2_999]


# ---- live ------------------------------------------------------------------------------------


def test_viewers_that_stall_change_nothing_of_a_run(tmp_path: Path) -> None:
    """One reads nothing, one goes at once, one reads: the run ends in order and verifies."""
    with running_server("sim:7", speed=20.0, loop=True) as server:
        words = [*CLI, "live", "BTCUSDT", "--url", server.url, "--strategy", str(EAGER)]
        words += ["--set", "execution.latency=5", "--data", str(tmp_path / "data"), "--page"]
        words += ["--run", str(tmp_path / "run"), "--transactions", str(tmp_path / "t.csv")]
        with (tmp_path / "said").open("wb") as out:
            live = subprocess.Popen([*words, "--page-port", "0"], cwd=ROOT, stdout=out, stderr=out)
        try:
            wait_until(lambda: b"The page: " in (tmp_path / "said").read_bytes(), 60)
            said = (tmp_path / "said").read_text()
            port = int(said.split("The page: http://127.0.0.1:")[1].split("/")[0])
            stalled = socket.create_connection(("127.0.0.1", port))
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)

            def first_of_stream() -> bytes:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
                    one.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                    return one.recv(4_096)

            wait_until(lambda: b" 200 " in first_of_stream(), 60)
            stalled.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            with socket.create_connection(("127.0.0.1", port), timeout=20) as one:
                one.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                read_ = b""
                while read_.count(b'"step":') < 15:
                    read_ += one.recv(65_536)
            live.send_signal(signal.SIGTERM)
            assert live.wait(timeout=60) == 0, (tmp_path / "said").read_text()
            stalled.close()
        finally:
            live.kill()
    assert verify(tmp_path / "run").same
    events = read(TapeSource(tmp_path / "data", "BTCUSDT")).events
    assert events.n > 100
    assert "has ended" not in (tmp_path / "said").read_text()


@pytest.mark.parametrize("more", [["--screen"], ["--json"]])
def test_a_page_of_a_recording_is_instead_of_all_else(more: list[str]) -> None:
    words = [*CLI, "replay", "sim:7", "--page", *more]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "leave" in done.stderr
