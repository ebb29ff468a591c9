"""`micropulse report`: a run folder in, one HTML and the same figures out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from replay.html.frame import write
from replay.report.drill_down import drill_down
from replay.report.evidence import NoSourceError, gather
from replay.report.figures import figures
from replay.report.page import page
from replay.report.trades import Book
from replay.runs import Run, RunError


class Made(NamedTuple):
    """Where the page is, and what is in it."""

    path: Path
    figures: dict[str, Any]


def report(folder: Path, output: Path | None = None, data: str | None = None) -> Made:
    """Make the report of the run in `folder`: `output` or `report.html` there, and the figures as
    `report` in the run's summary.json. `data` is where the source of the run lies now.

    Raises RunError for what is no complete run, NoSourceError when `data` is not the run's source.
    A source that is not where the run has it is no error: the report does without, and says so.
    """
    run = Run(folder)
    book = Book(run)
    evidence, missing = None, None
    try:
        evidence = gather(run, book.trades, data)
    except NoSourceError as error:
        if data is not None:
            raise
        missing = str(error)
    made = figures(run, book, evidence, missing)
    path = output if output is not None else folder / "report.html"
    if path.is_dir():
        raise RunError(f"{path} is a folder. Give -o the name of a file, as in -o report.html.")
    write(path, page(run, book, made, drill_down(run, book, evidence)))
    write(folder / "summary.json", json.dumps(run.summary | {"report": made}, indent=2) + "\n")
    return Made(path, made)
