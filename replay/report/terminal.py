"""The same figures on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from replay.report.words import COLUMNS, HEADLINE, THESE_DAYS, bounds, money, shown


def show(figures: dict[str, Any], console: Console) -> None:
    """Print the headline, the reasons, what was let be and the costs."""
    console.print(_headline(figures))
    if figures["reasons"]:
        console.print(_reasons(figures))
    if figures["let_be"]:
        console.print(_let_be(figures))
    console.print(_costs(figures))


def _headline(figures: dict[str, Any]) -> Table:
    card, days = figures["card"], figures["days"]
    table = Table(title=_title(f"{card['strategy']['name']} on {card['symbol']}"))
    table.add_column("")
    table.add_column("figure", justify="right")
    table.add_column(f"{figures['intervals']['level']:.0%}, {THESE_DAYS}", justify="right")
    for key, (name, unit, _) in HEADLINE.items():
        figure = figures["headline"][key]
        if figure is not None:
            table.add_row(name, shown(figure["value"], unit), bounds(figure, unit))
    if days < figures["fewest_days"]:
        table.caption = f"{days} date{'s' if days != 1 else ''}: too few for a Sharpe ratio"
    return table


def _reasons(figures: dict[str, Any]) -> Table:
    table = Table(title=_title("why it came and went"))
    for name in ("entry", "exit"):
        table.add_column(name)
    for name in COLUMNS.values():
        table.add_column(name, justify="right")
    units = {"hit_rate": "%", "net": "money", "ticks_per_trade": "ticks", "median_hold_s": "s"}
    for row in figures["reasons"]:
        cells = (shown(row[name], units.get(name, "")) for name in COLUMNS)
        table.add_row(Text(row["entry"]), Text(row["exit"]), *cells)
    return table


def _let_be(figures: dict[str, Any]) -> Table:
    table = Table(title=_title("what did not become a trade"))
    for name in ("stopped by", "what", "why"):
        table.add_column(name)
    table.add_column("how often", justify="right")
    for row in figures["let_be"]:
        table.add_row(row["by"], row["what"], Text(row["why"]), f"{row['n']:,}")
    return table


def _costs(figures: dict[str, Any]) -> Table:
    costs = figures["costs"]
    table = Table(title=_title("what costs do to it"))
    table.add_column("if")
    table.add_column("net", justify="right")
    for one in costs["slippage"]:
        table.add_row(f"slippage × {one['times']}", money(one["net"]))
    for k, added_ms in enumerate(costs["latency_added_ms"]):
        net = money(costs["latency"][k]["net"]) if costs["latency"] else "unknown"
        table.add_row(f"latency + {added_ms} ms", net)
    fee = costs["break_even_fee"]
    table.caption = f"break-even fee {'none' if fee is None else f'{float(fee):.4%} a side'}"
    return table


def _title(text: str) -> Text:
    """Names of a user's are no markup."""
    return Text(text, style="bold")
