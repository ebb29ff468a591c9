"""The page in a browser: what it shows is what the core computed, and a hand moves time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from micropulse.params import resolve
from micropulse.schema import SIGNALS, WALL_BORN
from micropulse.strategy import load_strategy
from recorder.tape import TapeSource
from replay.features import write_features
from replay.pace import between
from replay.page.channel import Channel
from replay.page.now import Known, now_of
from replay.page.server import PageServer, address_of, listen
from replay.server.background import running_server
from replay.sight.holding import Limits
from replay.verify import verify
from tests.browser import Page, chromium, tab
from tests.scripted_server import wait_until
from tests.served_page import session
from tests.test_live import EAGER, ROOT

CLI = [sys.executable, "-m", "micropulse"]
OWN = "<img src=x onerror=\"document.title='owned'\">"
PANES = ("ribbon", "heat", "cvd", "obi", "flow")
# Colours on a pane's canvas: an empty one has one or two.
COLOURS = """(() => {
  const canvas = document.querySelector("#pane-%s canvas"), seen = new Set();
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  for (let at = 0; at < data.length; at += 28) seen.add(data.slice(at, at + 3).join());
  return seen.size;
})()"""


@contextmanager
def serving(said: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A command with --page, and the address that it prints."""
    with said.open("wb") as out:
        running = subprocess.Popen(
            [*CLI, *words, "--page", "--page-port", "0"], cwd=ROOT, stdout=out, stderr=out
        )
    try:
        wait_until(lambda: b"The page: " in said.read_bytes() or running.poll() is not None, 60)
        yield running, said.read_text().split("The page: ")[1].split()[0]
    finally:
        running.kill()
        running.wait()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if chromium() is None:
        pytest.skip("there is no Chromium here to open the page with")
    with tab(tmp_path_factory.mktemp("profile"), offline=False) as opened:
        yield opened


def quiet(page: Page, address: str) -> None:
    """Nothing was complained of, and nothing asked of anybody else."""
    assert page.complaints == []
    assert {
        one for one in page.requests if not one.startswith((address, "about:", "data:"))
    } == set()


def now(page: Page) -> dict[str, Any]:
    said: dict[str, Any] = page.value("micropulse.store.now")
    return said


def test_a_live_run_is_drawn_with_the_figures_of_features(page: Page, tmp_path: Path) -> None:
    words = ["live", "BTCUSDT", "--strategy", str(EAGER), "--data", str(tmp_path / "data")]
    words += ["--run", str(tmp_path / "run"), "--transactions", str(tmp_path / "t.csv")]
    words += ["--set", "execution.latency=5", "--set", "time_stop_ms=300"]
    with (
        running_server("sim:7", speed=10.0, loop=True) as server,
        serving(tmp_path / "said", *words, "--url", server.url) as (live, address),
    ):
        page.visit(address)
        page.until("micropulse.store.trips.length > 1")
        quiet(page, address)
        shown = []
        for _ in range(4):
            page.until("document.querySelectorAll('#signals li').length > 2")
            shown.append(now(page))
            time.sleep(0.3)
        drawn = {pane: page.value(COLOURS % pane) for pane in PANES}
        texts = page.value("document.getElementById('signals').textContent")
        book = page.value(
            "new Promise((done) => { (function look() {"
            "if (micropulse.view.dirty) return requestAnimationFrame(look);"  # drawn is less
            "const {books: b, levels: L} = micropulse.store, n = b.n - 1;"
            "done([b.bb[n] / 100, b.ba[n] / 100, [...document.querySelectorAll('#ladder tr')]"
            ".map((row) => row.textContent), document.getElementById('mid').textContent]); })() })"
        )
        title = page.value("document.title")
        live.send_signal(signal.SIGTERM)
        assert live.wait(timeout=60) == 0
        page.until("document.getElementById('state').dataset.is === 'lost'")
    assert min(drawn.values()) > 8, drawn
    assert title == "BTCUSDT · MicroPulse"
    assert "enter buy" in texts and "book leans" in texts
    assert len(book[2]) == 11 and f"{book[1]:.2f}" in book[2][4] and f"{book[0]:.2f}" in book[2][6]
    assert abs(float(book[3]) - (book[0] + book[1]) / 2) < 50
    assert [one for one in page.requests if not one.startswith((address, "about:"))] == []
    assert verify(tmp_path / "run").same
    figures_agree(shown, tmp_path)


def figures_agree(shown: list[dict[str, Any]], folder: Path) -> None:
    """What the page knew after an event is the row of `features` of that event."""
    idle = load_strategy("idle")
    tape = TapeSource(folder / "data", "BTCUSDT")
    write_features(tape, idle, resolve(idle.Params), 0, folder / "f.parquet")
    rows = pl.read_parquet(folder / "f.parquet")
    found = 0
    for one in shown:
        row = rows.filter(pl.col("seq") == one["seq"])
        if not len(row):
            continue  # a control event has no row
        found += 1
        for name, value in one["features"].items():
            assert row[name][0] == value, (name, one["seq"])
    assert found >= 2


