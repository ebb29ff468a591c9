"""The figures of the report, against the slow and obvious: Decimals, loops, the frames."""

from __future__ import annotations

import json
import math
import random
from bisect import bisect_right
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from replay.backtest import backtest
from replay.report.card import gaps
from replay.report.charts import thin
from replay.report.drill_down import drill_down, thinned
from replay.report.evidence import Evidence, gather
from replay.report.figures import figures
from replay.report.money import drawdown, profit_factor
from replay.report.trades import Book
from replay.report.windows import inside, merged
from replay.runs import Run
from replay.simulator import write
from replay.source import open_source

HORIZONS = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
RULE = ("obi_revert", ["enter_obi=0.6"])


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("figures-market") / "market.jsonl"
    write(path, 11, 1 / 15)
    return path


def run_of(source: Path, folder: Path, *sets: str) -> Run:
    module = load_strategy(RULE[0])
    settings = resolve(module.Params, None, [*RULE[1], *sets])
    backtest(open_source(str(source)), module, settings, folder)
    return Run(folder)


@pytest.fixture(scope="module")
def run(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(market, tmp_path_factory.mktemp("figures") / "run")


@pytest.fixture(scope="module")
def book(run: Run) -> Book:
    return Book(run)


@pytest.fixture(scope="module")
def evidence(run: Run, book: Book) -> Evidence:
    return gather(run, book.trades)


@pytest.fixture(scope="module")
def made(run: Run, book: Book, evidence: Evidence) -> dict[str, Any]:
    return figures(run, book, evidence, None)


def rows_of(run: Run) -> list[dict[str, Any]]:
    """transaction.csv, read as text."""
    return pl.read_csv(run.folder / "transaction.csv", infer_schema=False).to_dicts()


def test_the_money_is_exact(run: Run, made: dict[str, Any]) -> None:
    rows, head = rows_of(run), made["headline"]
    assert len(rows) > 10
    for name in ("gross", "fees", "net"):
        exact = sum((Decimal(row[name]) for row in rows), Decimal(0))
        assert Decimal(head[name]["value"]) == exact
    slipped = sum(
        (Decimal(row["entry_slippage"]) + Decimal(row["exit_slippage"]) for row in rows), Decimal(0)
    )
    assert Decimal(head["slippage"]["value"]) == slipped
    assert head["trades"]["value"] == len(rows) == run.summary["round_trips"]
    assert Decimal(head["gross"]["value"]) == Decimal(run.summary["gross"])


def test_the_headline_is_what_it_says(run: Run, made: dict[str, Any]) -> None:
    rows, head = rows_of(run), made["headline"]
    nets = [Decimal(row["net"]) for row in rows]
    won = sum(net for net in nets if net > 0)
    lost = -sum(net for net in nets if net < 0)
    highest = total = deepest = Decimal(0)
    for net in nets:
        total += net
        highest = max(highest, total)
        deepest = max(deepest, highest - total)
    paid = [Decimal(row["entry_px"]) * Decimal(row["qty"]) for row in rows]
    tick = Decimal("0.10")
    ticks = [net / (Decimal(row["qty"]) * tick) for net, row in zip(nets, rows, strict=True)]
    bps = [net / notional * 10_000 for net, notional in zip(nets, paid, strict=True)]
    gross, fees = (sum(Decimal(row[name]) for row in rows) for name in ("gross", "fees"))
    slipped = Decimal(head["slippage"]["value"])
    expected = {
        "hit_rate": Decimal(sum(net > 0 for net in nets)) / len(nets),
        "profit_factor": won / lost,
        "expectancy": sum(nets) / len(nets),
        "expectancy_ticks": sum(ticks) / len(nets),
        "expectancy_bps": sum(bps) / len(nets),
        "max_drawdown": deepest,
        "fees_of_gross": fees / (gross + slipped),
        "slippage_of_gross": slipped / (gross + slipped),
    }
    if gross + slipped <= 0:
        expected |= {"fees_of_gross": None, "slippage_of_gross": None}
    for name, value in expected.items():
        found = head[name]["value"]
        assert found is None if value is None else found == pytest.approx(float(value), rel=1e-7)


def test_intervals_hold_their_figure(made: dict[str, Any]) -> None:
    told = 0
    for name, figure in made["headline"].items():
        if figure is None or figure["low"] is None or figure["high"] is None:
            continue
        told += 1
        assert figure["low"] <= float(figure["value"]) <= figure["high"], name
    assert told >= 10


def test_exposure_is_counted_millisecond_by_millisecond(run: Run, made: dict[str, Any]) -> None:
    first, last = run.said["source"]["first_ts"], run.said["source"]["last_ts"]
    spans = [(int(row["entry_ts"]), int(row["exit_ts"])) for row in rows_of(run)]
    still = run.summary["open_position"]
    if still and still["entry_ts"]:
        spans.append((still["entry_ts"], last))
    grid = range(first, last, 1_000_000)
    held = sum(any(start <= ts < stop for start, stop in spans) for ts in grid)
    assert made["headline"]["exposure"]["value"] == pytest.approx(held / len(grid), abs=1e-3)


def test_the_tables_add_up(run: Run, made: dict[str, Any]) -> None:
    rows = rows_of(run)
    net = sum((Decimal(row["net"]) for row in rows), Decimal(0))
    for name in ("reasons", "by_hour", "by_spread", "by_volatility"):
        assert sum(row["trades"] for row in made[name]) == len(rows)
        assert sum((Decimal(row["net"]) for row in made[name]), Decimal(0)) == net
    pairs = {(row["entry_reason"], row["exit_reason"]) for row in rows}
    assert {(row["entry"], row["exit"]) for row in made["reasons"]} == pairs


def test_break_even_and_slippage(run: Run, made: dict[str, Any]) -> None:
    costs, rows = made["costs"], rows_of(run)
    turnover = Decimal(0)
    for row in rows:
        turnover += Decimal(row["qty"]) * (Decimal(row["entry_px"]) + Decimal(row["exit_px"]))
    assert Decimal(costs["turnover"]) == turnover  # one slice each here: averages are exact
    gross = Decimal(made["headline"]["gross"]["value"])
    if gross > 0:
        assert float(costs["break_even_fee"]) == pytest.approx(float(gross / turnover), abs=1e-8)
    nets = [Decimal(one["net"]) for one in costs["slippage"]]
    assert nets[1] == Decimal(made["headline"]["net"]["value"])
    assert nets[0] - nets[1] == nets[1] - nets[2] == Decimal(made["headline"]["slippage"]["value"])


def test_slower_orders_are_the_backtest_with_that_latency(
    market: Path, made: dict[str, Any], tmp_path: Path
) -> None:
    for one in made["costs"]["latency"]:
        slower = run_of(market, tmp_path / "run", f"execution.latency={100 + one['added_ms']}")
        assert one["net"] == slower.summary["net"]
        assert one["trades"] == slower.summary["round_trips"]


def test_features_at_decisions_are_those_of_every_event(
    run: Run, book: Book, evidence: Evidence, market: Path, tmp_path: Path
) -> None:
    from replay.features import write_features

    idle = load_strategy(RULE[0])
    write_features(open_source(str(market)), idle, resolve(idle.Params), 0, tmp_path / "f.parquet")
    rows = pl.read_parquet(tmp_path / "f.parquet")
    seqs = rows["seq"].to_list()
    assert len(evidence.seen) > 20
    for seq, record in evidence.seen.items():
        row = rows.row(seqs.index(seq), named=True)
        for name in ("mid", "obi", "cvd", "tps_1s", "spike_up", "ask_wall_px"):
            value = float(record[name])
            assert (None if math.isnan(value) else value) == row[name]


def test_markouts_are_what_the_frames_say(run: Run, made: dict[str, Any], market: Path) -> None:
    times, mids = [], []
    for line in market.read_text(encoding="utf-8").splitlines():
        if "@depth" in line:
            stamp, _, text = line.partition(" ")
            data = json.loads(text)["data"]
            times.append(_ns(stamp))
            mids.append((Decimal(data["b"][0][0]) + Decimal(data["a"][0][0])) / 2)

    def mid_at(ts: int) -> Decimal | None:
        at = bisect_right(times, ts) - 1
        return mids[at] if at >= 0 and ts - times[at] <= 2_000_000_000 else None

    signals = run.signals.with_columns(pl.col("ts").cast(pl.Int64))
    asked = signals.filter(pl.col("kind") == "entry_asked")
    row = next(one for one in made["markouts"]["rows"] if one["kind"] == "entry_asked")
    assert made["markouts"]["from"] == "books"
    for at, seconds in zip(row["at"], HORIZONS, strict=True):
        moved = []
        for ts, side in asked.select("ts", "side").iter_rows():
            before, after = mid_at(ts), mid_at(ts + round(seconds * 1e9))
            if before is not None and after is not None:
                moved.append((after - before) / before * 10_000 * (1 if side == "buy" else -1))
        assert at["n"] == len(moved)
        if moved:
            assert at["mean"] == pytest.approx(float(sum(moved) / len(moved)), rel=1e-5, abs=1e-9)


def _ns(stamp: str) -> int:
    """A receive time of a frames file, by its magnitude."""
    value = Decimal(stamp)
    while value < 10**18:
        value *= 1000
    return int(value)


def test_an_open_position_is_said_and_in_no_round_trip(
    run: Run, market: Path, tmp_path: Path
) -> None:
    row = rows_of(run)[3]
    lines = market.read_bytes().splitlines(keepends=True)
    part = tmp_path / "part.jsonl"
    part.write_bytes(b"".join(lines[: int(row["entry_seq"]) + 1]))
    cut = run_of(part, tmp_path / "run")
    found = figures(cut, Book(cut), None, "not read")
    assert found["open_position"]["qty"] == row["qty"]
    assert found["headline"]["trades"]["value"] == 3
    assert found["costs"]["as_run"]["net"] == cut.summary["net"]
    assert found["headline"]["exposure"]["value"] > 0


def test_a_gap_is_on_the_card(run: Run, market: Path, tmp_path: Path) -> None:
    lines = market.read_bytes().splitlines(keepends=True)
    part = tmp_path / "part.jsonl"
    quarter = len(lines) // 4
    part.write_bytes(b"".join([*lines[:quarter], *lines[2 * quarter :]]))
    assert gaps(run) == []
    (gap,) = gaps(run_of(part, tmp_path / "run"))
    start, stop = (_ns(lines[k].split()[0].decode()) for k in (quarter - 1, 2 * quarter))
    assert gap["what"] == "nothing came"
    assert abs(gap["from_ts"] - start) < 2_000_000_000
    assert abs(gap["to_ts"] - stop) < 2_000_000_000


@given(st.lists(st.integers(-50, 50), max_size=12))
def test_drawdown_and_profit_factor_against_loops(nets: list[int]) -> None:
    values = np.array(nets, np.float64)
    falls = [sum(nets[:a]) - sum(nets[:b]) for b in range(len(nets) + 1) for a in range(b + 1)]
    assert drawdown(values) == max(falls)
    won, lost = sum(n for n in nets if n > 0), -sum(n for n in nets if n < 0)
    factor = profit_factor(values)
    assert factor == won / lost if lost else (math.isinf(factor) if won else math.isnan(factor))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=8), st.integers(0, 70))
