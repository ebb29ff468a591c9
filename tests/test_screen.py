"""The screen: what it shows is the State, it fits, and it is drawn by a process that may die."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from micropulse.instrument import to_text
from micropulse.params import resolve
from micropulse.schema import SECOND
from micropulse.strategy import load_strategy
from recorder.folder import tape_folder
from replay.backtest import Session
from replay.live.mirror import Mirror, Mirrored, in_steps
from replay.pace import between
from replay.screen.history import COLUMNS_KEPT, History
from replay.screen.look import Look, bar, duration, spark
from replay.screen.market import by_second, market
from replay.screen.panels import Health
from replay.screen.terminal import look_of
from replay.screen.view import Moment, Shown, other_line, view
from replay.server.background import running_server
from replay.sight.holding import Limits, limits_of
from replay.source import open_source
from replay.verify import verify
from tests.test_live import EAGER, ROOT

CLI = [sys.executable, "-m", "micropulse"]
SIZES = [(50, 16), (60, 24), (70, 32), (80, 24), (100, 32), (101, 33), (140, 50)]
LOG = ("2026-11-22 03:12:44Z  WARNING  late: frames arrive 1.4 s later than a minute ago.\n",)
ALTERNATE, BACK, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


def played(source: str, strategy: str, seconds: float, *sets: str) -> Shown:
    """A session that has come so far, with a wall in view if there was ever one until then."""
    recording = open_source(source)
    module = load_strategy(strategy)
    settings = resolve(module.Params, None, list(sets))
    session, history = Session(recording, module, settings), History(module)
    state = session.core.state
    first = None
    for events in recording:
        for part in in_steps(events):
            first = first or int(part.depth.ts_recv[0])
            session.core.feed(part, [history])
            history.see(state)
            if state.clock.now - first > seconds * SECOND:
                limits = limits_of(settings.as_dict())
                return Shown("BTCUSDT", module, session.digits, limits, state, history)
    raise AssertionError("the source is too short")


@pytest.fixture(scope="module")
def shown() -> Shown:
    """Two and a half minutes of the simulated market, traded, with a wall on the screen."""
    return played("sim:7", "obi_revert", 148.0, "enter_obi=0.6", "stands_ms=100")


def printed(what: object, look: Look, color: str | None = None) -> list[str]:
    """The lines that a console of this size gets, without colours."""
    file = io.StringIO()
    console = Console(file=file, width=look.width, height=look.height, color_system=None)
    if color is not None:
        console = Console(
            file=file, width=look.width, height=look.height, color_system=color, force_terminal=True
        )
    console.print(what)
    return file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("shades", [True, False])
def test_it_fits_any_size(shown: Shown, width: int, height: int, shades: bool) -> None:
    look = Look(width, height, shades)
    moment = Moment("live", Health(0.1), LOG, (other_line(shown),))
    lines = printed(view(shown, moment, look), look)
    assert len(lines) == height
    assert max(Text(line).cell_len for line in lines) <= width
    assert lines[-1].startswith("2026-11-22 03:12:44Z  WARNING")
    assert "live" in lines[0]


@pytest.mark.parametrize("size", [(5, 2), (49, 30), (120, 15)])
def test_a_window_too_small_says_the_price_and_what_it_needs(
    shown: Shown, size: tuple[int, int]
) -> None:
    lines = printed(view(shown, Moment("live", Health(0.1)), Look(*size, True)), Look(*size, True))
    assert len(lines) <= size[1]
    if size[0] > 40:
        assert f"{shown.state.features.mid:.2f}" in lines[0]
        assert "50x16" in lines[-1]


@pytest.mark.parametrize("width", [70, 80, 100, 140])
def test_the_numbers_are_those_of_the_state(shown: Shown, width: int) -> None:
    look = Look(width, 40, shades=False)
    state, digits = shown.state, shown.digits
    lines = printed(view(shown, Moment("live", Health(0.7)), look), look)
    text = "\n".join(lines)
    book, f = state.book, state.features
    for side, ladder in (("+", book.ask), ("-", book.bid)):
        for k in range(int(ladder.n)):
            px, qty = (
                to_text(ladder.px[k], digits.px),
                to_text(ladder.qty[k], digits.qty),
            )
            assert re.search(rf"{re.escape(side)}{k + 1} +{px} +{qty} ", text), (side, k)
    for name, figure in (
        ("cvd", f"{f.cvd:+.3f}"),
        ("obi", f"{f.obi:+.3f}"),
        ("prints/s", f"{f.tps_1s:.0f}  {f.tps_10s:.1f} in 10s"),
        ("orders/s", f"{f.ops_1s:.0f}  {f.ops_10s:.1f} in 10s"),
        ("buy, sell", f"{f.buy_10s:.2f} {f.sell_10s:.2f}"),
        ("faster", f"×{f.acceleration:.2f}"),
        ("missed", f"{state.counts.missed_trades}"),
        ("events", f"{int(state.counts.events):,}"),
        ("last event", "0.7 s ago"),
    ):
        assert re.search(rf"{re.escape(name)} +{re.escape(figure)}", text), (name, figure)
    net = (int(state.account.gross) - int(state.account.fees)) / 10**digits.money
    assert f"{net:+.4f}" in text
    assert f"{shown.history.taken} taken of {shown.history.considered}" in text
    assert f"{f.mid:.2f}" in lines[0]


def test_a_position_shows_where_it_would_be_left(shown: Shown) -> None:
    state, account = shown.state.copy(), shown.state.account
    assert account.qty  # the fixture ends in a position
    side = 1 if account.qty > 0 else -1
    look = Look(100, 32, shades=False)
    for limits in (Limits(300, 200), Limits(None, 200), Limits(None, None)):
        moved = shown._replace(state=state, limits=limits)
        text = "\n".join(printed(view(moved, Moment("live", Health(0.1)), look), look))
        entry = float(state.position.entry_px)
        assert ("LONG " if side > 0 else "SHORT ") + f"0.001 @ {entry:.2f}" in text
        assert (f"TP {entry + side * 30:.2f}" in text) == (limits.tp_ticks is not None)
        assert (f"SL {entry - side * 20:.2f}" in text) == (limits.sl_ticks is not None)
        ticks = side * (float(state.features.mid) - entry) * 10
        assert f"{ticks:+.0f} ticks" in text
        cost = side * (float(state.features.mid) - entry) * 0.001
        assert f"unrealised  {cost:+.4f}" in text


def test_where_a_strategy_leaves_is_read_from_its_parameters() -> None:
    on = {"strategy": {"exit": {"tp_ticks": 12, "take_profit": True, "sl_ticks": 5}}}
    assert limits_of(on) == Limits(12, 5)
    assert limits_of({"strategy": {"sl_ticks": 150}}) == Limits(None, 150)
    off = {"strategy": {"exit": {"tp_ticks": 12, "take_profit": False}}}
    assert limits_of(off) == limits_of({}) == Limits(None, None)


def test_the_strip_is_what_the_books_held_second_by_second(shown: Shown) -> None:
    now = int(shown.state.clock.now) // SECOND
    columns = by_second(shown.history, now, 40)
    assert [column.second for column in columns if column] == list(range(now - 39, now + 1))
    look = Look(71, 40, shades=False)
    lines = [line.plain for line in market(shown.state, shown.history, shown.digits, look)]
    assert len(lines) == 14
    for k in range(5):
        walls = [bool(c and k < len(c.bids) and c.bids[k].wall_born) for c in columns[-39:]]
        assert [char == "W" for char in lines[6 + k][:39]] == walls
    assert any("W" in line[:39] for line in lines)


def test_a_gap_and_a_stale_book_are_seen(shown: Shown) -> None:
    history = History(shown.strategy)
    kept = list(shown.history.columns)[-10:]
    history.columns.extend([*kept[:3], kept[5]._replace(stale=True), *kept[6:]])
    look = Look(71, 40, shades=True)
    lines = [line.plain for line in market(shown.state, history, shown.digits, look)]
    for line in (lines[4], lines[6]):
        assert line[29:39].replace("▪", " ") == "   ╌╌╌    "


def test_old_news_and_silence_are_said(shown: Shown) -> None:
    look = Look(100, 32, shades=False)
    text = "\n".join(printed(view(shown, Moment("live", Health(9.0, "it is late")), look), look))
    assert "9.0 s ago" in text
    assert "it is late" in text


def test_without_colours_there_are_none_and_walls_are_letters(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=io.StringIO(), width=100, height=32, force_terminal=True)
    look = look_of(console)
    assert not look.shades
    console.print(view(shown, Moment("live", Health(0.1)), look))
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9;]*m", written.replace("\x1b[3m", ""))
    assert "W" in written
    monkeypatch.delenv("NO_COLOR")
    rich = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
    assert look_of(rich).shades
    assert not look_of(
        Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    ).shades


def test_bars_and_sparklines() -> None:
    nan = float("nan")
    assert bar(0.0, 4) == "    "
    assert bar(1.0, 4) == bar(7.0, 4) == "████"
    assert bar(0.5, 4) == "██  "
    assert bar(1e-9, 4) == "▏   "
    assert spark([1.0, nan, 3.0, 2.0]) == "▁ █▅"
    assert spark([nan, nan]) == "  "
    assert spark([5.0, 5.0]) == "▅▅"
    assert [duration(s * SECOND) for s in (0, 59, 61, 7200)] == ["0.0s", "59s", "1m01s", "2h00m"]


def test_memory_is_bounded(shown: Shown) -> None:
    history, state = History(shown.strategy), shown.state.copy()
    for _ in range(COLUMNS_KEPT + 50):
        state.clock.now += SECOND
        history.see(state)
        history.see(state)
    assert len(history.columns) == COLUMNS_KEPT
    assert history.columns[-1].second == state.clock.now // SECOND
    assert history.signals.maxlen is not None
    assert history.trips.maxlen is not None


def test_steps_are_all_of_a_batch_in_order() -> None:
    for events in open_source("sim:7"):
        parts = list(in_steps(events))
        assert sum(part.n for part in parts) == events.n
        edges = [(min(s), max(s)) for part in parts if (s := [int(x) for t in part for x in t.seq])]
        assert edges == sorted(edges)
        assert all(one[1] < two[0] for one, two in pairwise(edges))
        assert list(in_steps(between(events, 0, -1))) == []
        break


# ---- on a terminal -------------------------------------------------------------------------


class Terminal:
    """A process on a terminal of its own, and all that it wrote there."""

    def __init__(self, words: list[str], columns: int, rows: int) -> None:
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        env = {
            name: value
            for name, value in env.items()
            if name not in ("NO_COLOR", "COLUMNS", "LINES")
        }
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdin=side, stdout=side, stderr=side, env=env, start_new_session=True
        )
        os.close(side)
        self._main = main
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._main, 65_536)
            except OSError:  # nobody has the other side any more
                return
            if not data:
                return
            self._written += data

    @property
    def text(self) -> str:
        return self._written.decode(errors="replace")

    def wait_for(self, pattern: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text[-2_000:]
            assert self.process.poll() is None, self.text[-2_000:]
            time.sleep(0.05)

    def end(self) -> str:
        """What was written, when nobody writes any more."""
        self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        assert not self._reader.is_alive()
        os.close(self._main)
        return self.text


@contextmanager
def traded(folder: Path, *more: str) -> Iterator[Terminal]:
    """`micropulse live --screen` against a local exchange."""
    with running_server("sim:7", speed=20.0, loop=True) as server:
        words = [*CLI, "live", "BTCUSDT", "--url", server.url, "--strategy", str(EAGER)]
        words += ["--set", "execution.latency=5", "--data", str(folder / "data"), "--screen"]
        words += ["--run", str(folder / "run"), "--transactions", str(folder / "t.csv"), *more]
        yield Terminal(words, 100, 32)


def viewer_of(live: subprocess.Popen[bytes]) -> int:
    """The process that draws."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
            words = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == str(live.pid) and b"replay.screen" in words:
            return int(path.parent.name)
    raise AssertionError("nobody draws")