def test_a_hand_moves_time(page: Page, tmp_path: Path) -> None:
    words = ["replay", "sim:7", "--strategy", str(EAGER), "--to", "2026-01-05T00:01:00Z"]
    with serving(tmp_path / "said", *words) as (running, address):
        page.visit(address)
        page.until("micropulse.store.miniature && micropulse.store.miniature.trips.length > 2")
        click(page, "#play")
        page.until("!micropulse.store.player.playing")
        at = now(page)["seq"]
        click(page, "[data-step=event]")
        page.until(f"micropulse.store.now.seq === {at + 1}")
        before = page.value("micropulse.store.prints.n")
        click(page, "[data-step=print]")
        page.until(f"micropulse.store.prints.n === {before + 1}")
        click(page, "#faster")
        page.until("micropulse.store.player.speed === 2")
        drag(page)
        click(page, "#trade-after")
        page.until("micropulse.store.trips.length > 0")
        trip, ms = page.value("micropulse.store.trips.at(-1)"), now(page)["ms"]
        assert ms - 10_000 < trip["exit"] <= ms
        assert page.value("micropulse.view.from") < trip["entry"]
        click(page, "#link")
        link = page.value("location.hash")
        page.visit(f"{address}{link}")
        page.until(f"micropulse.store.now?.ms === {ms} || micropulse.store.player?.ms === {ms}")
        assert page.value("document.title") == "BTCUSDT · MicroPulse"
        assert page.value(COLOURS % "ribbon") > 8
        quiet(page, address)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 130


def drag(page: Page) -> None:
    """A click in the middle of the strip goes there; the state is that of half of the minute."""
    box = page.value("JSON.stringify(document.getElementById('scrubber').getBoundingClientRect())")
    at = json.loads(box)
    x, y = at["left"] + at["width"] / 2, at["top"] + at["height"] / 2
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    page.until(
        "Math.abs(micropulse.store.player.ms - (micropulse.store.miniature.from"
        " + micropulse.store.miniature.to) / 2) < 300"
    )
    # A crosshair over one pane is one over all: the legends show that moment.
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=300, y=200)
    page.until("micropulse.view.cursor !== null")
    held = page.value("micropulse.view.span")
    page.call("Input.dispatchMouseEvent", type="mouseWheel", x=300, y=200, deltaX=0, deltaY=-300)
    page.until(f"micropulse.view.span < {held}")


def click(page: Page, what: str) -> None:
    page.value(f"document.querySelector({json.dumps(what)}).click()")


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1_000, False)])
def test_it_fits_a_window_and_lies_still_when_it_is_held(
    page: Page, tmp_path: Path, width: int, dark: bool
) -> None:
    words = ["replay", "sim:7", "--strategy", str(EAGER), "--to", "2026-01-05T00:00:20Z"]
    with serving(tmp_path / "said", *words) as (_, address):
        page.visit(address, dark=dark, width=width, height=844)
        page.until("micropulse.store.books.n > 5")
        wide = page.value("document.documentElement.scrollWidth")
        assert wide <= width
        assert page.value("document.documentElement.dataset.theme") == ("dark" if dark else "light")
        for pane in PANES:
            assert page.value(f"document.querySelector('#pane-{pane} canvas').clientWidth") <= width
        assert page.complaints == []


def test_however_fast_messages_come_it_draws_some_twenty_times_a_second(page: Page) -> None:
    one = session()
    for events in one.source:
        one.core.advance_all(between(events, 0, 400))
    now_ = now_of(Known(one, Limits(None, None))) | {"gap_since": None}
    hello = {"symbol": "X", "strategy": "", "what": "live", "px": 2, "qty": 3, "tick": 10}
    channel, made = Channel(hello | {"base_ms": 0}), listen(0)
    channel.step({}, 10, {"now": now_})
    server = PageServer(made, {"X": channel})
    try:
        page.visit(address_of(made))
        page.value("micropulse.paints.length = 0")
        began = time.monotonic()
        for number in range(300):
            channel.step({}, 11 + number, {"now": now_})
            time.sleep(0.005)
        page.until("!micropulse.view.dirty")
        took = time.monotonic() - began
        assert 3 < page.value("micropulse.paints.length") <= took / 0.045 + 2
    finally:
        server.close()


def test_whatever_a_run_calls_things_stays_text(page: Page) -> None:
    hello = {"symbol": OWN, "strategy": OWN, "what": OWN, "px": 2, "qty": 3, "tick": 10}
    channel = Channel(hello | {"base_ms": 0})
    one = session()
    for events in one.source:
        one.core.advance_all(between(events, 0, 400))
    now_ = now_of(Known(one, Limits(None, None)))
    signals = [[5, kind, 1, 100, 1, 5, OWN, n] for n, kind in enumerate(SIGNALS[WALL_BORN:])]
    trip = {"id": 1, "side": 1, "qty": 1, "entry": 1, "exit": 2, "entry_px": "1", "exit_px": "2"}
    trip |= {"net": OWN, "fees": OWN, "why": [OWN, OWN]}
    fill = [5, 1, 1, 100, 1, False, False, OWN]
    step = {"s": signals, "x": [trip], "f": [fill], "g": [[1, 3_000, OWN]]}
    channel.step(step, 10, {"now": now_ | {"gap_since": None}, "log": [OWN], "symbols": [OWN, "B"]})
    made = listen(0)
    server = PageServer(made, {"X": channel})
    try:
        page.visit(address_of(made))
        page.until("document.getElementById('signals').textContent.includes('onerror')")
        page.until("document.getElementById('trips').textContent.includes('onerror')")
        assert page.value("document.getElementById('symbol').textContent") == OWN
        assert page.value("document.querySelectorAll('img, main script').length") == 0
        assert page.value("document.title").startswith("<img")
        quiet(page, address_of(made))
    finally:
        server.close()
