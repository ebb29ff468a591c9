"""The chart of a comparison: price with the trades only one of them made, equity, difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl

from replay.compare.comparison import Comparison
from replay.compare.trades import Trade
from replay.runs import Run

POINTS_MOST = 20_000  # of a line; a day of seconds is drawn every fifth
HEIGHT_PX = 760
GAP = 0.06  # between panels, as a share of the height
PANELS = (  # what, share of the height
    ("price, entries only one made", 0.42),
    ("equity, USDT", 0.33),
    ("B − A, USDT", 0.25),
)
Trace = dict[str, Any]


def chart(found: Comparison) -> dict[str, Any]:
    """Three panels over the same time: price and entries, equity of both, B less A.

    `data` and `layout` are plotly's; a colour "$a" is the page's of that name.
    """
    traces = [(1, trace) for trace in _price(found)]
    traces += [(2, _equity(name, run)) for name, run in (("A", found.a), ("B", found.b))]
    traces.append((3, _difference(found)))
    return {
        "id": "chart-time",
        "data": [trace | {"xaxis": "x", "yaxis": _axis("y", panel)} for panel, trace in traces],
        "layout": _layout(found),
    }


def _axis(letter: str, panel: int) -> str:
    return letter if panel == 1 else f"{letter}{panel}"


def _layout(found: Comparison) -> dict[str, Any]:
    """Panels from the top down over one time axis, a line through all where the runs part."""
    layout: dict[str, Any] = {
        "height": HEIGHT_PX,
        "hovermode": "x unified",
        "dragmode": "pan",
        "legend": {"orientation": "h", "y": -0.06, "yanchor": "top"},
        "xaxis": {"anchor": "y3", "type": "date"},
        "yaxis": {"tickformat": ",.1f"},
    }
    notes, top = [], 1.0
    free = 1.0 - GAP * (len(PANELS) - 1)
    for number, (name, share) in enumerate(PANELS, start=1):
        bottom = max(0.0, top - share * free)
        axis = layout.setdefault(f"yaxis{'' if number == 1 else number}", {})
        axis["domain"] = [round(bottom, 4), round(top, 4)]
        place = {"x": 0, "y": top, "xref": "paper", "yref": "paper"}
        notes.append(place | {"text": name, "xanchor": "left", "yanchor": "bottom"})
        top = bottom - GAP
    layout["annotations"] = [note | {"showarrow": False} for note in notes]
    partings = [(parting.ts[:23], parting.what) for parting in found.partings]
    layout["annotations"] += [_parts_here(ts, what) for ts, what in partings]
    line = {"color": "$loss", "width": 1, "dash": "dot"}
    layout["shapes"] = [
        {"type": "line", "x0": ts, "x1": ts, "y0": 0, "y1": 1, "yref": "paper", "line": line}
        for ts, _ in partings
    ]
    return layout


def _parts_here(ts: str, what: str) -> dict[str, Any]:
    return {
        "x": ts,
        "y": 1,
        "yref": "y domain",
        "text": f"first different {what}",
        "showarrow": False,
        "textangle": -90,
        "xanchor": "right",
        "yanchor": "top",
        "font": {"size": 10, "color": "$loss"},
    }


def _thinned(run: Run) -> pl.DataFrame:
    """The samples, few enough to draw."""
    samples = run.samples
    return samples.gather_every(max(1, -(-samples.height // POINTS_MOST)))


def _times(stamps_ns: Any) -> list[str]:
    """Times as plotly reads them, in UTC to the millisecond."""
    stamps = np.asarray(stamps_ns, np.int64).astype("datetime64[ns]").astype("datetime64[ms]")
    return [str(stamp) for stamp in stamps]


def _line(x: Iterable[str], y: Iterable[Any], name: str, colour: str, **more: Any) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, **more},
    }


def _price(found: Comparison) -> Iterator[Trace]:
    samples = _thinned(found.a)
    times = _times(samples["ts_recv"].cast(pl.Int64))
    yield _line(times, samples["mid"].to_list(), "mid", "$gross", width=1) | {"hoverinfo": "skip"}
    for name, trades in (("A", found.trades.only_a), ("B", found.trades.only_b)):
        if trades:
            yield _entries(name, trades)


def _entries(name: str, trades: list[Trade]) -> Trace:
    symbols = ["triangle-up" if trade.side == "long" else "triangle-down" for trade in trades]
    text = [
        f"{trade.side}, {trade.entry_reason}, seq {trade.seq}<br>"
        f"left: {trade.exit_reason or 'open'}, net {trade.net if trade.net is not None else '-'}"
        for trade in trades
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"only in {name}",
        "x": _times([trade.ts for trade in trades]),
        "y": [float(trade.entry_px) for trade in trades],
        "marker": {"symbol": symbols, "size": 8, "opacity": 0.75, "color": f"${name.lower()}"},
        "text": text,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _equity(name: str, run: Run) -> Trace:
    samples = _thinned(run)
    times = _times(samples["ts_recv"].cast(pl.Int64))
    equity = samples["equity"].cast(pl.Float64).to_list()
    return _line(times, equity, name, f"${name.lower()}", width=1.6, shape="hv")


def _difference(found: Comparison) -> Trace:
    """What B had gained or lost against A by each second that both have."""
    a, b = (run.samples.select("ts_recv", "equity") for run in (found.a, found.b))
    both = a.join(b, on="ts_recv", how="inner", suffix="_b", maintain_order="left")
    both = both.gather_every(max(1, -(-both.height // POINTS_MOST)))
    apart = (both["equity_b"] - both["equity"]).cast(pl.Float64).to_list()
    times = _times(both["ts_recv"].cast(pl.Int64))
    return _line(times, apart, "B − A", "$accent", width=1.6, shape="hv") | {"fill": "tozeroy"}