def test_a_live_run_is_drawn_and_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with traded(tmp_path) as terminal:
        terminal.wait_for(r"taken of [1-9]")
        terminal.process.send_signal(signal.SIGTERM)
        text = terminal.end()
    assert terminal.process.returncode == 0
    assert text.count(ALTERNATE) == text.count(BACK) == 1
    inside, after = text.split(ALTERNATE)[1].split(BACK)
    assert CURSOR in inside or CURSOR in after
    assert "mid=" not in text  # no lines
    assert "ends: SIGTERM" in after  # the log, said again
    assert "digest" in after
    verdict = verify(tmp_path / "run")
    assert verdict.same
    # What the other process computed from the tape is what this run computed.
    ran = json.loads((tmp_path / "run" / "run.json").read_text())
    tape = tape_folder(tmp_path / "data", "BTCUSDT")
    first = ran["source"]["first_seq"]
    mirror = Mirror(Mirrored("BTCUSDT", str(tape), first, str(EAGER), ran["params"]))
    mirror.advance([History(mirror.session.strategy)], lambda: None)
    assert mirror.session.core.digest() == verdict.digest


def test_a_screen_that_is_killed_does_not_hurt_the_run(tmp_path: Path) -> None:
    with traded(tmp_path) as terminal:
        terminal.wait_for(r"taken of [1-9]")
        os.kill(viewer_of(terminal.process), signal.SIGKILL)
        terminal.wait_for("mid=")  # lines again
        terminal.process.send_signal(signal.SIGINT)
        text = terminal.end()
    assert terminal.process.returncode == 130
    assert "The screen has ended (signal 9)" in text.rsplit(BACK, 1)[1]
    assert verify(tmp_path / "run").same


