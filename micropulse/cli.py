"""The command line: the composition root. It imports everything; nothing imports it.

Heavy imports stand inside the commands, so that `--help` needs no numba. Words for people go to
stderr, data to stdout. Exit codes: 0 ok, 1 failure, 2 usage, 3 a data check failed, 4 results
differ, 130 Ctrl-C; SIGTERM ends in order, with 0.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

import micropulse
from micropulse.option_values import sample_every, speed_factor, time_ns

if TYPE_CHECKING:
    from replay.source import Source

app = typer.Typer(
    name="micropulse",
    help="Record the market once, replay it for ever.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

SourceArg = Annotated[str, typer.Argument(help="A frames file (.jsonl, .gz, .zst) or sim:SEED.")]
SymbolOpt = Annotated[str | None, typer.Option(help="Which symbol of the source; else its first.")]
FromOpt = Annotated[str | None, typer.Option("--from", help="Not before this ISO time (UTC).")]
ToOpt = Annotated[str | None, typer.Option("--to", help="Before this ISO time (UTC).")]
StrategyOpt = Annotated[
    str,
    typer.Option(envvar="MICROPULSE_STRATEGY", help="One of ours by name, or a path to a file."),
]
ParamsOpt = Annotated[
    Path | None, typer.Option(envvar="MICROPULSE_PARAMS", help="A TOML with the parameters.")
]
SetOpt = Annotated[
    list[str] | None, typer.Option("--set", help="One parameter, as in exit.tp_ticks=12.")
]
JsonOpt = Annotated[bool, typer.Option("--json", help="Data for programs on stdout.")]


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


@app.command()
def replay(
    source: SourceArg,
    speed: Annotated[str, typer.Option(help="Times as fast as it was recorded, or max.")] = "max",
    strategy: StrategyOpt = "wall_break",
    params: ParamsOpt = None,
    set_: SetOpt = None,
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Print the metrics lines of a recording, and what the strategy does."""
    from micropulse.sinks.metrics import MetricsLines
    from replay.backtest import Session
    from replay.pace import paced

    opened = _open(source, symbol, from_, to)
    module, settings = _strategy(strategy, params, set_)
    session = Session(opened, module, settings)
    lines = MetricsLines(module, session.digits, sys.stdout.write, as_json)
    batches = iter(opened) if speed == "max" else paced(iter(opened), speed_factor(speed))
    session.run([lines], batches)
    _say_problems(opened)


@app.command()
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

    opened = _open(source, symbol, from_, to)
    module, settings = _strategy("idle", params, set_)
    with _progress(opened.name, as_json) as bar:
        rows = write_features(opened, module, settings, sample_every(every), output, bar)
    _say_problems(opened)
    figures = {"rows": rows, "output": str(output), "symbol": opened.symbol, "every": every}
    if as_json:
        typer.echo(json.dumps(figures | {"counts": opened.counts, "problems": opened.problems}))
    else:
        _say(f"{rows} rows in {output}")


@app.command()
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

    opened = _open(source, symbol, from_, to)
    module, settings = _strategy(strategy, params, set_)
    name = f"backtest-{opened.symbol}-{strategy_name(module)}"
    folder = output if output is not None else Path("runs") / name
    if not as_json:
        _say(f"parameters {json.dumps(settings.as_dict())}")
    with _progress(opened.name, as_json) as bar:
        summary = run_backtest(opened, module, settings, folder, bar)
    _say_problems(opened)
    typer.echo(json.dumps(summary) if as_json else _figures(summary))


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("-o", "--output", help="A frames file to write.")],
    hours: Annotated[float, typer.Option(help="How long a market.", min=0.0)] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    faults: Annotated[
        str, typer.Option(help="Faults of the real world: ordinary, none, all, or as in na,drops.")
    ] = "ordinary",
    as_json: JsonOpt = False,
) -> None:
    """Write a synthetic market in the exact form of the wire."""
    from replay.simulator import faults_named, write

    try:
        frames = write(output, seed, hours, faults=faults_named(faults))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    figures = {"frames": frames, "output": str(output), "hours": hours, "seed": seed}
    typer.echo(
        json.dumps(figures | {"faults": faults}) if as_json else f"{frames} frames in {output}"
    )


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Where its files go.")] = Path(
        "micropulse-demo"
    ),
) -> None:
    """Offline, under a minute: simulate a market, replay it, backtest it, name the files."""
    from replay.demo import run_demo

    run_demo(output, typer.echo)


# ---- what the commands share ----------------------------------------------------------------


def _open(text: str, symbol: str | None, from_: str | None, to: str | None) -> Source:
    from replay.source import open_source

    return open_source(text, symbol, time_ns("--from", from_), time_ns("--to", to))


def _strategy(name: str, params: Path | None, sets: list[str] | None) -> Any:
    from micropulse.params import resolve
    from micropulse.strategy import load_strategy

    module = load_strategy(name)
    return module, resolve(module.Params, params, sets)


def _figures(summary: dict[str, Any]) -> str:
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


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _say_problems(source: Source) -> None:
    for problem in source.problems:
        _say(f"note: {problem}")


@contextmanager
def _progress(name: str, as_json: bool) -> Iterator[Callable[[float], None] | None]:
    """A bar on a terminal, fed by how much of the source was read."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=1.0)
        yield lambda share: bar.update(task, completed=share)


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
        _say(f"error: {error}")
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
        "replay",
    )
