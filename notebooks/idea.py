"""From an idea to a rule, to a variation of it, to a paired comparison."""

import marimo

app = marimo.App(width="medium", app_title="From an idea to a comparison")

with app.setup:
    import tempfile
    import textwrap
    from pathlib import Path

    import marimo as mo
    import numpy as np
    import plotly.graph_objects as go
    import polars as pl

    from micropulse.params import fees_e8, resolve
    from micropulse.schema import SECOND
    from micropulse.strategy import load_strategy
    from replay.backtest import backtest
    from replay.compare.comparison import compare
    from replay.compare.words import said_of_intervals, said_of_parting, said_of_trades
    from replay.features import write_features
    from replay.source import open_source
    from replay.statistics.bootstrap import LEVEL, block_bootstrap_ratio

    INK, A, B, SELL = "#475569", "#2f81d8", "#e0801a", "#c2410c"
    LOOK = {"template": "plotly_white", "margin": {"l": 64, "r": 16, "t": 48, "b": 48},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"}}  # fmt: skip


@app.cell
def _():
    SOURCE = "data/sample.jsonl.gz"  # or a frames file of yours, a tape's folder, sim:7
    return (SOURCE,)


@app.cell
def _(SOURCE):
    # The idea: a book that leans hard is pushed that way. First look, then trade.
    LEAN = 0.8
    work = Path(tempfile.mkdtemp(prefix="micropulse-idea-"))
    _idle, _file, EACH_BOOK = load_strategy("idle"), work / "features.parquet", -1
    _settings = resolve(_idle.Params)
    write_features(open_source(SOURCE), _idle, _settings, EACH_BOOK, _file)
    books = pl.read_parquet(_file, columns=["ts_recv", "mid", "obi", "warm_10s"]).drop_nulls()
    taker_fee = fees_e8(_settings.execution)[1] / 1e8
    return LEAN, books, taker_fee, work


@app.cell
def _(LEAN, SOURCE, books, taker_fee):
    # The gain is only counted where a book stands fresh at its end.
    HORIZONS_S, STALE_S, SEED, BPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20), 2, 1, 1e4
    _ts = books["ts_recv"].cast(pl.Int64).to_numpy()
    _mid, _obi = books["mid"].to_numpy(), books["obi"].to_numpy()
    _way = np.where(_obi >= LEAN, 1.0, np.where(_obi <= -LEAN, -1.0, 0.0))
    _found = []
    for _ahead_s in HORIZONS_S:
        _due = _ts + int(_ahead_s * SECOND)
        _at = np.searchsorted(_ts, _due, side="right") - 1
        _known = (_due <= _ts[-1]) & (_due - _ts[_at] < STALE_S * SECOND)
        _gain = (_mid[_at] / _mid - 1)[_known] * BPS * _way[_known]
        _found.append(block_bootstrap_ratio(_gain, np.abs(_way[_known]), SEED))
    edge = dict(zip(HORIZONS_S, _found, strict=True))
    _best_s = max(edge, key=lambda s: edge[s].low)
    _best, _leans, costs_bps = edge[_best_s], np.mean(_way != 0), 2 * taker_fee * BPS
    simulated = SOURCE.startswith("sim:") or SOURCE.endswith("sample.jsonl.gz")
    edge_figure = go.Figure().update_layout(LOOK, height=340)
    edge_figure.add_scatter(
        x=HORIZONS_S, y=[i.mid for i in _found], line={"color": A}, name="gain of the mid",
        error_y={"array": [i.high - i.mid for i in _found],
                 "arrayminus": [i.mid - i.low for i in _found]},
    )  # fmt: skip
    edge_figure.add_hline(costs_bps, line={"color": SELL, "dash": "dash"},
                          annotation_text="what a round trip pays in fees")  # fmt: skip
    edge_figure.update_xaxes(type="log", title="seconds after a book that leans", dtick="D2",
                             tickformat="~r")  # fmt: skip
    edge_figure.update_yaxes(title="basis points, the way it leans", zerolinecolor=INK)
    mo.vstack(
        [
            mo.md(f"""
    # An idea: go where the book leans

    {"**This market is simulated: what follows is true of the simulator.**" if simulated else ""}
    {_leans:.0%} of {len(books):,} books lean by an OBI of {LEAN} or more. The mid goes
    their way most surely after {_best_s} s (the best of {len(edge)} looked at, so a little too
    good): by {_best.mid:.2f} basis points ({LEVEL:.0%} interval
    {_best.low:.2f} to {_best.high:.2f}). A taker's round trip costs {costs_bps:.0f}.
    {"That is more than the idea brings." if costs_bps > _best.high else ""}
    """),
            edge_figure,
        ]
    )
    return costs_bps, edge, edge_figure


