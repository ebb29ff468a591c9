"""`micropulse record`: the overnight recorder; and what `live` is told in the same words."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from micropulse.cli.options import (
    PAGE_PORT,
    DataOpt,
    DurationOpt,
    HealthPortOpt,
    JsonOpt,
    LogJsonOpt,
    MinFreeOpt,
    PageOpt,
    PagePortOpt,
    StreamsOpt,
    SymbolsArg,
    UrlOpt,
    page_socket,
)
from micropulse.cli.values import duration_s, size_bytes

if TYPE_CHECKING:
    from socket import socket

    from recorder.log import Log
    from recorder.record import Watched
    from recorder.streams import Plan


def record(
    symbols: SymbolsArg,
    url: UrlOpt = None,
    streams: StreamsOpt = None,
    data: DataOpt = Path("data"),
    duration: DurationOpt = None,
    min_free: MinFreeOpt = "1GiB",
    health_port: HealthPortOpt = None,
    page: PageOpt = False,
    page_port: PagePortOpt = PAGE_PORT,
    log_json: LogJsonOpt = False,
    as_json: JsonOpt = False,
) -> None:
    """Record a market, overnight and longer: every frame, as it came, when it came."""
    watched = watched_of(data, duration, min_free, health_port)

    from recorder.record import CTRL_C
    from recorder.record import record as run_recorder

    tell = (lambda figures: typer.echo(json.dumps(figures))) if as_json else None
    wanted = streams_of(symbols, streams, url)
    with _shown(page_socket(page_port) if page else None, data, wanted.symbols) as log:
        outcome = run_recorder(wanted, watched, log_of(log_json, log), tell)
    if outcome.why == CTRL_C:
        raise KeyboardInterrupt
    sys.stdout.flush()


@contextmanager
def _shown(
    made: socket | None, data: Path, symbols: Sequence[str]
) -> Iterator[Callable[[str], object] | None]:
    """What is recorded, on a page; where its log goes as well as to stderr."""
    if made is None:
        yield None
        return
    from replay.live.page import RECORDING, Page

    with closing(Page(made, RECORDING)) as page:
        for symbol in symbols:
            page.records(data, symbol)

        def log(text: str) -> None:
            typer.echo(text, nl=False, err=True)
            page.log(text)

        yield log


def watched_of(data: Path, duration: str | None, min_free: str, health_port: int | None) -> Watched:
    """Where a recording goes, how long, and how it is looked after."""
    lasts_s = None if duration is None else duration_s("--duration", duration)
    min_free_bytes = size_bytes("--min-free", min_free)

    from recorder.link import Options
    from recorder.record import Watched

    # Recorders that lost the same exchange do not come back in step.
    options = Options(duration_s=lasts_s, seed=os.getpid())
    return Watched(data, min_free_bytes, health_port, options)


def streams_of(symbols: list[str], streams: str | None, url: str | None) -> Plan:
    """What to connect to; a mistake is a usage error."""
    from recorder.streams import StreamsError, plan

    try:
        return plan(symbols, streams, url)
    except StreamsError as error:
        raise typer.BadParameter(str(error)) from None


def log_of(as_json: bool, write: Callable[[str], object] | None = None) -> Log:
    """Log lines, on stderr if nowhere else."""
    from recorder.clock import SystemClock
    from recorder.log import Log

    on_stderr = partial(typer.echo, nl=False, err=True)
    return Log(write or on_stderr, SystemClock(), as_json)
