"""`micropulse demo`: the whole way, offline: exchange -> record -> seal -> replay -> backtest,
then live on paper -> kill -> resume -> verify."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from micropulse.params import Settings, resolve
from micropulse.sinks.metrics import MetricsLines
from micropulse.strategy import load_strategy
from recorder.check import check
from recorder.clock import SystemClock
from recorder.link import Options
from recorder.log import Log
from recorder.session import Session as Recording
from recorder.streams import plan
from recorder.tape import TapeSource, find_tape
from replay.backtest import Session, backtest
from replay.compare import page as comparison
from replay.compare.comparison import compare
from replay.compare.words import said_of_parting, said_of_trades
from replay.frames import FramesSource
from replay.html.frame import write as write_page
from replay.report.report import report
from replay.server.background import running_server
from replay.simulator import write
from replay.tape_files import import_frames
from replay.verify import verify

SEED, HOURS, RECORDED_S = 7, 1 / 12, 6
LIVE_SPEED, LIVE_S = 10.0, 14
LIVE_RULE = ("enter_obi=0.6", "stands_ms=100")  # for a market that runs ten times as fast
COMPARED = 0.6, 0.7  # obi_revert's enter_obi
LINES_SHOWN = 10  # before and after what the strategy did first

Say = Callable[[str], Any]


def run_demo(folder: Path, say: Say) -> Path:
    """Fill `folder` with a market, tapes and run folders, and tell the story on the way; the run
    folder of the backtest."""
    folder.mkdir(parents=True, exist_ok=True)
    market = folder / "market.jsonl.gz"
    say(f"1. Five minutes of a simulated market (seed {SEED}), in the exact form of the wire.")
    frames = write(market, SEED, HOURS)
    say(f"   {frames} frames in {market}\n")
    recorded = _record(folder, market, say)

    strategy = load_strategy("wall_break")
    settings = resolve(strategy.Params)
    _replay(recorded, strategy, settings, say)
    run = _backtest(folder, market, strategy, settings, say)
    _live(folder, market, say)

    _look(folder, say)

    say("\n7. The files:")
    tapes = [path for path in sorted(folder.glob("**/venue=*/**/*")) if path.suffix != ".lock"]
    pages = sorted(folder.rglob("*.html"))  # what one opens stands last
    made = [path for path in sorted(run.iterdir()) if path not in pages]
    for path in (market, *tapes, *made, *pages):
        if path.is_file():
            say(f"   {path}  ({path.stat().st_size:,} bytes)")
    return run


def _record(folder: Path, market: Path, say: Say) -> Path:
    """Record from a local exchange that serves the market at its own pace."""
    say(f"2. A local exchange serves it over a real socket; we record for {RECORDED_S} seconds.")
    data = folder / "recorded"
    log = Log(lambda text: say("   " + text.rstrip()), SystemClock(), as_json=False)
    with running_server(market, speed=1.0) as server:
        options = Options(duration_s=RECORDED_S)
        recording = Recording(plan(["BTCUSDT"], None, server.url), data, log, options)
        outcome = recording.run()
        recording.seal()
    tape = find_tape(data, "BTCUSDT")
    said = [segment.said for segment in tape.segments()]
    rows = {table: sum(one["rows"][table] for one in said) for table in said[0]["rows"]}
    wrong = [finding.text for finding in check(tape) if finding.wrong]
    say(f"   It ended because {outcome.why}.")
    say(f"   Sealed, every frame proved: {rows['depth']} books, {rows['trades']} trades.")
    say(f"   Check: {'; '.join(wrong) if wrong else 'nothing is wrong'}.\n")
    return data


def _replay(recorded: Path, strategy: ModuleType, settings: Settings, say: Say) -> None:
    """The metrics lines of the tape just made."""
    say("3. That tape, replayed. All of it: micropulse replay")
    session = Session(TapeSource(recorded, "BTCUSDT"), strategy, settings)
    session.run([MetricsLines(strategy, session.digits, lambda line: say(_short(line)), False)])


def _backtest(
    folder: Path, market: Path, strategy: ModuleType, settings: Settings, say: Say
) -> Path:
    """All five minutes as a tape: the story of the first trade, and the figures."""
    say("\n4. All five minutes, imported as a tape and traded on paper: latency, fees, depth.")
    data, run = folder / "imported", folder / "run"
    lines: list[str] = []
    if not data.exists():
        import_frames(market, data)
    source = TapeSource(data)
    session = Session(source, strategy, settings)
    session.run([MetricsLines(strategy, session.digits, lines.append, as_json=False)])
    for line in _story(lines):
        say(_short(line))
    summary = backtest(source, strategy, settings, run)
    say(f"   {summary['events']} events, {summary['prints']} prints, {summary['orders']} orders,")
    trips, gross = summary["round_trips"], summary["gross"]
    say(f"   {trips} round trips: gross {gross}, fees {summary['fees']},")
    say(f"   net {summary['net']} USDT. A scalp of seconds seldom earns its fees: that is so.")
    frames = Session(FramesSource(market), strategy, settings)
    frames.run([])
    same = frames.core.digest() == summary["digest"]
    verdict = "the same" if same else "NOT THE SAME: this is a bug"
    say(f"   digest {summary['digest'][:16]}…; from the frames file it is {verdict}.")
    return run


def _live(folder: Path, market: Path, say: Say) -> None:
    """Trade on paper on the socket, be killed, go on, and prove it."""
    say(f"\n5. Live on paper against the exchange at {LIVE_SPEED:g} x; killed after two seconds.")
    live, run = folder / "live", folder / "live" / "run"
    command = [sys.executable, "-m", "micropulse", "live", "BTCUSDT", "--strategy", "obi_revert"]
    command += ["--data", str(live / "data"), "--run", str(run)]
    command += ["--transactions", str(live / "transaction.csv"), "--duration", f"{LIVE_S}s"]
    command += [word for text in LIVE_RULE for word in ("--set", text)]
    with running_server(market, speed=LIVE_SPEED, loop=True) as server:
        command += ["--url", server.url]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_frames(live / "data", first)
        time.sleep(2.0)
        first.kill()
        first.wait()
        say("   kill -9. The same command again:")
        again = subprocess.run(command, capture_output=True, text=True, check=True)
    for line in again.stderr.splitlines():
        if "rebuilt" in line:
            say(_short(line))
    for line in again.stdout.splitlines()[-5:]:
        say(_short(line))
    verdict = verify(run)
    counts = ", ".join(f"{n} {name}" for name, n in verdict.counts.items())
    word = "identical" if verdict.same else "DIFFERENT: this is a bug"
    say(f"   micropulse verify {run}: {word}, digest {verdict.digest[:16]}…, {counts}.")


def _look(folder: Path, say: Say) -> None:
    """The report of the live run, and two rules over the same five minutes, side by side."""
    say("\n6. What it did, on one page; and what another rule would have done.")
    live = folder / "live" / "run"
    say(f"   micropulse report {live}: open {report(live).path} in a browser.")
    strategy = load_strategy("obi_revert")
    a, b = folder / "rules" / "a", folder / "rules" / "b"
    for run, enter_obi in zip((a, b), COMPARED, strict=True):
        settings = resolve(strategy.Params, None, [f"enter_obi={enter_obi}"])
        backtest(TapeSource(folder / "imported"), strategy, settings, run)
    found = compare(a, b)
    path = folder / "rules" / "compare.html"
    write_page(path, comparison.page(found))
    say(f"   micropulse compare {a} {b}: obi_revert enters at {COMPARED[0]}, or {COMPARED[1]}.")
    say(f"   {said_of_trades(found.trades)}.")
    for line in said_of_parting(found):
        say(f"   {line}")
    say(f"   The rest is in {path}.")


def _wait_for_frames(data: Path, live: subprocess.Popen[bytes]) -> None:
    """Return when the run has begun to record."""
    while live.poll() is None:
        written = [path.stat().st_size for path in data.glob("**/*.journal")]
        if sum(written) > 100_000:
            return
        time.sleep(0.1)


def _short(line: str) -> str:
    return "   " + line.rstrip()


def _story(lines: list[str]) -> list[str]:
    """The lines around the first order that was asked for; the first ones where there was none."""
    asked = next((i for i, line in enumerate(lines) if " -- entry asked" in line), LINES_SHOWN)
    closed = next((i for i, line in enumerate(lines) if i > asked and " == " in line), asked)
    return lines[max(0, asked - LINES_SHOWN) : min(closed, asked + 2 * LINES_SHOWN) + 2]
