"""A comparison as one HTML file that needs no network: for light and dark, desk and phone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from replay.compare.charts import chart
from replay.compare.comparison import Comparison, card
from replay.compare.paired import Apart
from replay.compare.parting import Parting
from replay.compare.trades import Trade
from replay.compare.words import (
    MEASURED,
    interval,
    number,
    said_of_causes,
    said_of_intervals,
    said_of_parting,
    said_of_trades,
)

STYLE = """
:root { color-scheme: light dark; --ink: #1d2127; --dim: #626a75; --rule: #d9dde3;
  --ground: #ffffff; --card: #f5f6f8; --a: #2f81d8; --b: #e0801a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --dim: #98a1ad; --rule: #343a43;
  --ground: #14171b; --card: #1c2026; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 20px 16px 60px; background: var(--ground);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 12px; } h2 { font-size: 17px; margin: 32px 0 8px; }
h3 { font-size: 15px; margin: 20px 0 6px; } p { margin: 6px 0; } .dim { color: var(--dim); }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
.card { background: var(--card); border-radius: 8px; padding: 10px 14px; min-width: 0; }
.card.a { border-left: 4px solid var(--a); } .card.b { border-left: 4px solid var(--b); }
.card p { overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; min-width: 60%; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--rule); text-align: right;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
td.text { text-align: left; white-space: normal; } tr.near td { font-weight: 600; }
code { display: block; background: var(--card); border-radius: 8px; padding: 10px;
  overflow-wrap: anywhere; font-size: 12px; } summary { cursor: pointer; padding: 6px 0; }
#chart { height: 760px; }
.key { font-weight: 600; }
@media (max-width: 640px) { body { font-size: 14px; padding: 12px 10px 40px; }
  .sides { grid-template-columns: 1fr; } th, td { padding-right: 7px; font-size: 12px; }
  th:first-child, td:first-child { white-space: normal; } }
"""

# Last, so that the words are there before the chart is. It takes the page's colours.
SCRIPT = """
const dark = matchMedia('(prefers-color-scheme: dark)');
function paint() {
  const change = {'font.color': dark.matches ? '#c9cfd8' : '#3d444d'};
  for (const axis of ['xaxis', 'xaxis2', 'xaxis3', 'yaxis', 'yaxis2', 'yaxis3']) {
    for (const line of ['gridcolor', 'zerolinecolor']) {
      change[axis + '.' + line] = dark.matches ? '#2c323a' : '#e3e6eb';
    }
  }
  Plotly.relayout('chart', change);
}
Plotly.newPlot('chart', figure.data, figure.layout, {responsive: true, displaylogo: false});
dark.addEventListener('change', paint); paint();
"""

OPEN_MOST = 25  # trades; a longer list is folded
TRADE_COLUMNS = {
    "seq": "seq",
    "ts": "decided",
    "side": "side",
    "qty": "qty",
    "entry_px": "in at",
    "entry_reason": "why",
    "exit_px": "out at",
    "exit_reason": "why",
    "gross": "gross",
    "fees": "fees",
    "net": "net",
}


def write_page(found: Comparison, path: Path) -> None:
    """Write the page; it appears when it is complete."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(page(found), encoding="utf-8")
    part.replace(path)


def page(found: Comparison) -> str:
    """The whole page, plotly inside: 4.6 MB, nothing fetched."""
    title = f"{card(found.a)['symbol']}: A against B"
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head>",
            f"<body><h1>{escape(title)}</h1>",
            *_top(found),
            '<h2>Over time</h2><div id="chart"></div>',
            *_partings(found),
            *_trades(found),
            *(f'<p class="dim">{escape(note)}</p>' for note in found.notes),
            f"<script>{get_plotlyjs()}</script>",
            f"<script>const figure = {chart(found).to_json()};{SCRIPT}</script>",
            "</body></html>",
        )
    )


