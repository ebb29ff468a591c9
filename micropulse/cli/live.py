"""`micropulse live`: paper trading on the live socket, recording what it sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from micropulse.cli.options import (
    JsonOpt,
    ParamsOpt,
    SetOpt,
    StrategyOpt,
    say,
    strategy_of,
)
from micropulse.cli.replaying import figures
from micropulse.option_values import duration_s, size_bytes


def live(
    symbols: Annotated[list[str], typer.Argument(help="As in BTCUSDT ETHUSDT.")],
    strategy: StrategyOpt = "wall_break",
    params: ParamsOpt = None,
    set_: SetOpt = None,
    url: Annotated[
        str | None, typer.Option(help="Another exchange's; with or without ?streams=.")
    ] = None,
    streams: Annotated[
        str | None, typer.Option(help="Of each symbol; else depth5@100ms,trade.")
    ] = None,
    data: Annotated[Path, typer.Option(help="The folder of all tapes.")] = Path("data"),
    run: Annotated[
        Path | None, typer.Option(help="The run folder, of one symbol; goes on with an older run.")
    ] = None,
    transactions: Annotated[Path, typer.Option(help="Round trips are appended here.")] = Path(
        "transaction.csv"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin a new run.")] = False,
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
    as_json: JsonOpt = False,
) -> None:
    """Trade on paper, live, with the very core of the backtest, and record what it sees."""
    if run is not None and len(symbols) > 1:
        raise typer.BadParameter("--run is the folder of one symbol; leave it out for several.")
    lasts_s = None if duration is None else duration_s("--duration", duration)
    free_bytes = size_bytes("--min-free", min_free)

    from micropulse.strategy import strategy_name
    from recorder.clock import SystemClock
    from recorder.link import Options
    from recorder.log import Log
    from recorder.record import CTRL_C, Watched
    from recorder.streams import StreamsError
    from recorder.streams import plan as streams_of
    from replay.live import Plan
    from replay.trading import trade

    module, settings = strategy_of(strategy, params, set_)
    try:
        wanted = streams_of(symbols, streams, url)
    except StreamsError as error:
        raise typer.BadParameter(str(error)) from None
    name = strategy_name(module)
    plans = [
        Plan(symbol, data, run or Path("runs") / f"live-{symbol}-{name}", module, settings)
        for symbol in wanted.symbols
    ]
    if not as_json:
        say(f"parameters {json.dumps(settings.as_dict())}")
    log = Log(lambda text: typer.echo(text, nl=False, err=True), SystemClock(), log_json)
    watched = Watched(data, free_bytes, health_port, Options(duration_s=lasts_s))
    traded = trade(plans, wanted, watched, transactions, log, as_json, fresh)
    for summary in traded.summaries:
        typer.echo(json.dumps(summary) if as_json else figures(summary))
    if traded.outcome.why == CTRL_C:
        raise KeyboardInterrupt