@app.cell
def _():
    RULE = textwrap.dedent("""
    from micropulse.record import Record, f8, i8
    from micropulse.schema import ENTER, EXIT, Features, Intent, Position


    class Params(Record):  # what [strategy] in the parameter file may set
        obi_min: f8 = 0.8
        hold_ms: i8 = 5_000


    class Memory(Record):  # what it keeps between events; starts as zeros
        entries: i8


    def decide(
        features: Features, position: Position, memory: Memory, params: Params, intent: Intent
    ) -> None:
        if position.pending:  # an order is on its way: it would be refused
            return
        if position.side == 0 and features.warm_10s and abs(features.obi) >= params.obi_min:
            intent.action = ENTER
            intent.side = 1 if features.obi > 0 else -1
            memory.entries += 1
        elif position.side != 0 and position.held_ns >= params.hold_ms * 1_000_000:
            intent.action = EXIT
    """).lstrip()
    mo.md(f"## The rule, which is one file\n\n```python\n{RULE}\n```")
    return (RULE,)


@app.cell
def _(LEAN, RULE, SOURCE, work):
    # The rule, and a variation that holds longer: two runs over the same events, set side by side.
    VARIED, VALUES = "hold_ms", (5_000, 15_000)
    _file = work / "lean.py"
    _file.write_text(RULE)
    _rule = load_strategy(str(_file))
    for _name, _value in zip("ab", VALUES, strict=True):
        _settings = resolve(_rule.Params, None, [f"obi_min={LEAN}", f"{VARIED}={_value}"])
        backtest(open_source(SOURCE), _rule, _settings, work / _name)
    found = compare(work / "a", work / "b")
    return VALUES, VARIED, found


@app.cell
def _(VALUES, VARIED, found):
    _a, _b = VALUES
    _net = next(one.paired for one in found.apart if one.measure == "net")
    _sure = f", {LEVEL:.0%} interval {_net.low:+.2f} to {_net.high:+.2f}"
    _range = _sure if np.isfinite(_net.low) else ""
    _of = {one.name: one for one in found.figures}
    _less_fees, _gross = -_of["fees"].difference, _of["gross"].difference
    equity_figure = go.Figure().update_layout(LOOK, height=340)
    for _letter, _run, _colour in (("A", found.a, A), ("B", found.b, B)):
        for _money, _dash in (("gross", "dot"), ("net", "solid")):
            equity_figure.add_scatter(
                x=_run.trips["exit_time"], y=_run.trips[_money].cast(pl.Float64).cum_sum(),
                name=f"{_letter} {_money}", line={"color": _colour, "dash": _dash, "shape": "hv"},
                mode="lines",
            )  # fmt: skip
    equity_figure.update_yaxes(title="USDT, summed", zerolinecolor=INK)
    _rows = "\n".join(
        f"| {one.name} | {one.a} | {one.b} | {one.difference} | {one.unit} |"
        for one in (
            _of[name] for name in ("net", "gross", "fees", "trades", "hit rate", "exposure")
        )
    )
    mo.vstack(
        [
            mo.md(f"""
## The rule against a variation of it

A has `{VARIED}={_a}`, B `{VARIED}={_b}`. {said_of_trades(found.trades)}.

| | A | B | B − A | |
|---|--:|--:|--:|---|
{_rows}

With an open position marked, B − A is {_net.mid:+.2f} USDT net{_range}.
B pays {_less_fees:+.2f} less in fees, and its trades bring {_gross:+.2f} gross.
{" ".join(said_of_intervals(found))}

{" ".join(said_of_parting(found))}
"""),
            equity_figure,
        ]
    )
    return (equity_figure,)


@app.cell
def _(found):
    # Entries both made: what leaving later changed, trade by trade.
    _pairs = [
        pair for pair in found.trades.different if pair.b.net is not None and pair.a.net is not None
    ]
    paired_net = np.array([float(pair.b.net - pair.a.net) for pair in _pairs])
    _time = np.array([pair.a.ts for pair in _pairs], np.int64).astype("datetime64[ns]")
    pairs_figure = go.Figure().update_layout(LOOK, height=280)
    pairs_figure.add_bar(x=_time, y=paired_net, marker_color=np.where(paired_net > 0, B, A))
    pairs_figure.update_yaxes(title="B − A, USDT net", zerolinecolor=INK)
    _better = int(np.sum(paired_net > 0))
    mo.vstack(
        [
            mo.md(f"""
Of {len(_pairs)} entries that both made and left otherwise, B did better in {_better}.
A day is one draw: what holds here is a reason to record more days, not to trade.
"""),
            pairs_figure,
        ]
    )
    return paired_net, pairs_figure


if __name__ == "__main__":
    app.run()