def test_spans_are_united(pairs: list[tuple[int, int]], ts: int) -> None:
    pairs.sort()
    within = any(start <= ts <= start + length for start, length in pairs)
    spans = merged(
        np.array([start for start, _ in pairs], np.int64),
        np.array([start + length for start, length in pairs], np.int64),
    )
    assert bool(inside(spans, np.array([ts]))[0]) == within
    assert all(spans[k, 1] < spans[k + 1, 0] for k in range(len(spans) - 1))


def test_the_blob_gives_back_what_was_kept(run: Run, book: Book, evidence: Evidence) -> None:
    blob = drill_down(run, book, evidence)
    size = int.from_bytes(blob[:4], "little")
    head, at = json.loads(blob[4 : 4 + size]), 4 + size
    columns = {}
    for name, delta, width, rows in head["columns"]:
        planes = np.frombuffer(blob, np.uint8, width * rows, at).reshape(width, rows)
        values = np.ascontiguousarray(planes.T).view(f"<i{width}").ravel().astype(np.int64)
        columns[name] = np.cumsum(values) if delta else values
        at += width * rows
    assert at == len(blob)
    assert head["step_ms"] == 0
    books = evidence.books
    assert (columns["book_ms"] + head["base_ms"] == books.ts // 1_000_000).all()
    assert (columns["bid_px_0"] + columns["ask_px_0"] == books.ask_px[0]).all()
    third = columns["bid_px_0"] - columns["bid_px_1"] - columns["bid_px_2"]
    assert (third == books.bid_px[2]).all()
    assert (columns["ask_qty_4"] == books.ask_qty[4]).all()
    assert columns["print_qty"].sum() == evidence.prints.qty.sum()
    assert [trade["id"] for trade in head["trades"]] == [trade.id for trade in book.trades]


def test_too_much_is_thinned_far_from_orders_only(
    book: Book, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.report.drill_down.BUDGET_BYTES", 20_000)
    step_ms, books, prints = thinned(book, evidence.books, evidence.prints)
    assert step_ms > 0
    assert len(books.ts) < len(evidence.books.ts)
    assert prints.qty.sum() == evidence.prints.qty.sum()
    order = next(iter(book.orders.values()))
    near = (evidence.books.ts >= order.ts) & (evidence.books.ts <= order.status_ts)
    assert near.sum() > 0
    assert set(evidence.books.ts[near].tolist()) <= set(books.ts.tolist())


def test_a_thinned_line_keeps_its_ends_and_extremes() -> None:
    draw = random.Random(1)
    values = np.array([draw.gauss(0, 1) for _ in range(20_000)])
    rows = thin(values, 400)
    assert len(rows) <= 402
    assert {0, len(values) - 1, int(values.argmin()), int(values.argmax())} <= set(rows.tolist())


def test_a_sharpe_ratio_needs_twenty_days(run: Run, book: Book) -> None:
    from replay.report.money import headline

    day = 86_400_000_000_000
    long = Run(run.folder)
    first = long.said["source"]["first_ts"]
    for n, told in ((19, False), (20, True)):
        long.said = long.said | {"source": long.said["source"] | {"last_ts": first + (n - 1) * day}}
        trades = [
            trade._replace(exit_ts=first + k * day, net=Decimal(k % 3 - 1))
            for k, trade in zip(range(n), book.trades, strict=False)
        ]
        sharpe = headline(long, trades)["sharpe"]
        assert (sharpe is not None) is told
        if sharpe is not None:
            daily = [float(trade.net) for trade in trades] + [0.0] * (n - len(trades))
            expected = np.mean(daily) / np.std(daily, ddof=1) * math.sqrt(365)
            assert sharpe["value"] == pytest.approx(expected)