def test_a_run_that_is_killed_leaves_a_clean_terminal(tmp_path: Path) -> None:
    with traded(tmp_path) as terminal:
        terminal.wait_for(r"prints/s")
        terminal.process.kill()
        text = terminal.end()  # it ends: the viewer has let the terminal go
    assert text.count(ALTERNATE) == text.count(BACK) == 1
    assert CURSOR in text.rsplit(ALTERNATE, 1)[1]


def test_a_replay_is_drawn_and_its_last_picture_stays() -> None:
    words = [*CLI, "replay", "sim:7", "--screen", "--speed", "60", "--strategy", str(EAGER)]
    terminal = Terminal([*words, "--to", "2026-01-05T00:01:00Z"], 80, 30)
    text = terminal.end()
    assert terminal.process.returncode == 0
    inside, after = text.split(ALTERNATE)[1].split(BACK)
    assert inside.count("replay 60 x") >= 2
    assert after.count("replay 60 x") == 1
    assert "00:00:59" in after


@pytest.mark.parametrize("words", [["live", "BTCUSDT", "--url", "ws://x"], ["replay", "sim:7"]])
def test_where_there_is_no_terminal_it_is_said(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run([*CLI, *words, "--screen"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    asked = subprocess.run(
        [*CLI, *words, "--screen", "--json"], cwd=ROOT, capture_output=True, text=True
    )
    assert (asked.returncode, "for programs" in asked.stderr) == (2, True)
