"""`micropulse simulate`, `serve`, `demo`: markets that we make ourselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from micropulse.cli.options import (
    PAGE_PORT,
    FromOpt,
    JsonOpt,
    PageOpt,
    PagePortOpt,
    SourceArg,
    SymbolOpt,
    ToOpt,
    say,
)
from micropulse.cli.values import speed_factor, time_ns


def simulate(
    output: Annotated[Path, typer.Option("-o", "--output", help="A frames file to write.")],
    hours: Annotated[float, typer.Option(help="How long a market.", min=0.0)] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    faults: Annotated[
        str, typer.Option(help="Faults of the real world: ordinary, none, all, or as in na,drops.")
    ] = "ordinary",
    mark: Annotated[bool, typer.Option("--mark", help="A mark price once a second, too.")] = False,
    as_json: JsonOpt = False,
) -> None:
    """Write a synthetic market in the exact form of the wire."""
    from replay.simulator import faults_named, write

    try:
        frames = write(output, seed, hours, faults=faults_named(faults), marks=mark)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    figures = {"frames": frames, "output": str(output), "hours": hours, "seed": seed}
    typer.echo(
        json.dumps(figures | {"faults": faults}) if as_json else f"{frames} frames in {output}"
    )


def serve(
    source: SourceArg,
    port: Annotated[int, typer.Option(help="0 is any free one.", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    speed: Annotated[str, typer.Option(help="Times as fast as recorded, or max.")] = "1",
    faults: Annotated[Path | None, typer.Option(help="A TOML of what is to go wrong.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end.")] = False,
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Be a local Binance over a recording: its sockets and its REST on one port."""
    from replay.server import Listen, serve_until_stopped

    serve_until_stopped(
        source,
        (symbol, time_ns("--from", from_), time_ns("--to", to)),
        Listen(host, port, None if speed == "max" else speed_factor(speed), faults, loop),
        say,
        typer.echo if as_json else None,
    )


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Where its files go.")] = Path(
        "micropulse-demo"
    ),
    page: PageOpt = False,
    page_port: PagePortOpt = PAGE_PORT,
) -> None:
    """Offline: record from a simulated exchange, replay, backtest, trade live, kill, verify."""
    from replay.demo import run_demo

    if not page:
        run_demo(output, typer.echo)
        return
    from replay.page.of_run import sessions_of_run
    from replay.page.replaying import replay_on_page
    from replay.page.server import address_of, listen

    made = listen(page_port)  # first: a taken port is said before anything is done
    run = run_demo(output, typer.echo)
    typer.echo(f"\n8. Those five minutes on a page: {address_of(made)}, until Ctrl-C.")
    replay_on_page(sessions_of_run(run), made, 1.0)
