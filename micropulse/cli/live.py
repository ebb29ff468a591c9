"""`micropulse live`: paper trading on the live socket, recording what it sees, or on a tape that
another recorder is writing."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    ParamsOpt,
    ScreenOpt,
    SetOpt,
    StrategyOpt,
    StreamsOpt,
    SymbolsArg,
    UrlOpt,
    end_if_failed,
    page_socket,
    say,
    strategy_of,
    wants_screen,
)
from micropulse.cli.record import log_of, streams_of, watched_of
from micropulse.cli.replaying import figures

if TYPE_CHECKING:
    from replay.live.eyes import Sight

NOT_FOLLOWING = ("url", "streams", "data", "health_port", "min_free")  # what a recorder is told


def live(
    context: typer.Context,
    symbols: SymbolsArg,
    strategy: StrategyOpt = "wall_break",
    params: ParamsOpt = None,
    set_: SetOpt = None,
    url: UrlOpt = None,
    streams: StreamsOpt = None,
    data: DataOpt = Path("data"),
    follow: Annotated[
        Path | None,
        typer.Option(help="Trade on the tape that a recorder is writing there; record nothing."),
    ] = None,
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
    screen: ScreenOpt = False,
    page: PageOpt = False,
    page_port: PagePortOpt = PAGE_PORT,
    log_json: LogJsonOpt = False,
    as_json: JsonOpt = False,
) -> None:
    """Trade on paper, live, with the very core of the backtest, and record what it sees."""
    if run is not None and len(symbols) > 1:
        raise typer.BadParameter("--run is the folder of one symbol; leave it out for several.")
    if follow is not None:
        _refuse_recorders_options(context)
    wants_screen(screen, as_json)
    watched = watched_of(data, duration, min_free, health_port)

    from micropulse.strategy import strategy_name
    from recorder.record import CTRL_C
    from replay.live.follow import data_folder
    from replay.live.follow import follow as trade_on_tape
    from replay.live.plan import Plan
    from replay.live.trading import trade

    module, settings = strategy_of(strategy, params, set_)
    wanted = streams_of(symbols, streams, url)

    def planned(symbol: str) -> Plan:
        folder = data if follow is None else data_folder(follow, symbol)
        into = run or Path("runs") / f"live-{symbol}-{strategy_name(module)}"
        return Plan(symbol, folder, into, module, settings)

    plans = [planned(symbol) for symbol in wanted.symbols]
    if not as_json:
        say(f"parameters {json.dumps(settings.as_dict())}")
    with closing(_sight(screen, wanted.symbols, page_port if page else None)) as sight:
        log = log_of(log_json, sight.log)
        if follow is None:
            traded = trade(plans, wanted, watched, transactions, log, sight, as_json, fresh)
        else:
            lasts_s = watched.options.duration_s
            traded = trade_on_tape(plans, transactions, log, sight, lasts_s, as_json, fresh)
    for summary in traded.summaries:
        typer.echo(json.dumps(summary) if as_json else figures(summary))
    if traded.outcome.why == CTRL_C:
        raise KeyboardInterrupt
    sys.stdout.flush()
    end_if_failed(*(summary["strategy_failed"] for summary in traded.summaries))


def _sight(screen: bool, symbols: tuple[str, ...], page_port: int | None) -> Sight:
    """Where the run is watched: lines or a screen, and a page beside them."""
    from replay.live.eyes import Eyes
    from replay.live.page import LIVE, Page, WithPage
    from replay.live.screen import Screen

    page = None if page_port is None else Page(page_socket(page_port), LIVE)
    sight: Sight = Screen(symbols) if screen else Eyes()
    return sight if page is None else WithPage(sight, page)


def _refuse_recorders_options(context: typer.Context) -> None:
    """With --follow nothing is recorded: what says how is a mistake."""
    for name in NOT_FOLLOWING:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            raise typer.BadParameter(
                f"{option} is for recording, and with --follow another recorder does that: leave "
                "one of them out."
            )
