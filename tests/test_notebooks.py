"""The notebooks run as they are, on the sample and on real frames, and say what is so."""

from __future__ import annotations

import ast
import importlib.util
import json
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from micropulse.testing import read
from tests.running import SHARED
from tests.sources import ROOT
from tests.test_docs import page

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
SAMPLE = "data/sample.jsonl.gz"
REAL = SHARED / "btcusdt_usdm_20240808_235415_depth5_trade.gz"
FIGURES = {"day": 4, "idea": 3, "trade": 1}


@cache
def ran(name: str, source: str | None = None) -> tuple[str, Mapping[str, Any]]:
    """What a notebook says in words (as HTML), and what it defines."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "notebooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    outputs, defined = module.app.run(defs={"SOURCE": source} if source else None)
    return "".join(getattr(output, "text", "") for output in outputs), defined


@pytest.fixture(autouse=True)
def _from_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their one line names the sample from there; what they write is thrown away."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("name", FIGURES)
def test_each_opens_on_the_sample_and_draws(name: str) -> None:
    said, defined = ran(name)
    figures = [value for value in defined.values() if isinstance(value, go.Figure)]
    assert len(figures) == FIGURES[name]
    assert all(figure.data for figure in figures)
    assert defined["SOURCE"] == SAMPLE
    assert "This market is simulated" in said


@pytest.mark.parametrize("name", FIGURES)
def test_each_opens_on_real_frames_by_its_one_line(name: str) -> None:
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    said, _ = ran(name, str(REAL))
    assert "simulated" not in said


def test_the_day_finds_in_real_frames_what_was_measured_without_it() -> None:
    """Correlations of OBI with the next moves, and how far the prints are ahead: other programs
    found 0.22, 0.15 and 50 to 62 ms in these minutes."""
    if not REAL.exists():
        pytest.skip("the real frames of ../shared/data are not here")
    _, defined = ran("day", str(REAL))
    assert {s: round(r, 2) for s, r in defined["correlations"].items()} == {1: 0.22, 5: 0.15}
    assert 50 < np.nanmedian(defined["lead_ms"]) < 62


def test_the_list_here_is_what_there_is() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(FIGURES)


def test_the_day_counts_what_is_there_and_who_moved_first() -> None:
    """The lead of the prints once more, event by event."""
    said, defined = ran("day")
    rows = json.loads((ROOT / "data/sample.manifest.json").read_text())["rows"]
    assert f"{rows['books']:,} books and {rows['trades MARKET']:,} prints" in said
    recorded = read(SAMPLE)
    events = recorded.events
    stream = [("book", k, seq) for k, seq in enumerate(events.depth.seq)]
    stream += [("print", k, seq) for k, seq in enumerate(events.trades.seq)]
    best, newest, first, leads = None, -1, {}, []
    for what, k, _ in sorted(stream, key=lambda one: one[2]):
        if what == "print":
            trades = events.trades
            side, px = int(trades.side[k]), int(trades.px[k])
            beyond = best and trades.kind[k] == 0 and (px - best[side]) * side > 0
            if beyond:
                first.setdefault(side, int(trades.ts_recv[k]))
            continue
        depth = events.depth
        if depth.last_id[k] <= newest:
            continue
        newest = int(depth.last_id[k])
        now = {1: int(depth.ask_px[0][k]), -1: int(depth.bid_px[0][k])}
        if best and sum(now.values()) != sum(best.values()):
            way = 1 if sum(now.values()) > sum(best.values()) else -1
            leads.append((int(depth.ts_recv[k]) - first[way]) / 1e6 if way in first else np.nan)
        best, first = now, {}
    assert np.allclose(defined["lead_ms"], leads, equal_nan=True)


def test_the_picture_of_a_trade_shows_every_level_of_its_books() -> None:
    _, defined = ran("trade")
    books, depth, prices = defined["around"].books, defined["depth"], defined["prices"]
    for k in range(0, len(books.ts), 20):
        shown = {
            round(px / defined["scale"], 6): side * qty
            for px_of, qty_of, side in (
                (books.bid_px, books.bid_qty, 1),
                (books.ask_px, books.ask_qty, -1),
            )
            for px, qty in zip(px_of[:, k].tolist(), qty_of[:, k].tolist(), strict=True)
            if px
        }
        drawn = {
            round(px, 6): qty
            for px, qty in zip(prices.tolist(), depth[:, k].tolist(), strict=True)
            if qty == qty and qty
        }
        assert drawn == {px: qty for px, qty in shown.items() if qty}


def test_the_comparison_is_of_two_runs_over_the_same_events() -> None:
    said, defined = ran("idea")
    found = defined["found"]
    assert found.a.summary["input_digest"] == found.b.summary["input_digest"]
    assert (
        found.a.summary["params"]["strategy"] | {"hold_ms": defined["VALUES"][1]}
        == (found.b.summary["params"]["strategy"])
    )
    assert found.a.summary["net"] in said
    assert defined["costs_bps"] == pytest.approx(10)


def test_the_rule_of_the_notebook_is_that_of_the_page() -> None:
    """One text: a reader meets it twice, and it is compiled once."""
    tree = ast.parse((ROOT / "notebooks/idea.py").read_text(encoding="utf-8"))
    rule = next(
        str(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and "class Params" in str(node.value)
    )
    assert textwrap.dedent(rule).strip() in page("docs/strategies.md")


def written_figures(text: str) -> Iterator[str]:
    """Digits in what a notebook says in words that no code has put there."""
    tree = ast.parse(text)
    said: list[ast.expr] = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    specs = {
        id(node.format_spec) for node in ast.walk(tree) if isinstance(node, ast.FormattedValue)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "mo.md":
            said += [part for part in call.args if isinstance(part, ast.Constant)]
    for expression in said:
        if id(expression) in specs:
            continue
        parts = expression.values if isinstance(expression, ast.JoinedStr) else [expression]
        for part in parts:
            if isinstance(part, ast.Constant) and any(c.isdigit() for c in str(part.value)):
                yield str(part.value)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_figure_in_the_words_is_written_by_hand(path: Path) -> None:
    assert list(written_figures(path.read_text(encoding="utf-8"))) == []


def test_a_figure_written_by_hand_is_seen() -> None:
    assert list(written_figures("mo.md('10 bps')\nmo.md(f'{x:.2f} of 3')")) == [" of 3", "10 bps"]
