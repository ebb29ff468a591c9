"""`micropulse demo`: the whole way, offline: a market, its metrics lines, a backtest, the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from micropulse.params import resolve
from micropulse.sinks.metrics import MetricsLines
from micropulse.strategy import load_strategy
from replay.backtest import Session, backtest
from replay.frames import FramesSource
from replay.simulator import write

SEED, HOURS = 7, 1 / 12
LINES_SHOWN = 12  # before and after what the strategy did first


def run_demo(folder: Path, say: Callable[[str], Any]) -> None:
    """Make `folder` with a frames file and a run folder, and tell the story on the way."""
    folder.mkdir(parents=True, exist_ok=True)
    market = folder / "market.jsonl.gz"
    say(f"1. Five minutes of a simulated market (seed {SEED}), in the exact form of the wire.")
    frames = write(market, SEED, HOURS)
    say(f"   {frames} frames in {market}\n")

    say("2. Its metrics lines, around the first trade of wall_break. All: micropulse replay")
    source = FramesSource(market)
    strategy = load_strategy("wall_break")
    settings = resolve(strategy.Params)
    session = Session(source, strategy, settings)
    lines: list[str] = []
    session.run([MetricsLines(strategy, session.digits, lines.append, as_json=False)])
    for line in _story(lines):
        say(f"   {line.rstrip()}")

    say("\n3. The same market as a backtest: latency, fees and depth as they are.")
    run = folder / "run"
    summary = backtest(FramesSource(market), strategy, settings, run)
    say(f"   {summary['events']} events, {summary['prints']} prints, {summary['orders']} orders,")
    trips, gross = summary["round_trips"], summary["gross"]
    say(f"   {trips} round trips: gross {gross}, fees {summary['fees']},")
    say(f"   net {summary['net']} USDT. A scalp of seconds seldom earns its fees: that is so.")
    again = session.core.digest()
    same = "the same" if again == summary["digest"] else "NOT THE SAME: this is a bug"
    say(f"   digest {summary['digest'][:16]}…; the replay of step 2 gave {same}.\n")

    say("4. The files:")
    for path in (market, *sorted(run.iterdir())):
        say(f"   {path}  ({path.stat().st_size:,} bytes)")


def _story(lines: list[str]) -> list[str]:
    """The lines around the first order that was asked for; the first ones where there was none."""
    asked = next((i for i, line in enumerate(lines) if " -- entry asked" in line), LINES_SHOWN)
    closed = next((i for i, line in enumerate(lines) if i > asked and " == " in line), asked)
    return lines[max(0, asked - LINES_SHOWN) : min(closed, asked + 2 * LINES_SHOWN) + 2]
