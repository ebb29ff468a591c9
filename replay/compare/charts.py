"""The chart of a comparison: price with the trades only one of them made, equity, differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from replay.compare.comparison import Comparison
from replay.compare.paired import BUCKET_NS
from replay.compare.trades import Trade
from replay.runs import Run

POINTS_MOST = 20_000  # of a line; a day of seconds is drawn every fifth
COLOURS = {"A": "#2f81d8", "B": "#e0801a", "B - A": "#5a9e6f"}
ROWS = ("price, entries only one made", "equity, USDT", "B - A in ten minutes, USDT")


def chart(found: Comparison) -> go.Figure:
    """Three panels over the same time: price and entries, equity of both, bucket differences."""
    figure = make_subplots(
        3,
        1,
        shared_xaxes=True,
        vertical_spacing=0.06,
        row_heights=[0.42, 0.33, 0.25],
        subplot_titles=ROWS,
    )
    for trace in _price(found):
        figure.add_trace(trace, 1, 1)
    for name, run in (("A", found.a), ("B", found.b)):
        figure.add_trace(_equity(name, run), 2, 1)
    figure.add_trace(_differences(found), 3, 1)
    _mark_partings(figure, found)
    figure.update_layout(
        height=760,
        margin={"l": 56, "r": 12, "t": 30, "b": 30},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": -0.06},
        hovermode="x unified",
        dragmode="pan",
        modebar={"bgcolor": "rgba(0,0,0,0)"},
    )
    figure.update_yaxes(tickformat=",.1f", row=1, col=1)
    for note in figure.layout.annotations[: len(ROWS)]:
        note.update(x=0, xanchor="left", font={"size": 12})
    return figure


def _thinned(run: Run) -> pl.DataFrame:
    """The samples, few enough to draw."""
    samples = run.samples
    return samples.gather_every(max(1, -(-samples.height // POINTS_MOST)))


def _times(column: pl.Series) -> Any:
    """Times as plotly draws them, in UTC to the millisecond."""
    return column.cast(pl.Int64).to_numpy().astype("datetime64[ns]").astype("datetime64[ms]")


def _price(found: Comparison) -> Iterator[go.Scatter]:
    samples = _thinned(found.a)
    line = {"color": "#8a8f98", "width": 1}
    x, y = _times(samples["ts_recv"]), samples["mid"].to_numpy()
    yield go.Scatter(x=x, y=y, name="mid", mode="lines", line=line, hoverinfo="skip")
    for name, trades in (("A", found.trades.only_a), ("B", found.trades.only_b)):
        if trades:
            yield _entries(name, trades)


def _entries(name: str, trades: list[Trade]) -> go.Scatter:
    symbols = ["triangle-up" if trade.side == "long" else "triangle-down" for trade in trades]
    text = [
        f"{trade.side}, {trade.entry_reason}, seq {trade.seq}<br>"
        f"left: {trade.exit_reason or 'open'}, net {trade.net if trade.net is not None else '-'}"
        for trade in trades
    ]
    return go.Scatter(
        x=np.array([trade.ts for trade in trades], "datetime64[ns]").astype("datetime64[ms]"),
        y=[float(trade.entry_px) for trade in trades],
        name=f"only in {name}",
        mode="markers",
        marker={"symbol": symbols, "size": 8, "opacity": 0.75, "color": COLOURS[name]},
        text=text,
        hovertemplate="%{text}<extra></extra>",
    )


def _equity(name: str, run: Run) -> go.Scatter:
    samples = _thinned(run)
    return go.Scatter(
        x=_times(samples["ts_recv"]),
        y=samples["equity"].cast(pl.Float64).to_numpy(),
        name=name,
        mode="lines",
        line={"color": COLOURS[name], "width": 1.6, "shape": "hv"},
    )


def _differences(found: Comparison) -> go.Bar:
    starts = np.array([bucket.start for bucket in found.buckets], np.int64) + BUCKET_NS // 2
    return go.Bar(
        x=starts.astype("datetime64[ns]").astype("datetime64[ms]"),
        y=[float(bucket.difference("net")) for bucket in found.buckets],
        width=[BUCKET_NS / 1e6 * 0.8] * len(starts),
        name="B - A",
        marker={"color": COLOURS["B - A"]},
    )


def _mark_partings(figure: go.Figure, found: Comparison) -> None:
    """A line through all panels where they part."""
    for parting in found.partings:
        line = {"color": "#c0392b", "width": 1, "dash": "dot"}
        figure.add_vline(x=parting.ts[:23], line=line)
        figure.add_annotation(
            x=parting.ts[:23],
            y=1,
            yref="y domain",
            text=f"first different {parting.what}",
            showarrow=False,
            textangle=-90,
            xanchor="right",
            yanchor="top",
            font={"size": 10, "color": "#c0392b"},
        )
