"""What fails is kept: a frames file that can be replayed, and the commands that do it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from micropulse.params import Settings, resolve
from micropulse.testing.properties import flags, named
from micropulse.testing.recorded import Recorded, Rule, Set, loaded, resolved
from micropulse.testing.written import is_said_in_full, write
from micropulse.wire import WireError

FAILURES = Path(".micropulse/failures")


@contextmanager
def replayable(
    strategy: Rule, market: Recorded, settings: Set = (), folder: Path = FAILURES
) -> Iterator[None]:
    """Around what a test asks of a market: when it fails, the market is written to `folder`.

    The file is named for the test; the error says where it is, and the commands that replay it.
    Hypothesis tries its smallest example last, so that this is the one that stays.
    """
    try:
        yield
    except AssertionError as error:
        module = loaded(strategy)
        error.add_note(kept(module, resolved(module, settings), market, folder))
        raise


def kept(module: ModuleType, settings: Settings, market: Recorded, folder: Path) -> str:
    """Write the market down, and say where it is and what to do with it."""
    path = folder / f"{_test() or Path(named(module)).stem}.jsonl"
    try:
        frames = write(market, path)
    except WireError as error:
        return f"These events cannot be written as frames: {error}."
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    said = f"{frames} frame{'s' * (frames != 1)} on which it fails: {path}\n"
    if not is_said_in_full(market):
        said = said.replace("it fails", "it failed together with control events or connections", 1)
    rule, file = shlex.quote(as_typed(module)), shlex.quote(str(path))
    sets = "".join(f" {word}" for word in _not_default(module, settings))
    return (
        f"{said}"
        f"    micropulse check {rule} {file}{sets}\n"
        f"    micropulse replay {file} --strategy {rule}{sets}\n"
        f"    micropulse backtest {file} --strategy {rule}{sets}"
    )


def as_typed(module: ModuleType) -> str:
    """What one types for a strategy here."""
    path = Path(named(module))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _not_default(module: ModuleType, settings: Settings) -> list[str]:
    """The `--set` words of what is not as it is without them."""
    usual, wanted = flags(resolve(module.Params)), flags(settings)
    return [f"--set {shlex.quote(word)}" for word in wanted[1::2] if word not in usual[1::2]]


def _test() -> str:
    """The test that pytest is in, as a name for a file: `test_rules-test_my_rule`."""
    place, _, test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0].partition("::")
    return re.sub(r"\W+", "-", f"{Path(place).stem}-{test}").strip("-") if test else ""
