"""What each engine costs, as a whole process: CPU, peak memory, start-up, disk."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers.engines import Engine
from benchmarks.start import ROOT

LAUNCH = Path(__file__).with_name("launch.py")
MIB = 2**20


class Market:
    """A tape, and the same as a frames file, made when first asked for."""

    def __init__(self, tape: Path, folder: Path) -> None:
        self.tape, self.folder = tape, folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def frames(self) -> Path:
        """A .jsonl.gz beside the inputs."""
        path = self.folder / "frames.jsonl.gz"
        if not path.exists():
            command = ("tape", "export", str(self.tape), "-o", str(path))
            subprocess.run([sys.executable, "-m", "micropulse", *command], cwd=ROOT, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
        return path


class EndedError(Exception):
    """A command that did not end well; the text is for people."""


def launch(command: list[str], folder: Path, cpu_s_max: int) -> dict[str, float]:
    """`cpu_s` and `peak_mib` of a command in the checkout. Raises EndedError."""
    out, log = folder / "cost.json", folder / "log.txt"
    with log.open("wb") as said:
        subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCH), str(out), str(cpu_s_max), *command],
            cwd=ROOT, check=True, stdout=said, stderr=said,
        )  # fmt: skip
    cost: dict[str, float] = json.loads(out.read_text(encoding="utf-8"))
    if cost.pop("exit"):
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        if cost["cpu_s"] >= cpu_s_max - 1:
            raise EndedError(f"not done after {cpu_s_max:,} CPU s")
        raise EndedError(" ".join(last) or "ended without a word")
    return cost


def prepared(engine: Engine, market: Market, at: int, cpu_s_max: int) -> tuple[Path, float]:
    """(input, CPU seconds it took to make); the tape itself where nothing is to be made."""
    if not engine.make:
        return market.tape, 0.0
    made = market.folder / f"input-{at}{'.npz' if engine.package == 'hftbacktest' else ''}"
    shutil.rmtree(made, ignore_errors=True)
    words = {"tape": market.tape, "frames": market.frames, "input": made}
    cost = launch([word.format(**words) for word in engine.make], market.folder, cpu_s_max)
    return made, cost["cpu_s"]


def traded(
    engine: Engine, made: Path, folder: Path, at: int, runs: int, cpu_s_max: int
) -> tuple[Path, dict[str, float]]:
    """(answer, median cost) of so many runs."""
    out = folder / f"answer-{at}"
    words = {"input": made, "out": out}
    command = [word.format(**words) for word in engine.trade]
    costs = [launch(command, folder, cpu_s_max) for _ in range(runs)]
    return out, {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def measure(
    engine: Engine, day: Market, start: Market, at: int, runs: int, cpu_s_max: int
) -> dict[str, Any]:
    """All figures of a row but whether it is true; `answer` is the file to ask that of.

    `start` is some seconds of market: what a run of them takes is start-up. The first run of it
    fills caches and is not counted.
    """
    if not engine.python:
        return {"said": "not installed"}
    try:
        seconds, _ = prepared(engine, start, at, cpu_s_max)
        traded(engine, seconds, start.folder, at, 1, cpu_s_max)
        _, starts = traded(engine, seconds, start.folder, at, runs, cpu_s_max)
        made, make_s = prepared(engine, day, at, cpu_s_max)
        answer, cost = traded(engine, made, day.folder, at, runs, cpu_s_max)
    except EndedError as error:
        return {"said": str(error)}
    figures = {"start_s": starts["cpu_s"], "disk_mib": size(made) / MIB, "make_s": make_s} | cost
    return {name: round(figure, 3) for name, figure in figures.items()} | {"answer": answer}
