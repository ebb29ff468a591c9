"""`micropulse tape …`: look after recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from micropulse.cli.options import FromOpt, JsonOpt, SymbolOpt, ToOpt, say
from micropulse.cli.values import time_ns

if TYPE_CHECKING:
    from recorder.check import Coverage

app = typer.Typer(name="tape", help="Look after recordings.", no_args_is_help=True)

FolderArg = Annotated[Path, typer.Argument(help="A tape, or a folder above tapes.")]
BLOCKS = " ▁▂▃▄▅▆▇█"
HOURS = "00h   06h   12h   18h"
HEAD = f"  date        {HOURS:<24} {'books':>10} {'trades':>10} {'text':>10}  bytes"


@app.command()
def ls(folder: FolderArg, as_json: JsonOpt = False) -> None:
    """Show what was recorded: every tape, every day, every hour."""
    from recorder.check import coverage
    from recorder.tape import find_tapes

    for tape in _tapes(folder, find_tapes):
        days = coverage(tape)
        if as_json:
            rows = [day._asdict() for day in days]
            unsealed = [path.name for _, path in tape.journals()]
            typer.echo(json.dumps({"symbol": tape.symbol, "days": rows, "unsealed": unsealed}))
            continue
        typer.echo(f"{tape.symbol}  {tape.folder}")
        if days:
            typer.echo(
                "  date        00h   06h   12h   18h      books     trades     marks       text"
                "  bytes"
            )
        for day in days:
            typer.echo("  " + _line(day))
        for _, path in tape.journals():
            typer.echo(f"  not sealed: {path.name}, {path.stat().st_size:,} bytes")


@app.command()
def check(folder: FolderArg, symbol: SymbolOpt = None, as_json: JsonOpt = False) -> None:
    """Say what is missing, harmed, late or odd. Exit code 3 when something is wrong."""
    from recorder.check import check as findings_of
    from recorder.tape import find_tape, find_tapes

    one = folder.name.startswith("date=") or symbol is not None
    tapes = [find_tape(folder, symbol)] if one else _tapes(folder, find_tapes)
    wrong = 0
    for tape in tapes:
        found = findings_of(tape)
        bad = sum(finding.wrong for finding in found)
        wrong += bad
        if as_json:
            rows = [finding._asdict() for finding in found]
            typer.echo(json.dumps({"symbol": tape.symbol, "wrong": bad, "findings": rows}))
            continue
        notes = len(found) - bad
        things = "1 thing is" if bad == 1 else f"{bad} things are"
        verdict = f"{things} wrong" if bad else "nothing is wrong"
        typer.echo(f"{tape.symbol}: {verdict}, {notes} note{'s' * (notes != 1)}")
        for finding in found:
            mark = "WRONG" if finding.wrong else "note "
            typer.echo(f"  {mark} {finding.what:<15} seq {finding.seq:<9} {finding.text}")
    if wrong:
        raise typer.Exit(3)


@app.command()
def recover(folder: FolderArg, as_json: JsonOpt = False) -> None:
    """Seal what a killed recorder left behind; what is being recorded is left alone."""
    from recorder.folder import TapeError
    from recorder.seal import seal_closed
    from recorder.tape import find_tapes

    failed = []
    for tape in _tapes(folder, find_tapes):
        try:
            sealed = seal_closed(tape.folder)
        except (TapeError, OSError) as error:  # of one tape; the others are recovered
            failed.append(f"{tape.symbol}: {error}")
            continue
        left = [path.name for _, path in tape.journals()]
        if as_json:
            row = {"symbol": tape.symbol, "sealed": sealed, "in_use": left}
            typer.echo(json.dumps(row))
        else:
            now = f", {', '.join(left)} is being written" if left else ""
            typer.echo(f"{tape.symbol}: {len(sealed)} segments sealed{now}")
    if failed:
        raise TapeError("\n".join(failed))


@app.command(name="import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Frames files, oldest first.")],
    data: Annotated[Path, typer.Option(help="The folder of all tapes.")] = Path("data"),
    symbol: SymbolOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Make tapes of frames files; every frame and every receive time is kept."""
    from replay.tape_files import import_frames

    for path in files:
        made = import_frames(path, data, symbol)
        for problem in [*made.problems, *made.file.problems]:
            say(f"note: {problem}")
        if made.left_out:
            say(f"note: {made.left_out} frames of other symbols were left out, as --symbol says.")
        if as_json:
            row = {"file": str(path), "frames": made.frames, "counts": made.file.counts}
            typer.echo(json.dumps(row))
        else:
            parts = ", ".join(f"{n} of {name}" for name, n in made.frames.items())
            typer.echo(f"{path.name}: {parts or 'no frames'} in {data}")


@app.command()
def export(
    source: Annotated[str, typer.Argument(help="A tape, or a folder above exactly one.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A suffix .gz or .zst packs it.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="frames (byte-exact), csv (books and trades) or npz (hftbacktest's events).",
            autocompletion=lambda: ["frames", "csv", "npz"],
        ),
    ] = "frames",
    symbol: SymbolOpt = None,
    from_: FromOpt = None,
    to: ToOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Give a tape to other tools: frames as they came, a CSV, or hftbacktest's events."""
    from recorder.tape import TapeSource, find_tape
    from replay.frames import write_frames
    from replay.hftbacktest_events import write_npz
    from replay.tape_files import write_csv

    start, stop = time_ns("--from", from_), time_ns("--to", to)
    if format_ == "frames":
        rows = write_frames(output, find_tape(Path(source), symbol).frames(start, stop))
    elif format_ == "csv":
        rows = write_csv(TapeSource(source, symbol, start, stop), output)
    elif format_ == "npz":
        rows, shift_ns = write_npz(TapeSource(source, symbol, start, stop), output)
        if shift_ns:
            say(
                f"note: {shift_ns} ns were added to every local_ts: the recorder's clock ran "
                "behind the exchange's, and hftbacktest takes no negative latency."
            )
    else:
        raise typer.BadParameter(f"--format is frames, csv or npz, not {format_!r}.")
    figures = {"rows": rows, "output": str(output), "format": format_}
    typer.echo(json.dumps(figures) if as_json else f"{rows} {format_} rows in {output}")


def _tapes(folder: Path, find: Any) -> Any:
    """All tapes at or below a folder; an error when there is none."""
    from recorder.folder import TapeError

    found = find(folder)
    if not found:
        raise TapeError(
            f"There is no tape in {folder}. A tape is made by `micropulse record` or `micropulse "
            "tape import`, in …/venue=binance-usdm/symbol=BTCUSDT."
        )
    return found


def _line(day: Coverage) -> str:
    """One day as a line: a block an hour, as high as its share of the busiest hour."""
    most = max(day.hours) or 1
    bar = "".join(BLOCKS[-(-8 * n // most)] for n in day.hours)
    rows = day.rows
    figures = f"{rows['depth']:>10,} {rows['trades']:>10,} {rows['marks']:>9,}"
    figures += f" {rows['verbatim']:>10,}"
    return f"{day.date}  {bar} {figures}  {day.bytes:,}"
