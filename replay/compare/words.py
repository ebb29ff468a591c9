"""A comparison for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from replay.compare.comparison import Comparison, card
from replay.compare.paired import Apart
from replay.compare.parting import Parting
from replay.compare.trades import Matched, Trade
from replay.statistics.bootstrap import FEWEST

LISTED_MOST = 12  # trades of a kind; the page and --json have all
MEASURED = {"net": "net, open marked", "gross": "gross, open marked"}


def say_comparison(found: Comparison, console: Console) -> None:
    """Print all of it but for the features and the longer lists, which are on the page."""
    console.print(Group(*_parts(found)))


def _parts(found: Comparison) -> Iterator[RenderableType]:
    for letter, run in (("A", found.a), ("B", found.b)):
        said = card(run)
        yield Text(f"{letter}  {said['run']}  {said['strategy']} on {said['source']}")
    yield from _changes(found)
    yield _figures(found)
    yield _intervals(found)
    yield from (Text(sentence) for sentence in said_of_intervals(found))
    yield Text(said_of_trades(found.trades), style="bold")
    for name, trades in (("only in A", found.trades.only_a), ("only in B", found.trades.only_b)):
        if trades:
            yield _trades(name, trades)
    if found.trades.different:
        yield _different(found.trades)
    for sentence in said_of_parting(found):
        yield Text(sentence, style="bold")
    for parting in found.partings:
        yield from _parting(parting)
    yield from (Text(f"note: {note}", style="dim") for note in found.notes)


def said_of_intervals(found: Comparison) -> Iterator[str]:
    """What the intervals are, or why there are none."""
    if len(found.buckets) < FEWEST:
        yield (
            f"No intervals: they need {FEWEST} buckets of ten minutes, and the recording spans "
            f"{len(found.buckets)}."
        )
        return
    yield (
        "Paired: both saw the same market, so what it did to both cancels out. Unpaired: as if "
        "each had seen a market of its own, to show what the pairing is worth."
    )


def said_of_trades(trades: Matched) -> str:
    """How many trades are where."""
    return (
        f"Trades: {len(trades.same)} the same in both, {len(trades.different)} in both but "
        f"different, {len(trades.only_a)} only in A, {len(trades.only_b)} only in B"
    )


def said_of_parting(found: Comparison) -> Iterator[str]:
    """Where they part, and up to where they agree."""
    if found.same:
        yield "Nothing differs: the two did the same at every event."
        if found.a.said["digest"] != found.b.said["digest"]:
            yield (
                "Their digests are not the same: parameters or Memory differ, without an effect on "
                "what was done."
            )
        return
    agreed = found.agreed
    first = found.places[0][1]
    if agreed is None:
        yield f"They first part at event {first}; no checkpoint (one every 10,000 events) agrees."
    else:
        yield (
            f"They first part at event {first}. The last checkpoint with the same digest is at "
            f"event number {agreed['events']}, seq {agreed['seq']}."
        )
    if found.features_part:
        part = found.features_part
        yield (
            f"Their features differ from {part['ts']} on (seq {part['seq']}), first in "
            f"{part['feature']}."
        )


def said_of_causes(parting: Parting) -> Iterator[tuple[str, bool]]:
    """What one parameter of B alone makes A do at the event, and whether it is what B did."""
    for cause in parting.causes:
        does = {
            "b": "does what B did",
            "a": "still does what A did",
            "other": "does something else",
        }
        yield f"A with B's {cause.path} alone {does[cause.makes]}.", cause.makes == "b"
    if parting.causes and all(cause.makes != "b" for cause in parting.causes):
        yield "No parameter alone makes the difference: it takes several together.", True


def interval(one: Apart, paired: bool) -> str:
    """`-0.21 to 0.43`, or a dash."""
    bounds = one.plain()["paired" if paired else "unpaired"]
    return "-" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def number(value: Any) -> str:
    """A value of an event for people."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1e5 else str(value)


def _changes(found: Comparison) -> Iterator[RenderableType]:
    if not found.changes:
        yield Text("Their parameters are the same.")
        return
    table = _table("parameters that differ", "parameter", "A", "B")
    for change in found.changes:
        table.add_row(change.path, str(change.a), str(change.b))
    yield table


def _figures(found: Comparison) -> Table:
    table = _table("totals", "", "A", "B", "B - A")
    for figure in (figure.plain() for figure in found.figures):
        values = (
            "-" if figure[name] is None else figure[name] for name in ("a", "b", "difference")
        )
        table.add_row(f"{figure['name']} {figure['unit']}".strip(), *values)
    return table


def _intervals(found: Comparison) -> Table:
    title = f"B - A over {len(found.buckets)} ten-minute buckets, these days only"
    table = _table(title, "", "B - A", "95 % paired", "95 % unpaired", "narrower")
    for one in found.apart:
        times = "-" if one.narrower is None else f"{one.narrower:.1f} x"
        name = MEASURED.get(one.measure, one.measure)
        sides = (interval(one, True), interval(one, False))
        table.add_row(name, f"{one.paired.mid:.4f}", *sides, times)
    return table


def _trades(name: str, trades: list[Trade]) -> Table:
    table = _table(name, "seq", "entry", "side", "why", "left", "net")
    for trade in trades[:LISTED_MOST]:
        said = trade.plain()
        names = ("seq", "ts", "side", "entry_reason", "exit_reason", "net")
        table.add_row(*("open" if said[name] is None else str(said[name]) for name in names))
    return _cut(table, len(trades))


def _different(trades: Matched) -> Table:
    table = _table("in both, but different", "seq", "entry", "what", "A", "B")
    for a, b, fields in trades.different[:LISTED_MOST]:
        mine, yours = a.plain(), b.plain()
        name = fields[0]
        more = f" (+{len(fields) - 1})" if len(fields) > 1 else ""
        cells = (str(mine[name]), str(yours[name]))
        table.add_row(str(a.seq), mine["ts"], name + more, *cells)
    return _cut(table, len(trades.different))


def _parting(parting: Parting) -> Iterator[RenderableType]:
    what = "first different decision" if parting.what == "decision" else "first different order"
    table = _table(f"{what}: seq {parting.seq}, {parting.ts}", "", "A", "B")
    table.add_row("did", "\n".join(parting.a_did), "\n".join(parting.b_did))
    for name in parting.near:
        a, b = parting.values[name]
        table.add_row(f"{name} (between)", number(a), number(b))
    yield table
    yield from (Text(sentence) for sentence, _ in said_of_causes(parting))
    if parting.frame is not None:
        yield Text(f"frame {parting.frame}", style="dim")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", show_edge=False)
    for k, column in enumerate(columns):
        table.add_column(column, overflow="fold", justify="left" if k == 0 else "right")
    return table


def _cut(table: Table, there: int) -> Table:
    if there > LISTED_MOST:
        table.caption = f"and {there - LISTED_MOST} more: --json and the page have all"
    return table
