"""What the commands share: their options, sources, strategies and words for people."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from micropulse.cli.values import time_ns

if TYPE_CHECKING:
    from socket import socket

    from replay.source import Source


def shipped() -> list[str]:
    """Our strategies, for a shell to complete; it knows the user's files by itself."""
    import strategies

    return sorted(module.name for module in pkgutil.iter_modules(strategies.__path__))


SourceArg = Annotated[
    str, typer.Argument(help="A tape, a frames file (.jsonl, .gz, .zst) or sim:SEED.")
]
SymbolOpt = Annotated[str | None, typer.Option(help="Which symbol of the source; else its first.")]
FromOpt = Annotated[str | None, typer.Option("--from", help="Not before this ISO time (UTC).")]
ToOpt = Annotated[str | None, typer.Option("--to", help="Before this ISO time (UTC).")]
StrategyOpt = Annotated[
    str,
    typer.Option(
        envvar="MICROPULSE_STRATEGY",
        help="One of ours by name, or a path to a file.",
        autocompletion=shipped,
    ),
]
ParamsOpt = Annotated[
    Path | None, typer.Option(envvar="MICROPULSE_PARAMS", help="A TOML with the parameters.")
]
SetOpt = Annotated[
    list[str] | None, typer.Option("--set", help="One parameter, as in exit.tp_ticks=12.")
]
UrlOpt = Annotated[str | None, typer.Option(help="Another exchange's; with or without ?streams=.")]
StreamsOpt = Annotated[str | None, typer.Option(help="Of each symbol; else depth5@100ms,trade.")]
SymbolsArg = Annotated[list[str], typer.Argument(help="As in BTCUSDT ETHUSDT.")]
DataOpt = Annotated[Path, typer.Option(help="The folder of all tapes.")]
DurationOpt = Annotated[
    str | None, typer.Option(help="As in 90s, 30m, 8h, 2d; else until it is stopped.")
]
MinFreeOpt = Annotated[str, typer.Option(help="Stop in order when less of the disk is free.")]
HealthPortOpt = Annotated[
    int | None, typer.Option(help="Serve /metrics and /healthz here, on the loopback.")
]
ScreenOpt = Annotated[
    bool, typer.Option("--screen", help="A screen on this terminal instead of lines.")
]
PageOpt = Annotated[
    bool, typer.Option("--page", help="A page for browsers on this machine, at a printed address.")
]
PagePortOpt = Annotated[
    int, typer.Option(help="Where the page is served; 0 is any free port.", min=0, max=65535)
]
PAGE_PORT = 8780
LogJsonOpt = Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")]
JsonOpt = Annotated[bool, typer.Option("--json", help="Data for programs on stdout.")]


def opened(text: str, symbol: str | None, from_: str | None, to: str | None) -> Source:
    """The source a user names, of a range. Raises SourceError, TapeError."""
    from replay.source import open_source

    return open_source(text, symbol, time_ns("--from", from_), time_ns("--to", to))


def strategy_of(name: str, params: Path | None, sets: list[str] | None) -> Any:
    """(module, settings) of a strategy, a file of parameters and single ones."""
    from micropulse.params import resolve
    from micropulse.strategy import load_strategy

    module = load_strategy(name)
    return module, resolve(module.Params, params, sets)


def wants_screen(screen: bool, as_json: bool) -> None:
    """Raise a usage error when a screen is asked for where none can be."""
    if screen and as_json:
        raise typer.BadParameter("--screen is for eyes and --json for programs: leave one out.")
    if screen and not sys.stdout.isatty():
        raise typer.BadParameter(
            "--screen needs a terminal, and stdout is none: leave it out, and lines are printed."
        )


def page_socket(port: int) -> socket:
    """A socket for the page, and where it is said. Raises PageError."""
    from replay.page.server import address_of, listen

    made = listen(port)
    say(f"The page: {address_of(made)}")
    return made


def say(text: str) -> None:
    """Words for people, on stderr."""
    typer.echo(text, err=True)


def say_problems(source: Source) -> None:
    """What was odd about a source."""
    for problem in source.problems:
        say(f"note: {problem}")


def end_if_failed(*failures: str | None) -> None:
    """Say what a strategy did wrong, and end with 1; nothing where there is nothing."""
    said = [failure for failure in failures if failure]
    for failure in said:
        say(f"error: {failure}")
    if said:
        raise typer.Exit(1)


@contextmanager
def progress(name: str, as_json: bool) -> Iterator[Callable[[float], None] | None]:
    """A bar on a terminal, fed by how much of the source was read."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=1.0)
        yield lambda share: bar.update(task, completed=share)
