"""`micropulse replay`, `features`, `backtest`: what is done with a recording."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from micropulse.cli.options import (
    PAGE_PORT,
    FromOpt,
    JsonOpt,
    PageOpt,
    PagePortOpt,
    ParamsOpt,
    ScreenOpt,
    SetOpt,
    SourceArg,
    StrategyOpt,
    SymbolOpt,
    ToOpt,
    end_if_failed,
    opened,
    page_socket,
    progress,
    say,
    say_problems,
    strategy_of,
    wants_screen,
)
from micropulse.cli.values import sample_every, speed_factor


def replay(
    context: typer.Context,
    source: SourceArg,
    speed: Annotated[
        str | None, typer.Option(help="Times as fast as it was recorded, or max.")
    ] = None,
    screen: ScreenOpt = False,
    page: PageOpt = False,
    page_port: PagePortOpt = PAGE_PORT,
    strategy: StrategyOpt = "wall_break",
    params: ParamsOpt = None,
    set_: SetOpt = None,
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Print the metrics lines of a recording, and what the strategy does; or draw a screen or a
    page."""
    wants_screen(screen, as_json)
    if page and (screen or as_json):
        raise typer.BadParameter("--page takes the place of --screen and --json: leave them out.")
    speed = speed or ("1" if screen or page else "max")
    factor = None if speed == "max" else speed_factor(speed)

    from micropulse.sinks.metrics import MetricsLines
    from micropulse.sinks.run_folder import is_run_folder
    from replay.backtest import Session
    from replay.pace import paced

    if page and is_run_folder(Path(source)):
        _refuse_of_a_run(context)
        return _run_on_page(Path(source), page_port, factor)
    recording = opened(source, symbol, from_, to)
    module, settings = strategy_of(strategy, params, set_)
    if page:
        from replay.page.replaying import replay_on_page

        made = page_socket(page_port)
        return replay_on_page(
            lambda: Session(opened(source, symbol, from_, to), module, settings), made, factor
        )
    session = Session(recording, module, settings)
    if screen:
        from replay.screen.replaying import replay_on_screen

        replay_on_screen(session, factor)
    else:
        lines = MetricsLines(module, session.digits, sys.stdout.write, as_json)
        batches = iter(recording) if factor is None else paced(iter(recording), factor)
        session.run([lines], batches)
    say_problems(recording)
    end_if_failed(session.failure())
    return None


def _run_on_page(folder: Path, port: int, factor: float | None) -> None:
    """A run's own recording, by its own rule."""
    from replay.page.of_run import REPORT, sessions_of_run
    from replay.page.replaying import replay_on_page

    replay_on_page(sessions_of_run(folder), page_socket(port), factor, folder / REPORT)


def _refuse_of_a_run(context: typer.Context) -> None:
    """A run folder says all of it: another rule would be another run."""
    for name in ("strategy", "params", "set_", "symbol", "from_", "to"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.rstrip('_')}"
            raise typer.BadParameter(f"{option} is for a recording; a run folder has its own.")


def features(
    source: SourceArg,
    output: Annotated[Path, typer.Option("-o", "--output", help="The Parquet file to write.")],
    every: Annotated[
        str, typer.Option(help="A row for each event, each depth, or a time as in 100ms, 1s.")
    ] = "event",
    params: ParamsOpt = None,
    set_: SetOpt = None,
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Write the features of a recording to a Parquet file, for research."""
    from replay.features import write_features

    recording = opened(source, symbol, from_, to)
    module, settings = strategy_of("idle", params, set_)
    with progress(recording.name, as_json) as bar:
        rows = write_features(recording, module, settings, sample_every(every), output, bar)
    say_problems(recording)
    figures = {"rows": rows, "output": str(output), "symbol": recording.symbol, "every": every}
    if as_json:
        typer.echo(
            json.dumps(figures | {"counts": recording.counts, "problems": recording.problems})
        )
    else:
        say(f"{rows} rows in {output}")


def backtest(
    source: SourceArg,
    strategy: StrategyOpt = "wall_break",
    params: ParamsOpt = None,
    set_: SetOpt = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The run folder; replaces an older run.")
    ] = None,
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Trade a recording on paper and write a run folder."""
    from micropulse.strategy import strategy_name
    from replay.backtest import backtest as run_backtest
    from replay.sweep.ledger import LEDGER

    recording = opened(source, symbol, from_, to)
    module, settings = strategy_of(strategy, params, set_)
    name = f"backtest-{recording.symbol}-{strategy_name(module)}"
    folder = output if output is not None else Path("runs") / name
    if not as_json:
        say(f"parameters {json.dumps(settings.as_dict())}")
    with progress(recording.name, as_json) as bar:
        summary = run_backtest(recording, module, settings, folder, bar, LEDGER)
    say_problems(recording)
    typer.echo(json.dumps(summary) if as_json else figures(summary))
    end_if_failed(summary["strategy_failed"])


def figures(summary: dict[str, Any]) -> str:
    """The figures of a run for people."""
    lines = [
        f"{summary['symbol']} {summary['strategy']}: {summary['events']} events, "
        f"{summary['books']} books, {summary['prints']} prints",
        f"orders {summary['orders']} (rejected {summary['rejected']}), fills {summary['fills']}, "
        f"round trips {summary['round_trips']}",
        f"gross {summary['gross']}, fees {summary['fees']}, funding {summary['funding']}, "
        f"net {summary['net']}",
    ]
    if summary["open_position"]:
        lines.append(f"still open: {json.dumps(summary['open_position'])}")
    lines += [f"digest {summary['digest']}", f"run folder {summary['run']}"]
    return "\n".join(lines)
