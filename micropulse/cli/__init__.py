"""The command line: the composition root. It imports everything; nothing imports it.

Heavy imports stand inside the commands, so that `--help` needs no numba. Words for people go to
stderr, data to stdout. Exit codes: 0 ok, 1 failure, 2 usage, 3 a data check failed, 4 results
differ, 130 Ctrl-C; SIGTERM ends in order, with 0.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

import micropulse
from micropulse.cli import (
    checking,
    comparing,
    market,
    proving,
    replaying,
    reporting,
    sweeping,
    tape,
)
from micropulse.cli.live import live
from micropulse.cli.options import say
from micropulse.cli.record import record

app = typer.Typer(
    name="micropulse",
    help="Record the market once, replay it for ever.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def main() -> NoReturn:
    """What the command `micropulse` and `python -m micropulse` run."""
    with _errors_for_people():
        app()
    sys.exit(0)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(micropulse.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="And end.")
    ] = False,
) -> None:
    """Record the market once, replay it for ever."""


app.command()(record)
app.command()(live)
app.command()(replaying.replay)
app.command()(replaying.features)
app.command()(replaying.backtest)
app.command()(sweeping.sweep)
app.command()(proving.verify)
app.command()(reporting.report)
app.command()(comparing.compare)
app.command()(checking.check)
app.command()(checking.fixture)
app.add_typer(tape.app)
app.command()(market.serve)
app.command()(market.simulate)
app.command()(market.demo)


@contextmanager
def _errors_for_people() -> Iterator[None]:
    """Errors we know end with a sentence and 1; Ctrl-C with 130; SIGTERM in order, with 0."""
    signal.signal(signal.SIGTERM, _end_in_order)
    try:
        yield
    except KeyboardInterrupt:
        _leave(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _leave(0)
    except Exception as error:
        if not _is_ours(error):
            raise
        say(f"error: {error}")
        _leave(1)


def _end_in_order(number: int, frame: object) -> None:
    """SIGTERM: unwind, so that files are closed or discarded, and end with 0."""
    raise SystemExit(0)


def _leave(code: int) -> NoReturn:
    sys.exit(code)


def _is_ours(error: Exception) -> bool:
    """Whether an error was written for people: ours, or the system's word about a file."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in (
        "micropulse",
        "recorder",
        "replay",
    )
