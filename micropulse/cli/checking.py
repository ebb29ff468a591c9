"""`micropulse check`: what is wrong with a strategy, and where."""

from __future__ import annotations

import json
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
    say_problems,
    strategy_of,
)

WRONG = 3


def check(
    strategy: Annotated[str, typer.Argument(help="One of ours by name, or a path to a file.")],
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
