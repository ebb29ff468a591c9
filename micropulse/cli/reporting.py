"""`micropulse report`: one page that says what a run did, and how far to believe it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from micropulse.cli.options import JsonOpt, say


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The HTML file; else report.html in RUN.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the run's source lies now, if it was moved.")
    ] = None,
    as_json: JsonOpt = False,
) -> None:
    """One HTML with everything about a run, and the same figures here."""
    from replay.report.report import report as make

    made = make(run, output, data)
    source = made.figures["source"]
    if source["missing"]:
        say(f"note: the report is without drill-downs. {source['missing']}")
    elif source["slower_missing"]:
        say(f"note: other latencies are unknown. {source['slower_missing']}")
    for note in source["notes"]:
        say(f"note: {note}")
    if as_json:
        typer.echo(json.dumps({"page": str(made.path)} | made.figures))
        return
    from rich.console import Console

    from replay.report.terminal import show

    show(made.figures, Console())
    typer.echo(f"report {made.path}")
