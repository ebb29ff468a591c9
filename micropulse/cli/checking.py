"""`micropulse check`, `fixture`: what is wrong with a strategy, and a file for its tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from micropulse.cli.options import (
    FromOpt,
    JsonOpt,
    ParamsOpt,
    SetOpt,
    SourceArg,
    SymbolOpt,
    ToOpt,
    opened,
    progress,
    say,
    say_problems,
    shipped,
    strategy_of,
)
from micropulse.cli.values import time_ns

WRONG = 3


def check(
    strategy: Annotated[
        str,
        typer.Argument(help="One of ours by name, or a path to a file.", autocompletion=shipped),
    ],
    source: SourceArg,
    params: ParamsOpt = None,
    set_: SetOpt = None,
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Say what is wrong with a strategy, and where (exit 3 when something is)."""
    from rich.console import Console

    from replay.strategy_check.check import check as check_strategy
    from replay.strategy_check.words import say_checked

    recording = opened(source, symbol, from_, to)
    module, settings = strategy_of(strategy, params, set_)
    with progress(strategy, as_json) as bar:
        checked = check_strategy(module, settings, recording, bar)
    say_problems(recording)
    if as_json:
        typer.echo(json.dumps(checked.plain()))
    else:
        say_checked(checked, Console())
    if checked.wrong:
        raise typer.Exit(WRONG)


def fixture(
    source: SourceArg,
    output: Annotated[Path, typer.Option("-o", "--output", help="A suffix .gz or .zst packs it.")],
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Cut a small frames file from a recording, for tests: every frame as it came."""
    from micropulse.sinks.transactions import iso
    from replay.fixture import cut_fixture

    span = time_ns("--from", from_), time_ns("--to", to)
    made = cut_fixture(source, output, symbol.upper() if symbol else None, *span)
    for note in made.notes:
        say(f"note: {note}")
    if as_json:
        typer.echo(json.dumps(made._asdict() | {"output": str(output)}))
        return
    typer.echo(
        f"{made.frames:,} frames, {made.events:,} of them events, {iso(made.first_ns)} to "
        f"{iso(made.last_ns)}, in {output} ({made.bytes:,} bytes)"
    )
