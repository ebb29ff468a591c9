"""All engines over the same market: one table.

    python -m benchmarks.peers                          # a simulated day; about half an hour
    python -m benchmarks.peers data/… --runs 1          # a tape of yours, each engine once
    python -m benchmarks.peers --nautilus ~/n/bin/python --write docs/benchmarks.md

nautilus_trader lives in an environment of its own: --nautilus names its Python, --install makes
one in the cache folder with pip.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.core import yardstick
from benchmarks.day import tape_of
from benchmarks.peers.costs import Market, measure
from benchmarks.peers.engines import NAUTILUS, Engine, engines
from benchmarks.peers.machine import commit, machine, software, today, version_of
from benchmarks.peers.table import page_part, written
from benchmarks.start import ROOT
from recorder.tape import TapeSource, find_tape
from replay.frames import write_frames
from replay.tape_files import import_frames

PINNED = "1.221.0"
START_NS = 10 * 10**9  # of market: what a run of it takes is start-up
CPU_S_MAX = 3_600  # of one command


def opening(tape: Path, folder: Path) -> Path:
    """The tape of its first ten seconds."""
    source = find_tape(tape)
    first = int(next(iter(source.frames())).ts_recv[0])
    frames = folder / "opening.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    write_frames(frames, source.frames(None, first + START_NS))
    import_frames(frames, folder / "tape")
    return folder / "tape"


def compared(
    tape: Path, folder: Path, who: list[Engine], runs: int, cpu_s_max: int = CPU_S_MAX
) -> list[dict[str, Any]]:
    """A row an engine, costs and truth. Everything made on the way stays in `folder`."""
    day = Market(tape, folder / "day")
    start = Market(opening(tape, folder / "opening"), folder / "opening")
    rows = []
    for at, engine in enumerate(who):
        row = measure(engine, day, start, at, runs, cpu_s_max)
        row |= {"name": engine.name, "how": engine.how, "version": ""}
        if engine.python:
            row["version"] = version_of(engine.package, engine.python)
        rows.append(row)
        print(json.dumps(row, default=str), file=sys.stderr)
    asked = [row for row in rows if "answer" in row]
    words = [sys.executable, "-m", "benchmarks.peers.truth", str(tape)]
    words += [str(row.pop("answer")) for row in asked]
    said = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for row, line in zip(asked, said.splitlines(), strict=True):
        row |= json.loads(line)
    return rows


def installed() -> Path:
    """The Python of an environment in the cache folder that has nautilus_trader; made once."""
    cache = Path(os.environ.get("MICROPULSE_CACHE", "~/.cache/micropulse")).expanduser()
    folder = cache / f"{NAUTILUS}-{PINNED}"
    python = folder / "bin" / "python"
    if not python.exists() or not version_of(NAUTILUS, str(python)):
        venv.create(folder, with_pip=True, clear=True)
        pip = (str(python), "-m", "pip", "install", "--quiet", f"{NAUTILUS}=={PINNED}")
        subprocess.run(pip, check=True)
    return python


def main() -> None:
    """Print the tables; a line of JSON an engine on the way, to stderr."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("source", nargs="?", type=Path, help="a tape; without, a simulated market")
    parser.add_argument("--hours", type=float, default=24.0, help="of the simulated market")
    parser.add_argument("--data", type=Path, help="where simulated tapes are kept")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--nautilus", type=Path, help="a Python that has nautilus_trader")
    parser.add_argument("--install", action="store_true", help="make one, in the cache folder")
    parser.add_argument("--write", type=Path, help="the page whose tables are written anew")
    said = parser.parse_args()
    nautilus = installed() if said.install else said.nautilus
    if nautilus and not version_of(NAUTILUS, str(nautilus)):
        parser.error(f"{nautilus} has no {NAUTILUS}: --install makes an interpreter that has it")
    with tempfile.TemporaryDirectory(prefix="micropulse-peers-") as own:
        tape = said.source or tape_of(said.data or Path(own) / "days", 1, said.hours)
        part = page_part(found(tape, Path(own), engines(nautilus), said.runs))
    print(part)
    if said.write:
        said.write.write_text(written(said.write.read_text(encoding="utf-8"), part))


def found(tape: Path, folder: Path, who: list[Engine], runs: int) -> dict[str, Any]:
    """Everything the page tells."""
    source = TapeSource(tape)
    n = Counter[str]()
    for segment in source.tape.segments():
        n.update(segment.said["rows"])
    events, digest = n["depth"] + n["trades"], source.description()["sha256"]
    each = f"medians of {runs} runs" if runs > 1 else "one run each"
    measured = {
        "machine": machine(),
        "software": software(),
        "when": f"{today()}, commit {commit()}; {each}",
        "market": f"{events:,} events, {n['depth']:,} books and {n['trades']:,} trades; "
        f"tape `{digest[:12]}`",
    }
    before = busy()
    rows = compared(tape, folder, who, runs)
    measured["how busy"] = f"before: {before}; after: {busy()}"
    return {"measured": measured, "events": events, "rows": rows}


def busy() -> str:
    """How fast the machine is just now, and how many others it works for."""
    return f"yardstick {yardstick():.0f} ns a step, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
