"""The words of `micropulse record` -> `recorder.record`. Heavy imports stand inside."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from micropulse.option_values import duration_s, size_bytes


def record_command(
    symbols: Annotated[list[str], typer.Argument(help="As in BTCUSDT ETHUSDT.")],
    url: Annotated[
        str | None, typer.Option(help="Another exchange's; with or without ?streams=.")
    ] = None,
    streams: Annotated[
        str | None, typer.Option(help="Of each symbol; else depth5@100ms,trade.")
    ] = None,
    data: Annotated[Path, typer.Option(help="The folder of all tapes.")] = Path("data"),
    duration: Annotated[
        str | None, typer.Option(help="As in 90s, 30m, 8h, 2d; else until it is stopped.")
    ] = None,
    min_free: Annotated[
        str, typer.Option(help="Stop in order when less of the disk is free.")
    ] = "1GiB",
    health_port: Annotated[
        int | None, typer.Option(help="Serve /metrics and /healthz here, on the loopback.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summaries as JSON on stdout.")] = False,
) -> None:
    """Record a market, overnight and longer: every frame, as it came, when it came."""
    lasts_s = None if duration is None else duration_s("--duration", duration)
    min_free_bytes = size_bytes("--min-free", min_free)

    from recorder.clock import SystemClock
    from recorder.link import Options
    from recorder.log import Log
    from recorder.record import CTRL_C, Watched, record
    from recorder.streams import StreamsError, plan

    try:
        wanted = plan(symbols, streams, url)
    except StreamsError as error:
        raise typer.BadParameter(str(error)) from None
    log = Log(lambda text: typer.echo(text, nl=False, err=True), SystemClock(), log_json)
    # Recorders that lost the same exchange do not come back in step.
    options = Options(duration_s=lasts_s, seed=os.getpid())
    watched = Watched(data, min_free_bytes, health_port, options)
    tell = (lambda figures: typer.echo(json.dumps(figures))) if as_json else None
    if record(wanted, watched, log, tell).why == CTRL_C:
        raise KeyboardInterrupt
    sys.stdout.flush()
