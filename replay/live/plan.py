"""What is to be traded live, and what can be known to be wrong with it before anything begins."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from micropulse.instrument import KNOWN_DECIMALS, instrument
from micropulse.params import Execution, Settings, execution_record
from micropulse.run import Core

QTY_DECIMALS_MAX = 8  # of any symbol of the exchange


class LiveError(Exception):
    """A live run that cannot begin, or cannot go on."""


class Plan(NamedTuple):
    """What is traded how, and where the run goes."""

    symbol: str
    data: Path
    run: Path
    strategy: ModuleType
    settings: Settings


def check(plan: Plan) -> None:
    """Compile the strategy and look at its parameters, with any symbol's digits.

    Raises StrategyError, ParamsError.
    """
    settings = plan.settings
    execution_record(settings.execution, QTY_DECIMALS_MAX)
    plain = settings._replace(execution=Execution())
    Core(plan.strategy, instrument(plan.symbol, *KNOWN_DECIMALS["BTCUSDT"])[0], plain, 3)


def lock_run(run: Path) -> int:
    """The lock of a live run, as an open file: two processes that follow one tape must not write
    one run. It lies beside the folder, which is replaced at the end. Raises LiveError."""
    run.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(run.with_name(f".{run.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise LiveError(
            f"The run in {run} is being written by another process. Stop that one, or give this "
            "one another folder with --run."
        ) from None
    return file
