"""`micropulse verify`: is a run what its recording says it must be?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micropulse.cli.options import JsonOpt, say

if TYPE_CHECKING:
    from replay.verify import Verdict

DIFFERENT = 4


def verify(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    run_b: Annotated[
        Path | None, typer.Argument(help="Another one: compare the two, rebuild nothing.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the run's source lies now, if it was moved.")
    ] = None,
    as_json: JsonOpt = False,
) -> None:
    """Rebuild a run from its own recording: identical, or the first divergence (exit 4)."""
    from replay.verify import compare_runs
    from replay.verify import verify as rebuild

    verdict = rebuild(run, data) if run_b is None else compare_runs(run, run_b)
    for note in verdict.notes:
        say(f"note: {note}")
    typer.echo(json.dumps(_plain(verdict)) if as_json else _words(verdict))
    if not verdict.same:
        raise typer.Exit(DIFFERENT)


def _plain(verdict: Verdict) -> dict[str, object]:
    found = verdict.divergence
    return verdict._asdict() | {"divergence": found._asdict() if found else None}


def _words(verdict: Verdict) -> str:
    """The verdict for people."""
    counts = ", ".join(f"{n} {name}" for name, n in verdict.counts.items())
    found = verdict.divergence
    if found is None:
        return f"identical, digest {verdict.digest}\n{counts}"
    lines = [
        f"DIFFERENT, first in {found.table}, row {found.row}, field {found.field}:",
        f"  the run says     {found.one}",
        f"  the recording    {found.other}",
    ]
    if found.seq is not None:
        lines.append(f"  at seq {found.seq}, {found.ts}")
    if found.frame is not None:
        lines.append(f"  frame {found.frame}")
    agreed = found.agreed
    if agreed is None:
        lines.append("  they agree in no checkpoint")
    else:
        lines.append(f"  they agree up to event {agreed['events']}, seq {agreed['seq']}")
    return "\n".join(lines)
