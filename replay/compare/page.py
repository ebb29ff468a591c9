"""A comparison as one HTML file that needs no network: for light and dark, desk and phone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

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
from replay.html import frame

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


def page(found: Comparison) -> str:
    """The whole page."""
    symbol = card(found.a)["symbol"]
    parts = {
        "top": "\n".join(_top(found)),
        "partings": "\n".join(_partings(found)),
        "trades": "\n".join(_trades(found)),
        "notes": "\n".join(f'<p class="note">{escape(note)}</p>' for note in found.notes),
    }
    title = f"{symbol}: A against B"
    lead = said_of_trades(found.trades).removeprefix("Trades: ") + "."
    return frame.page("replay.compare", title, lead, parts, {"chart": chart(found)})


def _top(found: Comparison) -> Iterator[str]:
    """What they are, how their parameters differ, and their figures."""
    yield '<div class="sides">'
    for letter, run in (("A", found.a), ("B", found.b)):
        said = card(run)
        yield (
            f'<div class="side {letter.lower()}"><p><b>{letter}</b> {escape(said["strategy"])}</p>'
            f'<p class="note">{escape(said["run"])}</p>'
            f'<p class="note">{escape(said["source"])} · digest {said["digest"][:16]}…</p></div>'
        )
    yield "</div><h2>Parameters that differ</h2>"
    rows = [(change.path, str(change.a), str(change.b)) for change in found.changes]
    yield _table(("parameter", "A", "B"), rows) if rows else "<p>None.</p>"
    yield "<h2>Figures</h2>"
    totals = (figure.plain() for figure in found.figures)
    yield _table(
        ("", "A", "B", "B − A"),
        (
            (f"{one['name']} {one['unit']}", *(one[n] or "–" for n in ("a", "b", "difference")))
            for one in totals
        ),
    )
    yield f"<h3>B − A over {len(found.buckets)} ten-minute buckets, these days only</h3>"
    heads = ("", "B − A", "95 % paired", "95 % unpaired", "narrower")
    yield _table(heads, (_interval_row(one) for one in found.apart))
    yield from (f'<p class="note">{escape(one)}</p>' for one in said_of_intervals(found))


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
        yield f'<div class="side {letter.lower()}"><p class="note">{letter}</p>{lines}</div>'
    yield "</div>"
    for sentence, is_key in said_of_causes(parting):
        style = ' class="key"' if is_key else ""
        yield f"<p{style}>{escape(sentence)}</p>"
    first = [name for name in parting.values if name in parting.near]
    if first:
        yield "<p>What lies between A's and B's value of a parameter, by chance or not:</p>"
        yield _values(parting, first)
    if parting.frame is not None:
        yield f"<p>The event's frame:</p><code>{escape(parting.frame)}</code>"
    yield "<details><summary>Everything the rules saw there</summary>"
    yield f"{_values(parting, list(parting.values))}</details>"


def _values(parting: Parting, names: list[str]) -> str:
    rows = ((name, *map(number, parting.values[name])) for name in names)
    return _table(("", "A", "B"), rows)


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
        yield f"{_table(('seq', 'what', 'A', 'B'), rows)}</details>"
    yield _trade_list("The same in both", trades.same)


def _trade_list(title: str, trades: list[Trade]) -> str:
    if not trades:
        return ""
    rows = (_cells(trade.plain()) for trade in trades)
    state = " open" if len(trades) <= OPEN_MOST else ""
    body = _table(TRADE_COLUMNS.values(), rows)
    return f"<details{state}><summary>{title} ({len(trades)})</summary>{body}</details>"


def _cells(said: dict[str, Any]) -> Iterator[str]:
    for name in TRADE_COLUMNS:
        value = "open" if said[name] is None else str(said[name])
        yield value[11:23] if name == "ts" else value


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Everything in it is text."""
    cells = [[escape(str(cell)) for cell in row] for row in rows]
    return frame.table(tuple(heads), cells)
