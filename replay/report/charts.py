"""plotly's data and layouts as plain dicts. Colours are names the page has in light and in dark:
`"$bid"` becomes what `--bid` is in page.css."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from micropulse.events import Int64s
from replay.report.trades import Book, Trade
from replay.runs import Run

MOST_POINTS = 2_500  # of a line; more than a wide screen has columns
HOLD_BINS = 30
CROWD = 150  # so many marks on one line are drawn smaller
NAMES = {1: "long", -1: "short"}


def charts(run: Run, book: Book, figures: dict[str, Any]) -> list[dict[str, Any]]:
    """All charts: {id, data, layout}. One without data is left out."""
    made = [
        equity(run, book, figures["card"]["gaps"]),
        excursion_scatter(book.trades),
        hold_times(book.trades),
        delay_histogram(book),
        markout_lines(figures["markouts"]),
    ]
    return [chart for chart in made if chart["data"]]


def equity(run: Run, book: Book, gaps: list[dict[str, Any]]) -> dict[str, Any]:
    """Equity gross and net, drawdown, and the price with entries and exits: one time axis."""
    samples = run.samples.select(pl.col("ts_recv").cast(pl.Int64), "mid", "equity")
    if not len(samples):
        return {"id": "chart-equity", "data": [], "layout": {}}
    ts = samples["ts_recv"].to_numpy()
    net = samples["equity"].cast(pl.Float64).to_numpy()
    gross = net + _fees_until(run, ts)
    fall = np.minimum(net - np.maximum.accumulate(np.maximum(net, 0.0)), 0.0)
    mid = samples["mid"].to_numpy().astype(np.float64)
    digits = min(run.px_decimals + run.qty_decimals + 1, 8)
    data = [
        _line("gross", ts, gross, digits, "$gross", "y"),
        _line("net", ts, net, digits, "$net", "y"),
        _line("drawdown", ts, fall, digits, "$loss", "y2", fill="tozeroy"),
        _line("mid", ts, mid, run.px_decimals + 1, "$price", "y3"),
        *_marks(book),
    ]
    layout: dict[str, Any] = {
        "height": 640,
        "grid": {"rows": 3, "columns": 1},
        "hovermode": "closest",
        "xaxis": {"type": "date", "anchor": "y3", "title": {"text": "UTC"}},
        "yaxis": {"domain": [0.64, 1], "title": {"text": "equity"}},
        "yaxis2": {"domain": [0.44, 0.6], "title": {"text": "drawdown"}},
        "yaxis3": {
            "domain": [0, 0.4],
            "title": {"text": "price"},
            "tickformat": f",.{run.px_decimals}~f",
        },
        "shapes": [_band(gap) for gap in gaps[:200]],
    }
    return {"id": "chart-equity", "data": data, "layout": layout}


def excursion_scatter(trades: list[Trade]) -> dict[str, Any]:
    """How far each trade went against us, and for us."""
    data = []
    for name, colour, part in (
        ("made money", "$gain", [one for one in trades if one.net > 0]),
        ("lost money", "$loss", [one for one in trades if one.net <= 0]),
    ):
        if part:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name,
                    "x": [one.mae_ticks for one in part],
                    "y": [one.mfe_ticks for one in part],
                    "text": [_said(one) for one in part],
                    "customdata": [one.id for one in part],
                    "hovertemplate": "%{text}<br>worst %{x} ticks, best %{y}<extra></extra>",
                    "marker": {"color": colour, "size": 7, "opacity": 0.7},
                }
            )
    layout = {
        "height": 380,
        "xaxis": {"title": {"text": "worst, ticks (MAE)"}},
        "yaxis": {"title": {"text": "best, ticks (MFE)"}},
    }
    return {"id": "chart-excursions", "data": data, "layout": layout}


def hold_times(trades: list[Trade]) -> dict[str, Any]:
    """How long positions were held, by the reason they were left for."""
    parts: dict[str, list[float]] = {}
    for trade in trades:
        parts.setdefault(trade.exit_reason or "—", []).append(trade.hold_s)
    data = _bars({name: parts[name] for name in sorted(parts)})
    layout = {
        "height": 380,
        "barmode": "stack",
        "xaxis": {"title": {"text": "held, s"}},
        "yaxis": {"title": {"text": "trades"}},
    }
    return {"id": "chart-holds", "data": data, "layout": layout}


def delay_histogram(book: Book) -> dict[str, Any]:
    """From the decision to the last fill."""
    parts: dict[str, list[float]] = {}
    for order in book.orders.values():
        if order.filled > 0:
            name = "exits" if order.closes else "entries"
            parts.setdefault(name, []).append((order.status_ts - order.ts) / 1e6)
    layout = {
        "height": 280,
        "barmode": "stack",
        "xaxis": {"title": {"text": "signal to fill, ms"}},
        "yaxis": {"title": {"text": "orders"}},
    }
    return {"id": "chart-delays", "data": _bars(dict(sorted(parts.items()))), "layout": layout}


def markout_lines(figures: dict[str, Any]) -> dict[str, Any]:
    """Mean markout and interval by the time behind a signal; the entries in sight at first."""
    data = []
    has_entries = any(row["kind"].startswith("entry") for row in figures["rows"])
    for row in figures["rows"]:
        at = [one for one in row["at"] if one["mean"] is not None]
        if not at:
            continue
        sure = [one for one in at if one["low"] is not None]
        name = row["kind"] if row["reason"] is None else f"{row['kind']}: {row['reason']}"
        line = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [one["s"] for one in at],
            "y": [one["mean"] for one in at],
            "customdata": [one["n"] for one in at],
            "hovertemplate": "%{x} s: %{y:.3f} bps (n = %{customdata})",
        }
        if has_entries and (row["reason"] is not None or not row["kind"].startswith("entry")):
            line["visible"] = "legendonly"
        if len(sure) == len(at):
            line["error_y"] = {
                "type": "data",
                "symmetric": False,
                "array": [_short(one["high"] - one["mean"]) for one in at],
                "arrayminus": [_short(one["mean"] - one["low"]) for one in at],
                "thickness": 1,
                "width": 3,
            }
        data.append(line)
    layout = {
        "height": 520,
        "xaxis": {
            "type": "log",
            "title": {"text": "seconds behind the signal"},
            "tickvals": figures["horizons_s"],
            "ticktext": [f"{s:g}" for s in figures["horizons_s"]],
        },
        "yaxis": {"title": {"text": "bps, in the signal's direction"}},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
    }
    return {"id": "chart-markouts", "data": data, "layout": layout}


def thin(values: Any, most: int = MOST_POINTS) -> Int64s:
    """Rows of a line that keep its shape: the lowest and highest of each of so many stretches."""
    n = len(values)
    if n <= most:
        return np.arange(n)
    borders = np.linspace(0, n, most // 2 + 1).astype(np.int64)
    known = np.where(np.isnan(values), 0.0, values)
    rows: list[int] = [0, n - 1]
    for a, b in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        rows += [a + int(known[a:b].argmin()), a + int(known[a:b].argmax())]
    return np.unique(np.array(rows, np.int64))


def _line(
    name: str, ts: Int64s, values: Any, digits: int, colour: str, axis: str, **more: Any
) -> dict[str, Any]:
    rows = thin(values)
    numbers = np.round(values[rows], digits).tolist()
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": (ts[rows] // 1_000_000).tolist(),
        "y": [None if number != number else number for number in numbers],
        "yaxis": axis,
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": "%{y}",
    } | more


def _fees_until(run: Run, ts: Int64s) -> Any:
    """All fees paid by each time."""
    fills = run.fills.select(pl.col("ts").cast(pl.Int64), pl.col("fee").cast(pl.Float64))
    paid = np.concatenate(([0.0], np.cumsum(fills["fee"].to_numpy())))
    return paid[np.searchsorted(fills["ts"].to_numpy(), ts, side="right")]


def _marks(book: Book) -> list[dict[str, Any]]:
    """Entries and exits on the price, with what was decided."""
    made = []
    for side, colour, symbol in ((1, "$buy", "triangle-up"), (-1, "$sell", "triangle-down")):
        part = [one for one in book.trades if one.side == side]
        if not part:
            continue
        made.append(
            _points(f"{NAMES[side]} entries", part, colour, symbol)
            | {
                "x": [one.entry_ts // 1_000_000 for one in part],
                "y": [float(one.entry_px) for one in part],
            }
        )
        made.append(
            _points(f"{NAMES[side]} exits", part, colour, f"{symbol}-open")
            | {
                "x": [one.exit_ts // 1_000_000 for one in part],
                "y": [float(one.exit_px) for one in part],
            }
        )
    return made


def _points(name: str, part: list[Trade], colour: str, symbol: str) -> dict[str, Any]:
    size = 8 if len(part) <= CROWD else 5
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "yaxis": "y3",
        "text": [_said(one) for one in part],
        "customdata": [one.id for one in part],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": colour, "symbol": symbol, "size": size, "opacity": 0.8},
    }


def _said(trade: Trade) -> str:
    """A trade in the words of a hover; page.js adds the features of its decisions."""
    return (
        f"trade {trade.id}, {NAMES[trade.side]}: {_escaped(trade.entry_reason)} → "
        f"{_escaped(trade.exit_reason)}<br>net {trade.net} ({trade.ticks:+.1f} ticks)"
    )


def _escaped(text: str) -> str:
    """plotly reads a few tags in its texts."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _bars(parts: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Stacked counts of several lists in common bins; what is beyond the 99th percentile is in
    the last one."""
    everything = sorted(value for part in parts.values() for value in part)
    if not everything:
        return []
    top = everything[min(len(everything) - 1, int(0.99 * len(everything)))]
    bottom = everything[0]
    width = _short((top - bottom) / HOLD_BINS) or 1.0
    data = []
    for name, values in parts.items():
        at = np.minimum((np.array(values) - bottom) // width, HOLD_BINS - 1).astype(np.int64)
        counts = np.bincount(at, minlength=HOLD_BINS)
        data.append(
            {
                "type": "bar",
                "name": _escaped(name),
                "x": [_short(bottom + (k + 0.5) * width) for k in range(HOLD_BINS)],
                "y": counts.tolist(),
                "width": width,
                "hovertemplate": "%{x}: %{y}",
            }
        )
    return data


def _band(gap: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "rect",
        "yref": "paper",
        "x0": gap["from_ts"] // 1_000_000,
        "x1": gap["to_ts"] // 1_000_000,
        "y0": 0,
        "y1": 1,
        "fillcolor": "$gap",
        "line": {"width": 0},
        "layer": "below",
    }


def _short(value: float) -> float:
    return float(f"{value:.5g}")
