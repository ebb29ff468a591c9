"""What `micropulse check` found, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from replay.strategy_check.check import Checked


def say_checked(checked: Checked, console: Console) -> None:
    """Findings first, wrong ones before notes; then the figures."""
    for line in _lines(checked):
        console.print(line)


def _lines(checked: Checked) -> Iterator[Text]:
    stretch = checked.stretch
    part = "all" if stretch["is_all"] else "the first"
    yield Text(
        f"{checked.strategy} on {part} {stretch['events']} events of {checked.source}, "
        f"{stretch['from']} to {stretch['to']}"
    )
    for finding in sorted(checked.findings, key=lambda finding: not finding.wrong):
        word, style = ("WRONG", "bold red") if finding.wrong else ("note", "bold yellow")
        yield Text.assemble((f"{word}: {finding.what}", style))
        yield Text(f"  where    {finding.where}")
        yield Text(f"  means    {finding.means}")
        yield Text(f"  to do    {finding.to_do}")
    yield from _figures(checked)
    notes = len(checked.findings) - checked.wrong
    yield Text(
        f"{checked.wrong} wrong, {notes} notes"
        if checked.wrong
        else f"nothing wrong, {notes} notes",
        style="bold",
    )


def _figures(checked: Checked) -> Iterator[Text]:
    figures = checked.figures
    if not figures:
        return
    fills, costs, acts = figures["fills"], figures["costs"], figures["activity"]
    yield Text(
        f"audited   {fills['fills']} fills of {fills['orders']} orders in the first "
        f"{fills['events']} events ({fills['of_orders']} orders in all): {fills['wrong']} wrong"
    )
    yield Text(
        f"activity  {acts['entries']} entries asked for, {acts['round_trips']} round trips, in a "
        f"position {100 * acts['held_share']:.0f} % of the time"
    )
    for name, key in (("fees", "net_by_fees"), ("latency", "net_by_latency")):
        cells = ", ".join(f"{case}: {net}" for case, net in costs[key].items())
        yield Text(f"net by {name:<8} {cells}")
