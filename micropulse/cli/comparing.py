"""`micropulse compare`: what a change of the rules changed, and where."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from micropulse.cli.options import (
    FromOpt,
    JsonOpt,
    StrategyOpt,
    SymbolOpt,
    ToOpt,
    opened,
    progress,
    say,
    say_problems,
    strategy_of,
)


def compare(
    run_a: Annotated[str, typer.Argument(help="A run folder; or a source, with --a and --b.")],
    run_b: Annotated[Path | None, typer.Argument(help="The run folder to compare it with.")] = None,
    a: Annotated[Path | None, typer.Option("--a", help="Parameters of A (TOML).")] = None,
    b: Annotated[Path | None, typer.Option("--b", help="Parameters of B (TOML).")] = None,
    set_a: Annotated[list[str] | None, typer.Option(help="One parameter of A.")] = None,
    set_b: Annotated[list[str] | None, typer.Option(help="One parameter of B.")] = None,
    strategy: StrategyOpt = "wall_break",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The page (.html); or a folder for it and the runs."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the runs' source lies now, if it was moved.")
    ] = None,
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Set two runs over the same recording side by side, and show where they part and why."""
    from rich.console import Console

    from replay.compare.comparison import compare as compare_runs
    from replay.compare.page import page as page_of
    from replay.compare.words import say_comparison
    from replay.html.frame import write

    with ExitStack() as cleared:
        is_page = output is not None and output.suffix == ".html"
        if run_b is not None:
            _refuse_rules(a, b, set_a, set_b)
            folders = Path(run_a), run_b
        else:
            home = output
            if home is None or is_page:
                home = Path(
                    cleared.enter_context(tempfile.TemporaryDirectory(prefix="micropulse-"))
                )
            folders = home / "a", home / "b"
            for run, params, sets in zip(folders, (a, b), (set_a, set_b), strict=True):
                _run(run_a, strategy, params, sets, run, (symbol, from_, to), as_json)
        found = compare_runs(*folders, data)
        page = output if output is None or is_page else output / "compare.html"
        if page is not None:
            write(page, page_of(found))
        if as_json:
            typer.echo(json.dumps(found.plain() | {"page": str(page) if page else None}))
        else:
            say_comparison(found, Console())
            if page is not None:
                say(f"page {page}")


def _refuse_rules(*given: object) -> None:
    if any(given):
        raise typer.BadParameter(
            "--a, --b, --set-a and --set-b are for a source, as in compare SOURCE --a A.toml "
            "--b B.toml; two runs have their parameters already"
        )


def _run(
    source: str,
    strategy: str,
    params: Path | None,
    sets: list[str] | None,
    folder: Path,
    part: tuple[str | None, str | None, str | None],
    as_json: bool,
) -> None:
    """Backtest one of the two rules."""
    from replay.backtest import backtest

    recording = opened(source, *part)
    module, settings = strategy_of(strategy, params, sets)
    with progress(f"{recording.name}, {folder.name}", as_json) as bar:
        backtest(recording, module, settings, folder, bar)
    say_problems(recording)
