"""Runs in a process of their own: with the JIT off, watched for what they open, and where an
index out of bounds may end the process.

A pickled Job on its stdin, a pickled Result a world on its stdout.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from micropulse.params import settings_of
from micropulse.run import Core
from micropulse.strategy import load_strategy
from micropulse.testing.ran import Kept, play
from micropulse.testing.recorded import Recorded
from recorder.segment import cut
from replay.strategy_check.deeds import Deeds, deeds_of

OUTSIDE = ("open", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "ctypes.dlopen")
OURS = ("micropulse", "recorder", "replay")
ROOT = Path(__file__).resolve().parents[2]


class Job(NamedTuple):
    """Runs of one strategy over each of `worlds`, from `snapshot` on where there is one."""

    strategy: str
    params: dict[str, Any]
    worlds: list[Recorded]
    snapshot: bytes | None = None
    jit: bool = True


class Touched(NamedTuple):
    """Something outside of the run that the strategy's own code reached for, in `file`:`line`."""

    event: str
    name: str
    file: str
    line: int


class Result(NamedTuple):
    """One run: what came out, and all it knew at the end; or how it failed."""

    deeds: Deeds | None
    tables: dict[str, bytes]
    snapshot: bytes
    touched: list[Touched]
    failed: str


def run_apart(job: Job) -> list[Result]:
    """A Result a world; fewer when the process died on the way."""
    words = [sys.executable, "-c", f"from {__spec__.name} import main; main()"]
    environment = os.environ | {"PYTHONHASHSEED": "20241"}
    if not job.jit:
        environment |= {"NUMBA_DISABLE_JIT": "1"}
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    done = subprocess.run(
        words, input=pickle.dumps(job), env=environment, stdout=subprocess.PIPE, check=False
    )
    return list(_results(done.stdout))


def _results(pickled: bytes) -> Iterator[Result]:
    stream = io.BytesIO(pickled)
    while stream.tell() < len(pickled):
        try:
            yield pickle.load(stream)
        except (EOFError, pickle.UnpicklingError):
            return


class Watch:
    """Notes what the strategy's own code opens, connects to or starts; an import is no opening."""

    def __init__(self) -> None:
        self.home: Path | None = None
        self.touched: list[Touched] = []
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.home is None or event not in OUTSIDE:
            return
        by = _caller(sys._getframe(1), str(self.home))
        if by is not None:
            name = str(args[0] if event != "socket.connect" else args[1])
            seen = Touched(event, name, by.f_code.co_filename, by.f_lineno)
            if seen not in self.touched:
                self.touched.append(seen)


def _caller(frame: FrameType | None, home: str) -> FrameType | None:
    """The strategy's own code that led here; None when it was an import or nobody of its folder."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return None
        if file.startswith(home) and not _is_installed(file):
            return frame
        frame = frame.f_back
    return None


def _is_installed(file: str) -> bool:
    inside = Path(file).is_relative_to(ROOT) and Path(file).relative_to(ROOT).parts[0] in OURS
    return inside or "site-packages" in file


def home_of(strategy: str) -> Path:
    """The folder whose code is the strategy's own."""
    path = Path(strategy)
    return path.resolve().parent if path.suffix == ".py" else ROOT / "strategies"


def main() -> None:
    """Read a job, run it, write a result after each world."""
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    job: Job = pickle.load(sys.stdin.buffer)
    watch = Watch()
    watch.home = home_of(job.strategy)
    for world in job.worlds:
        pickle.dump(_one(job, world, watch), out)
        out.flush()


def _one(job: Job, world: Recorded, watch: Watch) -> Result:
    try:
        module = load_strategy(job.strategy)
        core, kept = _played(job, module, world)
    except Exception as error:  # whatever a strategy of somebody's raises is what is told
        return Result(None, {}, b"", watch.touched, f"{type(error).__name__}: {error}")
    return Result(deeds_of(kept), kept.bytes(), core.snapshot(), watch.touched, "")


def _played(job: Job, module: ModuleType, world: Recorded) -> tuple[Core, Kept]:
    settings = settings_of(module.Params, job.params)
    if job.snapshot is None:
        ran = play(module, world, settings)
        return ran.core, ran.out
    return go_on(module, world, settings, job.snapshot)


def go_on(module: ModuleType, world: Recorded, settings: Any, snapshot: bytes) -> tuple[Core, Kept]:
    """Play from a snapshot on."""
    nothing = world._replace(events=type(world.events)(*(_empty(table) for table in world.events)))
    core, kept = play(module, nothing, settings).core, Kept()
    core.restore(snapshot)
    core.advance_all(world.events, [kept])
    return core, kept


def _empty(table: Any) -> Any:
    return cut(table, slice(0, 0))
