"""`micropulse sweep`: many variants of a strategy over many days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from micropulse.cli.options import JsonOpt, SymbolOpt, progress, say


def sweep(
    sources: Annotated[
        list[str],
        typer.Argument(help="Days: dates of tapes or whole tapes, frames files, sim:SEED."),
    ],
    grid: Annotated[Path, typer.Option(help="A TOML of what is to vary.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The sweep's folder; goes on with it.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; else one a core.", min=1, max=1024)
    ] = None,
    dask: Annotated[
        str | None, typer.Option(help="A Dask scheduler to use instead, as in tcp://10.0.0.1:8786.")
    ] = None,
    symbol: SymbolOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Backtest many variants on many days, each day read once, and say what the best is worth."""
    if dask is not None and workers is not None:
        raise typer.BadParameter("--dask has workers of its own: leave --workers out.")
    from micropulse.strategy import strategy_name
    from replay.sweep.days import days_of
    from replay.sweep.grid import read_grid
    from replay.sweep.sweep import sweep as run_sweep
    from replay.sweep.workers import cluster, cores, processes

    variants = read_grid(grid)
    days, notes = days_of(sources, symbol)
    for note in notes:
        say(f"note: {note}")
    name = f"sweep-{days[0].symbol}-{strategy_name(variants.strategy)}"
    folder = output if output is not None else Path("runs") / name
    crew = cluster(dask) if dask is not None else processes(workers or cores())
    told = (lambda text: None) if as_json else say
    n = len(variants.variants)
    told(f"{n:,} variants × {len(days):,} days: {n * len(days):,} backtests")
    with progress("sweep", as_json) as bar:
        said = run_sweep(days, variants, folder, crew, on_progress=bar, say=told)
    figures = said | {"sweep": str(folder)}
    typer.echo(json.dumps(figures) if as_json else _words(figures))


def _words(said: dict[str, Any]) -> str:
    """The outcome for people."""
    lines = [
        f"{said['symbol']} {said['strategy']}: {said['variants']:,} variants, "
        f"{len(said['days']):,} days; {said['verdict']['variants_tried']:,} variants were ever "
        "tried on them"
    ]
    if said["never_traded"]:
        lines.append(f"{said['never_traded']:,} variants never traded, and are not ranked")
    empty = [day["name"] for day in said["days"] if not day["counted"]]
    if empty:
        lines.append(f"without a book or a trade, and not counted as days: {', '.join(empty)}")
    if said["failures"]:
        one = said["failures"][0]
        lines.append(
            f"the strategy failed in {len(said['failures']):,} backtests, whose variants are not "
            f"ranked; the first: variant {one['variant']} on {one['day']}: {one['failed']}"
        )
    best = said["best"]
    if best is not None:
        params = ", ".join(f"{name}={value}" for name, value in best["params"].items())
        lines.append(
            f"best {best['variant']} ({params}): {best['round_trips']} round trips, gross "
            f"{best['gross']}, fees {best['fees']}, funding {best['funding']}, net {best['net']}"
        )
    lines += said["words"]
    lines += [f"digest {said['digest']}", f"{said['sweep']}/sweep.html"]
    return "\n".join(lines)
