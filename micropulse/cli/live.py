"""`micropulse live`: paper trading on the live socket, recording what it sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from micropulse.cli.options import (
    DataOpt,
    DurationOpt,
    HealthPortOpt,
    JsonOpt,
    LogJsonOpt,
    MinFreeOpt,
    ParamsOpt,
    SetOpt,
    StrategyOpt,
    StreamsOpt,
    SymbolsArg,
    UrlOpt,
    end_if_failed,
    say,
    strategy_of,
)
from micropulse.cli.record import log_of, streams_of, watched_of
from micropulse.cli.replaying import figures


def live(
    symbols: SymbolsArg,
    strategy: StrategyOpt = "wall_break",
    params: ParamsOpt = None,
    set_: SetOpt = None,
    url: UrlOpt = None,
    streams: StreamsOpt = None,
    data: DataOpt = Path("data"),
    run: Annotated[
        Path | None, typer.Option(help="The run folder, of one symbol; goes on with an older run.")
    ] = None,
    transactions: Annotated[Path, typer.Option(help="Round trips are appended here.")] = Path(
        "transaction.csv"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin a new run.")] = False,
    duration: DurationOpt = None,
    min_free: MinFreeOpt = "1GiB",
    health_port: HealthPortOpt = None,
    log_json: LogJsonOpt = False,
    as_json: JsonOpt = False,
) -> None:
    """Trade on paper, live, with the very core of the backtest, and record what it sees."""
    if run is not None and len(symbols) > 1:
        raise typer.BadParameter("--run is the folder of one symbol; leave it out for several.")
    watched = watched_of(data, duration, min_free, health_port)

    from micropulse.strategy import strategy_name
    from recorder.record import CTRL_C
    from replay.live.symbol import Plan
    from replay.live.trading import trade

    module, settings = strategy_of(strategy, params, set_)
    wanted = streams_of(symbols, streams, url)
    name = strategy_name(module)
    plans = [
        Plan(symbol, data, run or Path("runs") / f"live-{symbol}-{name}", module, settings)
        for symbol in wanted.symbols
    ]
    if not as_json:
        say(f"parameters {json.dumps(settings.as_dict())}")
    traded = trade(plans, wanted, watched, transactions, log_of(log_json), as_json, fresh)
    for summary in traded.summaries:
        typer.echo(json.dumps(summary) if as_json else figures(summary))
    if traded.outcome.why == CTRL_C:
        raise KeyboardInterrupt
    end_if_failed(*(summary["strategy_failed"] for summary in traded.summaries))
