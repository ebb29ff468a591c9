"""The anatomy of one trade: the seconds around it, and what became of the money."""

import marimo

app = marimo.App(width="medium", app_title="One trade")

with app.setup:
    import tempfile
    from datetime import timedelta
    from pathlib import Path

    import marimo as mo
    import numpy as np
    import polars as pl
    from plotly.subplots import make_subplots

    from micropulse.params import resolve
    from micropulse.schema import MILLISECOND
    from micropulse.strategy import load_strategy
    from replay.backtest import backtest
    from replay.report.evidence import gather
    from replay.report.trades import Book
    from replay.runs import Run
    from replay.source import open_source

    INK, BUY, SELL = "#111827", "#0f766e", "#c2410c"
    ENDS = {"wall_cancelled": "#7c3aed", "wall_eaten": "#e0801a", "wall_slid": "#9ca3af"}
    LOOK = {"template": "plotly_white", "margin": {"l": 70, "r": 16, "t": 60, "b": 40},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"}}  # fmt: skip


@app.cell
def _():
    SOURCE = "data/sample.jsonl.gz"  # or a frames file of yours, a tape's folder, sim:7
    return (SOURCE,)


@app.cell
def _():
    RULE, SETTINGS, NUMBER = "obi_revert", [], 1  # or a file of yours; which of its trades
    return NUMBER, RULE, SETTINGS


@app.cell
def _(NUMBER, RULE, SETTINGS, SOURCE):
    _folder = Path(tempfile.mkdtemp(prefix="micropulse-trade-")) / "run"
    _rule = load_strategy(RULE)
    backtest(open_source(SOURCE), _rule, resolve(_rule.Params, None, SETTINGS), _folder)
    run = Run(_folder)
    book = Book(run)
    mo.stop(
        len(book.trades) < NUMBER,
        mo.md(f"{RULE} made {len(book.trades)} trades here: there is no number {NUMBER}."),
    )
    trade = book.trades[NUMBER - 1]
    entry, leave = book.orders[trade.entry_order], book.orders[trade.exit_order]
    around = gather(run, [trade])  # the books and prints around it, the features at its decisions
    scale = 10**run.px_decimals
    tick = int(run.said["instrument"]["tick"]) / scale
    return around, entry, leave, run, scale, tick, trade


@app.cell
def _(NUMBER, RULE, SOURCE, around, entry, leave, tick, trade):
    _moved = (trade.exit_px - trade.entry_px) * trade.side
    _ticks = float(_moved) / tick
    _fees_ticks = float(trade.fees / trade.qty) / tick
    _obi = [around.seen[order.seq]["obi"] for order in (entry, leave)]
    _late_ms = [(trade.entry_ts - entry.ts) / MILLISECOND, (trade.exit_ts - leave.ts) / MILLISECOND]
    _hopeless = ": even its best moment would not have paid the fees"
    simulated = SOURCE.startswith("sim:") or SOURCE.endswith("sample.jsonl.gz")
    mo.md(f"""
    # Trade {NUMBER} of {RULE}: {"long" if trade.side > 0 else "short"} {trade.qty}

    {"**This market is simulated: what follows is true of the simulator.**" if simulated else ""}
    It was decided for `{trade.entry_reason}`, with an OBI of {_obi[0]:+.2f} and a mid of
    {entry.mid}. {_late_ms[0]:.0f} ms later it was filled at {trade.entry_px}. It decided to leave
    for `{trade.exit_reason}` after {(leave.ts - trade.entry_ts) / MILLISECOND:,.0f} ms, with an
    OBI of {_obi[1]:+.2f}, and was out {_late_ms[1]:.0f} ms later at {trade.exit_px}.

    The price went {_ticks:+.0f} ticks its way; at best leaving would have brought
    {trade.mfe_ticks:+.0f}, at worst {trade.mae_ticks:+.0f}. Its fees were {_fees_ticks:.0f} ticks.
    So gross {trade.gross:+}, fees {trade.fees}, net {trade.net:+}
    USDT{_hopeless if trade.mfe_ticks < _fees_ticks else ""}.
    """)
    return (simulated,)


@app.cell
def _(around, scale, tick):
    # The visible levels as a picture: bids above zero, asks below; NaN where nothing was in view.
    ROWS_MOST = 400
    _books = around.books
    _shown = np.concatenate([_books.bid_px[_books.bid_px > 0], _books.ask_px[_books.ask_px > 0]])
    _low, _unit = int(_shown.min()), round(tick * scale)
    _unit *= -(-(int(_shown.max()) - _low) // (_unit * ROWS_MOST)) or 1
    _n = (int(_shown.max()) - _low) // _unit + 1
    depth = np.full((_n, len(_books.ts)), np.nan)
    for _k in range(len(_books.ts)):
        for _px, _qty, _side in (
            (_books.bid_px, _books.bid_qty, 1),
            (_books.ask_px, _books.ask_qty, -1),
        ):
            _row = (_px[:, _k][_px[:, _k] > 0] - _low) // _unit
            if len(_row):
                depth[_row.min() : _row.max() + 1, _k] = 0
                np.add.at(depth[:, _k], _row, _side * _qty[: len(_row), _k])
    prices = (_low + _unit * np.arange(_n)) / scale
    return depth, prices


@app.cell
def _(around, depth, entry, leave, prices, run, scale, trade):
    _filled = ((entry, trade.entry_px, trade.entry_ts), (leave, trade.exit_px, trade.exit_ts))

    def _utc(ns):
        return np.asarray(ns).astype("datetime64[ns]")

    _books, _prints = around.books, around.prints
    _time, _unit = _utc(_books.ts), 10**run.qty_decimals
    _fig = make_subplots(
        rows=3, shared_xaxes=True, row_heights=[0.66, 0.17, 0.17], vertical_spacing=0.03
    )
    _z = np.sign(depth) * np.sqrt(np.abs(depth) / _unit)  # a tenth of the largest is still seen
    _fig.add_heatmap(
        x=_time, y=prices, z=_z[:, :-1], zmid=0, showscale=False, hoverinfo="skip",
        colorscale=[[0, SELL], [0.5, "#f3f4f6"], [1, BUY]],
    )  # fmt: skip
    for _name, _px in (("best ask", _books.ask_px[0]), ("best bid", _books.bid_px[0])):
        _fig.add_scatter(
            x=_time, y=np.where(_px > 0, _px / scale, np.nan), name=_name, showlegend=False,
            line={"color": INK, "width": 1, "shape": "hv"},
        )  # fmt: skip
    for _side, _colour, _name in ((1, BUY, "bought"), (-1, SELL, "sold")):
        _of = np.sign(_prints.qty) == _side
        _fig.add_scatter(
            x=_utc(_prints.ts[_of]), y=_prints.px[_of] / scale, mode="markers", name=_name,
            marker={"color": _colour, "size": 3 + 5 * np.sqrt(np.abs(_prints.qty[_of]) / _unit),
                    "sizemin": 3, "opacity": 0.6, "line": {"width": 0}},
        )  # fmt: skip
    _walls = run.signals.filter(
        pl.col("kind").is_in(list(ENDS))
        & pl.col("ts").cast(pl.Int64).is_between(*_books.ts[[0, -1]])
    )
    for _ts, _kind, _px, _age in _walls.select("ts", "kind", "px", "age_s").iter_rows():
        _fig.add_scatter(
            x=[_ts - timedelta(seconds=_age), _ts], y=[float(_px)] * 2, mode="lines",
            line={"color": ENDS[_kind], "width": 5}, name=_kind,
        )  # fmt: skip
    for _order, _px, _ts in _filled:
        _arrow = "triangle-up" if _order.side > 0 else "triangle-down"
        _fig.add_scatter(
            x=_utc([_order.ts, _order.ready_ts, _ts]), y=[*[float(_order.mid)] * 2, float(_px)],
            mode="lines+markers", line={"color": INK, "dash": "dot"},
            name="leaving" if _order.closes else "entering",
            marker={"color": ["#ffffff", "#9ca3af", INK], "size": [11, 7, 12], "opacity": 1,
                    "line": {"color": INK, "width": 1.5}, "symbol": ["diamond", "square", _arrow]},
        )  # fmt: skip
    _fig.add_vrect(
        x0=_utc(trade.entry_ts), x1=_utc(trade.exit_ts), row="all", col=1,
        fillcolor="#2457c5", opacity=0.07, line_width=0,
    )  # fmt: skip
    _bid, _ask = _books.bid_qty.sum(axis=0), _books.ask_qty.sum(axis=0)
    _step = {"color": INK, "shape": "hv", "width": 1.5}
    _obi, _cvd = (_bid - _ask) / np.maximum(_bid + _ask, 1), np.cumsum(_prints.qty) / _unit
    _fig.add_scatter(x=_time, y=_obi, name="OBI", line=_step, row=2, col=1, showlegend=False)
    _fig.add_scatter(
        x=_utc(_prints.ts), y=_cvd, name="CVD", line=_step, row=3, col=1, showlegend=False
    )
    for _row, _title in enumerate(("price", "OBI", "CVD from here"), start=1):
        _fig.update_yaxes(title=_title, tickformat=",~r", row=_row, col=1)
    anatomy = _fig.update_layout(LOOK, height=760)
    mo.vstack(
        [
            anatomy,
            mo.md("""
    Teal stands to be bought from, orange to be sold to, darker is more; pale is in view and empty,
    white was not in view. Dots are prints, as large as their size. ◇ decided, □ from here on a
    book could fill it, ▲▼ filled; the tinted seconds were spent in the position.
    """),
        ]
    )
    return (anatomy,)


if __name__ == "__main__":
    app.run()
