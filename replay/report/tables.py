"""The figures as HTML tables. Every text that comes from a run is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any

from replay.html.frame import table
from replay.report.trades import Trade
from replay.report.words import COLUMNS, HEADLINE, THESE_DAYS, bounds, duration, plain, shown

MOST_TRADES = 10_000  # rows of the list; a longer one is in transaction.csv


def cards(figures: dict[str, Any]) -> str:
    """The headline as tiles: the figure, its interval, what it means."""
    tiles = []
    for key, (name, unit, meaning) in HEADLINE.items():
        figure = figures["headline"][key]
        if figure is None:
            continue
        tone = _tone(figure["value"]) if key in ("net", "gross", "expectancy") else ""
        covers = f"<br>{THESE_DAYS}" if figure["value"] is not None else ""
        tiles.append(
            f'<div class="tile" title="{escape(meaning)}"><h3>{escape(name)}</h3>'
            f'<p class="figure {tone}">{escape(shown(figure["value"], unit))}</p>'
            f'<p class="range">{escape(bounds(figure, unit))}{covers}</p></div>'
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def run_card(figures: dict[str, Any]) -> str:
    """What was run on what."""
    rows = [(escape(name), _long(text)) for name, text in plain(figures["card"])]
    lines = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows)
    return f'<dl class="card">{lines}</dl>'


def parameters(figures: dict[str, Any]) -> str:
    """All parameters, a section a column."""
    rows: list[list[str]] = []
    for section, values in figures["card"]["params"].items():
        rows += [[escape(f"{section}.{path}"), escape(value)] for path, value in _flat(values)]
    return table(("parameter", "value"), rows, words=1)


def outcome_table(heads: Sequence[str], keys: Sequence[str], rows: list[dict[str, Any]]) -> str:
    """Groups of trades and what came of them."""
    cells = []
    for row in rows:
        names = [escape(shown(row[key], "")) for key in keys]
        cells.append(names + [_cell(row[name], unit, name == "net") for name, unit in _OUTCOME])
    return table((*heads, *(COLUMNS[name] for name, _ in _OUTCOME)), cells, words=len(keys))


_OUTCOME = (("trades", ""), ("hit_rate", "%"), ("net", "money"), ("ticks_per_trade", "ticks"),
            ("median_hold_s", "s"))  # fmt: skip


def let_be_table(figures: dict[str, Any]) -> str:
    """What did not become a trade."""
    rows = [
        [escape(row["by"]), escape(row["what"]), escape(row["why"]), f"{row['n']:,}"]
        for row in figures["let_be"]
    ]
    return table(("stopped by", "what", "why", "how often"), rows, words=3)


def spread_table(rows: dict[str, tuple[dict[str, Any], str]]) -> str:
    """Medians and ends of several lists: name -> (figures, unit)."""
    ends = ("p10", "median", "p90", "max")
    cells = [
        [escape(name), f"{one['n']:,}", *(escape(shown(one[end], unit)) for end in ends)]
        for name, (one, unit) in rows.items()
    ]
    return table(("", "n", "10 %", "median", "90 %", "largest"), cells)


def markout_table(figures: dict[str, Any]) -> str:
    """Mean markouts in bps with their intervals: a row a kind of signal."""
    made = figures["markouts"]
    heads = ("signal", "n", *(f"{s:g} s" for s in made["horizons_s"]))
    rows = []
    for row in made["rows"]:
        name = row["kind"] if row["reason"] is None else f"{row['kind']}: {row['reason']}"
        cells = [_markout(one) for one in row["at"]]
        rows.append([escape(name), f"{row['n']:,}", *cells])
    return table(heads, rows)


def cost_table(figures: dict[str, Any]) -> str:
    """Net at other slippage and latency."""
    costs = figures["costs"]
    rows = [
        [f"slippage × {one['times']}", _cell(one["net"], "money", True), "—"]
        for one in costs["slippage"]
    ]
    as_run = costs["as_run"]
    rows.append(["latency as it was", _cell(as_run["net"], "money", True), str(as_run["trades"])])
    for k, added_ms in enumerate(costs["latency_added_ms"]):
        one = costs["latency"][k] if costs["latency"] else None
        net = _cell(one["net"], "money", True) if one else "unknown"
        rows.append([f"latency + {added_ms} ms", net, str(one["trades"]) if one else "unknown"])
    return table(("if", "net", "round trips"), rows)


def trade_list(trades: Sequence[Trade], symbol: str) -> str:
    """Every round trip; the row of trade 7 has the id `trade-7`."""
    heads = ("#", "side", "decided (UTC)", "held s", "qty", "entry", "exit", "gross", "fees",
             "net", "ticks", "MAE", "MFE", "entry reason", "exit reason")  # fmt: skip
    if not trades:
        return '<p class="none">No round trip was completed.</p>'
    head = "".join(f'<th scope="col"><button>{escape(name)}</button></th>' for name in heads)
    body = "\n".join(_trade_row(trade) for trade in trades[:MOST_TRADES])
    more = len(trades) - MOST_TRADES
    note = f"<p>{more:,} more are in transaction.csv.</p>" if more > 0 else ""
    return (
        f'<div class="scroll"><table id="trade-list"><caption>{escape(symbol)}, {len(trades):,} '
        f"round trips</caption><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
        f"{note}"
    )


def _trade_row(trade: Trade) -> str:
    side = "long" if trade.side > 0 else "short"
    cells = (
        f'<a href="#trade-{trade.id}">{trade.id}</a>',
        f'<span class="{side}">{side}</span>',
        clock(trade.asked_ts),
        f"{trade.hold_s:.3f}",
        f"{trade.qty:f}",
        f"{trade.entry_px:f}".removesuffix("00"),  # an average has two digits more than prices
        f"{trade.exit_px:f}".removesuffix("00"),
        _cell(f"{trade.gross:f}", "money", True),
        shown(f"{trade.fees:f}", "money"),
        _cell(f"{trade.net:f}", "money", True),
        f"{trade.ticks:.1f}",
        f"{trade.mae_ticks:.1f}",
        f"{trade.mfe_ticks:.1f}",
        escape(trade.entry_reason),
        escape(trade.exit_reason) + (" (after a gap)" if trade.after_gap else ""),
    )
    return f'<tr id="trade-{trade.id}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def clock(ts: int) -> str:
    """ns as 2026-11-22 18:43:42.123."""
    moment = datetime.fromtimestamp(ts // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{moment}.{ts % 10**9 // 10**6:03d}"


def gap_list(figures: dict[str, Any]) -> str:
    """The stretches without a fresh book."""
    gaps = figures["card"]["gaps"]
    rows = [
        [clock(gap["from_ts"]), duration(gap["to_ts"] - gap["from_ts"]), escape(gap["what"])]
        for gap in gaps
    ]
    return table(("from (UTC)", "for", "what"), rows, words=3) if gaps else ""


def _cell(value: Any, unit: str, toned: bool = False) -> str:
    text = escape(shown(value, unit))
    tone = _tone(value) if toned else ""
    return f'<span class="{tone}">{text}</span>' if tone else text


def _tone(value: Any) -> str:
    if value is None:
        return ""
    amount = Decimal(str(value))
    return "gain" if amount > 0 else "loss" if amount < 0 else ""


def _markout(one: dict[str, Any]) -> str:
    if one["mean"] is None:
        return "—"
    text = f"{one['mean']:+.2f}"
    if one["low"] is None:
        return f'<span title="n = {one["n"]}: too few for an interval">{text}</span>'
    sure = "sure" if one["low"] > 0 or one["high"] < 0 else ""
    span = f"{one['low']:+.2f} … {one['high']:+.2f}"
    return f'<span class="{sure}" title="n = {one["n"]:,}">{text}</span><small>{span}</small>'


def _long(text: str) -> str:
    """Hashes and paths may break anywhere."""
    return f'<span class="hash">{escape(text)}</span>'


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested parameters as (path, value), as TOML writes them."""
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found.append((f"{prefix}{name}", text))
    return found
