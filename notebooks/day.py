"""Look at a recorded day: what is there, its walls, its imbalance, and who moves first."""

import marimo

app = marimo.App(width="medium", app_title="A recorded day")

with app.setup:
    import marimo as mo
    import numpy as np
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    from micropulse.events import MARKET
    from micropulse.params import resolve
    from micropulse.schema import SECOND, SIGNALS
    from micropulse.strategy import load_strategy
    from micropulse.testing import Kept
    from replay.backtest import Session
    from replay.source import open_source
    from replay.statistics.bootstrap import LEVEL, block_bootstrap_ratio

    INK, BUY, SELL, GAP = "#475569", "#0f766e", "#c2410c", "rgba(148,120,40,.22)"
    ENDS = {"wall_cancelled": "#7c3aed", "wall_eaten": "#e0801a", "wall_slid": "#9ca3af"}
    LOOK = {"template": "plotly_white", "margin": {"l": 64, "r": 16, "t": 48, "b": 48},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"}}  # fmt: skip


@app.cell
def _():
    SOURCE = "data/sample.jsonl.gz"  # or a frames file of yours, a tape's folder, sim:7
    return (SOURCE,)


@app.cell
def _(SOURCE):
    # One pass: the core writes a row a book, and the prints are taken as they go by.
    EACH_BOOK = -1
    _idle = load_strategy("idle")
    session = Session(open_source(SOURCE), _idle, resolve(_idle.Params), EACH_BOOK)
    _kept, _prints = Kept(), []

    def _seen(batches):
        for events in batches:
            trades = events.trades
            real = (trades.kind == MARKET) & (trades.qty > 0)
            _prints.append(np.stack([trades.ts_recv, trades.px, trades.side])[:, real])
            yield events

    session.run([_kept], _seen(iter(session.source)))
    books = _kept["samples"]["features"]
    books = books[np.isfinite(books["mid"])]
    signals = _kept["signals"]
    scale = 10**session.digits.px  # prices of signals and prints are integers
    print_ts, print_px, print_side = np.concatenate(_prints, axis=1)
    print_px = print_px / scale
    return books, print_px, print_side, print_ts, scale, session, signals


@app.cell
def _(SOURCE, books, print_ts, session):
    QUIET_S = 1.0  # the exchange sends a book every 100 ms while its market moves at all
    _ts, _counts = books["ts"], session.counts()
    _seconds = int(_ts[-1] // SECOND - _ts[0] // SECOND) + 1
    _waits = np.diff(_ts)
    covered = len(np.unique(_ts // SECOND)) / _seconds
    gaps = [_ts[k : k + 2].tolist() for k in np.flatnonzero(_waits > QUIET_S * SECOND)]
    _from, _to = _ts[[0, -1]].astype("datetime64[ns]").astype("datetime64[s]")
    simulated = SOURCE.startswith("sim:") or SOURCE.endswith("sample.jsonl.gz")
    said = f"""
    # {session.source.symbol}, {_from} to {str(_to)[-8:]} UTC

    {"**This market is simulated: what follows is true of the simulator.**" if simulated else ""}
    {len(books):,} books and {len(print_ts):,} prints in {_seconds:,} seconds; {covered:.1%} of
    the seconds have a book. The longest wait for a book was {_waits.max() / SECOND:.1f} s;
    waits of more than {QUIET_S:.0f} s (shaded): {len(gaps)}. By their ids
    {_counts["missed_trades"]:,} trades are missing, and
    {_counts["duplicate_books"] + _counts["duplicate_trades"]:,} books and trades came twice.
    """
    mo.md(said)
    return covered, gaps


@app.cell
def _(books, gaps, scale, signals):
    def _utc(ns):
        return np.asarray(ns).astype("datetime64[ns]")

    # All of it in three panels, at most 2,000 points a line; walls from birth to end.
    _few = books[:: max(1, len(books) // 2_000)]
    _fig = make_subplots(
        rows=3, shared_xaxes=True, row_heights=[0.6, 0.2, 0.2], vertical_spacing=0.03
    )
    _fig.add_scatter(x=_utc(_few["ts"]), y=_few["mid"], line={"color": INK, "width": 1}, name="mid")
    for _name, _colour in ENDS.items():
        _wall = signals[signals["kind"] == SIGNALS.index(_name)]
        _x = np.stack([_wall["ts"] - _wall["age_ns"], _wall["ts"], _wall["ts"]], axis=1)
        _y = np.stack([_wall["px"] / scale] * 2 + [np.full(len(_wall), np.nan)], axis=1)
        _fig.add_scatter(
            x=_utc(_x.ravel()), y=_y.ravel(), mode="lines", name=_name.replace("_", " "),
            line={"color": _colour, "width": 4},
        )  # fmt: skip
    for _row, _name, _colour in ((2, "tps_1s", INK), (3, "cvd", BUY)):
        _fig.add_scatter(
            x=_utc(_few["ts"]), y=_few[_name], line={"color": _colour, "width": 1},
            name=_name, row=_row, col=1, showlegend=False,
        )  # fmt: skip
    for _from, _to in gaps:
        _fig.add_vrect(x0=_utc(_from), x1=_utc(_to), fillcolor=GAP, line_width=0)
    for _row, _title in enumerate(("price", "prints a second", "CVD, base units"), start=1):
        _fig.update_yaxes(title=_title, tickformat=",~r", row=_row, col=1)
    overview = _fig.update_layout(LOOK, height=640)
    overview
    return (overview,)


@app.cell
def _(signals):
    _fig, _rows = go.Figure(), []
    for _name, _colour in ENDS.items():
        _age = signals["age_ns"][signals["kind"] == SIGNALS.index(_name)] / SECOND
        _word = _name.removeprefix("wall_")
        _fig.add_box(
            x=_age, name=_word, boxpoints="all", pointpos=0, jitter=0.5,
            line_color=_colour, fillcolor="rgba(0,0,0,0)",
        )  # fmt: skip
        if len(_age):
            _rows.append(f"{len(_age)} {_word}, half of them within {np.median(_age):.1f} s")
    wall_ages = _fig.update_layout(LOOK, height=300, showlegend=False)
    wall_ages.update_xaxes(
        type="log", dtick="D2", tickformat="~r", title="seconds from a wall's birth to its end"
    )
    mo.vstack(
        [
            mo.md(f"""
    ## Walls

    How they ended: {"; ".join(_rows) or "none stood long enough"}. A wall that only slid out of
    the visible levels was neither cancelled nor eaten, and is not a removal.
    """),
            wall_ages,
        ]
    )
    return (wall_ages,)


@app.cell
def _(books, session):
    # The mid's move after a book, in ticks; unknown where no book stands fresh at its end.
    STALE_S, AHEAD_S, EDGES, SEED = 2.0, (1, 5), np.linspace(-1, 1, 6), 1
    tick = int(session.instrument.tick) / 10**session.digits.px
    _ts, _mid = books["ts"], books["mid"]

    def _move(ahead_s):
        due = _ts + ahead_s * SECOND
        at = np.searchsorted(_ts, due, side="right") - 1
        known = (due <= _ts[-1]) & (due - _ts[at] < STALE_S * SECOND) & ~np.isnan(books["obi"])
        return (_mid[at] - _mid)[known] / tick, books["obi"][known]

    _fig, _said = go.Figure(), []
    _centres = np.round((EDGES[1:] + EDGES[:-1]) / 2, 6)
    correlations = {}
    for _ahead_s, _colour in zip(AHEAD_S, (INK, BUY), strict=True):
        _moves, _obi = _move(_ahead_s)
        _bin = np.clip(np.digitize(_obi, EDGES) - 1, 0, len(_centres) - 1)
        _of = [
            block_bootstrap_ratio(_moves * (_bin == b), (_bin == b).astype(float), SEED)
            for b in range(len(_centres))
        ]
        _fig.add_scatter(
            x=_centres + _ahead_s * 0.01, y=[i.mid for i in _of],
            name=f"next {_ahead_s} s", line={"color": _colour},
            error_y={"array": [i.high - i.mid for i in _of],
                     "arrayminus": [i.mid - i.low for i in _of]},
        )  # fmt: skip
        correlations[_ahead_s] = float(np.corrcoef(_obi, _moves)[0, 1])
        _low, _top = _of[0], _of[-1]
        _said.append(
            f"Over the next {_ahead_s} s the mid went {_low.mid:+.1f} ticks "
            f"({_low.low:+.1f} to {_low.high:+.1f}) from the hardest lean to the asks and "
            f"{_top.mid:+.1f} ({_top.low:+.1f} to {_top.high:+.1f}) from the hardest to the bids; "
            f"the correlation is {correlations[_ahead_s]:.2f}."
        )
    obi_moves = _fig.update_layout(LOOK, height=380)
    obi_moves.update_xaxes(title="OBI: the asks outweigh … the bids outweigh", tickvals=_centres)
    obi_moves.update_yaxes(title="mean move of the mid, ticks", zerolinecolor=INK)
    mo.vstack(
        [
            mo.md(f"""
    ## Does the book lean the right way?

    {" ".join(_said)} Bars are {LEVEL:.0%} block-bootstrap intervals: they know these minutes
    only. Where a bar crosses zero, not even the direction is known.
    """),
            obi_moves,
        ]
    )
    return correlations, obi_moves, tick


@app.cell
def _(books, print_px, print_side, print_ts):
    # Between two books: did a print reach the price that was about to give way?
    _ts, _half = books["ts"], books["spread"] / 2
    _ask, _bid = books["mid"] + _half, books["mid"] - _half
    _next = np.searchsorted(_ts, print_ts)
    _inside = (_next > 0) & (_next < len(_ts))
    _next, _at, _px, _side = (a[_inside] for a in (_next, print_ts, print_px, print_side))

    def _first_lead(side, beyond):
        """A book: ms from the first such print since the book before it; NaN without one."""
        best = (_ask if side > 0 else _bid)[_next - 1]
        hit = (_side == side) & ((_px - best) * side >= beyond)
        lead = np.full(len(_ts), np.nan)
        book, first = np.unique(_next[hit], return_index=True)
        lead[book] = (_ts[book] - _at[hit][first]) / 1e6
        return lead

    _step = np.sign(np.append(0, np.diff(books["mid"])))
    _leads = {side: _first_lead(side, 1e-9) for side in (1, -1)}
    _moved = np.flatnonzero(_step)
    lead_ms = np.where(_step > 0, _leads[1], _leads[-1])[_moved]
    prints_first = float(np.mean(~np.isnan(lead_ms)))
    _still = np.flatnonzero(_step == 0)[1:]
    by_chance = float(np.mean(~np.isnan(np.stack([_leads[1][_still], _leads[-1][_still]]))))
    who_first = go.Figure().update_layout(LOOK, height=320, bargap=0.05)
    who_first.add_histogram(x=lead_ms, xbins={"size": 5}, marker_color=BUY, name="lead")
    who_first.update_xaxes(title="ms from the first print beyond the old best to the book")
    who_first.update_yaxes(title="moves of the mid")
    mo.vstack(
        [
            mo.md(f"""
    ## Who moved first?

    The mid moved {len(_moved):,} times. In {prints_first:.0%} of them a print beyond the old best
    price had come first, by {np.nanmedian(lead_ms):.0f} ms in the median; in the others the
    book itself was the first to tell. Where the mid stood still such a print came in
    {by_chance:.0%}. A book comes every {np.median(np.diff(_ts)) / 1e6:.0f} ms, so no lead is
    much longer than that.
    """),
            who_first,
        ]
    )
    return by_chance, lead_ms, prints_first, who_first


if __name__ == "__main__":
    app.run()