def _top(found: Comparison) -> Iterator[str]:
    """What they are, how their parameters differ, and their figures."""
    yield '<div class="sides">'
    for letter, run in (("A", found.a), ("B", found.b)):
        said = card(run)
        yield (
            f'<div class="card {letter.lower()}"><p><b>{letter}</b> {escape(said["strategy"])}</p>'
            f'<p class="dim">{escape(said["run"])}</p>'
            f'<p class="dim">{escape(said["source"])} · digest {said["digest"][:16]}…</p></div>'
        )
    yield "</div><h2>Parameters that differ</h2>"
    rows = [(change.path, str(change.a), str(change.b)) for change in found.changes]
    yield table(("parameter", "A", "B"), rows) if rows else "<p>None.</p>"
    yield "<h2>Figures</h2>"
    totals = (figure.plain() for figure in found.figures)
    yield table(
        ("", "A", "B", "B − A"),
        (
            (f"{one['name']} {one['unit']}", *(one[n] or "–" for n in ("a", "b", "difference")))
            for one in totals
        ),
    )
    yield f"<h3>B − A over {len(found.buckets)} ten-minute buckets, these days only</h3>"
    heads = ("", "B − A", "95 % paired", "95 % unpaired", "narrower")
    yield table(heads, (_interval_row(one) for one in found.apart))
    yield from (f'<p class="dim">{escape(one)}</p>' for one in said_of_intervals(found))


def _interval_row(one: Apart) -> tuple[str, ...]:
    times = "–" if one.narrower is None else f"{one.narrower:.1f} ×"
    name = MEASURED.get(one.measure, one.measure)
    return name, f"{one.paired.mid:.4f}", interval(one, True), interval(one, False), times


def _partings(found: Comparison) -> Iterator[str]:
    yield "<h2>Where they part</h2>"
    yield from (f"<p>{escape(sentence)}</p>" for sentence in said_of_parting(found))
    for parting in found.partings:
        yield from _parting(parting)


def _parting(parting: Parting) -> Iterator[str]:
    what = "decision" if parting.what == "decision" else "order"
    yield f"<h3>The first different {what}: seq {parting.seq}, {parting.ts}</h3>"
    yield '<div class="sides">'
    for letter, did in (("A", parting.a_did), ("B", parting.b_did)):
        lines = "".join(f"<p>{escape(line)}</p>" for line in did)
        yield f'<div class="card {letter.lower()}"><p class="dim">{letter}</p>{lines}</div>'
    yield "</div>"
    for sentence, is_key in said_of_causes(parting):
        style = ' class="key"' if is_key else ""
        yield f"<p{style}>{escape(sentence)}</p>"
    first = [name for name in parting.values if name in parting.near]
    if first:
        yield "<p>Between A's and B's value of a parameter:</p>"
        yield _values(parting, first)
    if parting.frame is not None:
        yield f"<p>The event's frame:</p><code>{escape(parting.frame)}</code>"
    yield "<details><summary>Everything the rules saw there</summary>"
    yield f"{_values(parting, list(parting.values))}</details>"


def _values(parting: Parting, names: list[str]) -> str:
    rows = ((name, *map(number, parting.values[name])) for name in names)
    return table(("", "A", "B"), rows)


def _trades(found: Comparison) -> Iterator[str]:
    trades = found.trades
    yield f"<h2>Trades</h2><p>{escape(said_of_trades(trades).removeprefix('Trades: '))}.</p>"
    yield _trade_list("Only in A", trades.only_a)
    yield _trade_list("Only in B", trades.only_b)
    if trades.different:
        state = " open" if len(trades.different) <= OPEN_MOST else ""
        title = f"In both, but different ({len(trades.different)})"
        yield f"<details{state}><summary>{title}</summary>"
        rows = []
        for a, b, fields in trades.different:
            mine, yours = a.plain(), b.plain()
            rows += [(str(a.seq), name, str(mine[name]), str(yours[name])) for name in fields]
        yield f"{table(('seq', 'what', 'A', 'B'), rows)}</details>"
    yield _trade_list("The same in both", trades.same)


def _trade_list(title: str, trades: list[Trade]) -> str:
    if not trades:
        return ""
    rows = (_cells(trade.plain()) for trade in trades)
    state = " open" if len(trades) <= OPEN_MOST else ""
    body = table(TRADE_COLUMNS.values(), rows)
    return f"<details{state}><summary>{title} ({len(trades)})</summary>{body}</details>"


def _cells(said: dict[str, Any]) -> Iterator[str]:
    for name in TRADE_COLUMNS:
        value = "open" if said[name] is None else str(said[name])
        yield value[11:23] if name == "ts" else value


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table that scrolls sideways where it is too wide."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
