"""The comparison with others says the truth, and its page what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.day import tape_of
from benchmarks.peers.__main__ import compared
from benchmarks.peers.answer import Answer
from benchmarks.peers.engines import engines
from benchmarks.peers.table import BEGIN, END, found_in, page_part, written
from benchmarks.peers.truth import Truth, judged, orders_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"


def test_ours_and_the_exact_encoding_see_every_book_as_it_was(tmp_path: Path) -> None:
    pytest.importorskip("hftbacktest")
    tape = tape_of(tmp_path, 1, 1 / 20)
    ours, _, _, _, exact, nautilus = engines(None)
    rows = compared(tape, tmp_path / "work", [ours, exact, nautilus], 1)
    for row in rows[:2]:
        assert row["equal"] == row["moments"] > 1_000
        assert row["orders"] == row["orders_right"] == row["orders_true"] > 5
        assert row["cpu_s"] > 0 and row["peak_mib"] > 20 and row["disk_mib"] > 0
    assert rows[2]["said"] == "not installed"
    part = page_part({"measured": {"when": "now"}, "events": 1_000, "rows": rows})
    assert part.count("not installed") == 3  # two tables, and the figures behind them
    assert part.count("\n| MicroPulse") == part.count("\n| hftbacktest") == 2


def test_a_wrong_book_and_a_wrong_order_are_seen() -> None:
    truth = Truth(np.array([10, 20, 30, 40]), np.array([0.96, 0.1, -0.95, np.nan]))
    assert orders_of(truth) == [(10, 1), (30, -1)]
    right = Answer(*truth, *np.array([[10, 30], [1, -1]]), *np.array([[1, -1], [5, 7], [2, 2]]))
    assert judged(truth, right, truth.ts) | {"digest": ""} == {
        "moments": 4, "equal": 4, "orders": 2, "orders_right": 2, "orders_true": 2,
        "fills": 2, "gross": 4.0, "digest": "",
    }  # fmt: skip
    late = right._replace(seen_ts=np.array([10, 21, 30, 40]), order_ts=np.array([10, 31]))
    wrong = judged(truth, late, truth.ts)
    assert (wrong["equal"], wrong["orders_right"]) == (3, 1)


def test_the_tables_of_the_page_are_what_the_command_wrote() -> None:
    page = PAGE.read_text(encoding="utf-8")
    part = page_part(found_in(page))
    assert written(page, part) == page
    rows = found_in(page)["rows"]
    names = [(engine.name, engine.input) for engine in engines(Path("python"))]
    assert [(row["name"], row["input"]) for row in rows] == names


def test_no_table_of_the_page_was_typed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    typed = re.sub(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", "", page, flags=re.S)
    assert typed != page
    assert not re.search(r"^\||\d+ (CPU|MiB|µs)", typed, re.M)
