"""The comparison with others says the truth, and its page what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.day import tape_of
from benchmarks.peers.__main__ import CPU_S_MAX, compared
from benchmarks.peers.answer import Answer, read
from benchmarks.peers.costs import Market, prepared, traded
from benchmarks.peers.engines import engines
from benchmarks.peers.table import BEGIN, END, found_in, page_part, written
from benchmarks.peers.truth import Truth, judged, orders_of, truth_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tape_of(tmp_path_factory.mktemp("market"), 1, 1 / 20)


def test_ours_sees_every_book_as_it_was_and_every_engine_has_its_row(
    tape: Path, tmp_path: Path
) -> None:
    ours, *_, nautilus = engines(None)
    row, absent = compared(tape, tmp_path, [ours, nautilus], 1)
    assert row["equal"] == row["moments"] > 1_000
    assert row["orders"] == row["orders_right"] == row["orders_true"] > 5
    assert row["cpu_s"] > 0 and row["peak_mib"] > 20 and row["disk_mib"] > 0
    assert absent["said"] == "not installed"
    part = page_part({"measured": {"when": "now"}, "events": 1_000, "rows": [row, absent]})
    assert part.count("\n| MicroPulse") == part.count("\n| nautilus_trader") == 2


def test_the_exact_encoding_shows_hftbacktest_every_book_as_it_was(
    tape: Path, tmp_path: Path
) -> None:
    pytest.importorskip("hftbacktest")
    exact = engines(None)[4]
    market = Market(tape, tmp_path)
    made, _ = prepared(exact, market, 0, CPU_S_MAX)
    path, _ = traded(exact, made, tmp_path, 0, 1, CPU_S_MAX)
    truth = truth_of(tape)
    row = judged(truth, read(path), truth.ts)
    assert row["equal"] == row["moments"] > 1_000
    assert row["orders"] == row["orders_right"] == row["orders_true"] > 5


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
    names = [(engine.name, engine.how) for engine in engines(Path("python"))]
    assert [(row["name"], row["how"]) for row in rows] == names


def test_the_words_of_the_page_are_true_of_its_figures() -> None:
    found = found_in(PAGE.read_text(encoding="utf-8"))
    core, ours, changes, snapshots, exact, nautilus = found["rows"]
    everyone = found["rows"]
    if "said" in nautilus or found["events"] < 10**6:
        pytest.skip("the page has the figures of a short market, or none of nautilus_trader")
    for row in (core, ours, exact, nautilus):
        assert row["moments"] - row["equal"] <= 1
        assert row["orders"] == row["orders_right"] == row["orders_true"]
    assert changes["equal"] < snapshots["equal"] < exact["equal"]
    each = {id(row): row["cpu_s"] - row["start_s"] for row in everyone}
    assert min(each.values()) in (each[id(changes)], each[id(exact)])
    assert max(each.values()) == each[id(nautilus)]
    assert each[id(exact)] < 1.5 * each[id(core)] and each[id(core)] < each[id(ours)]
    assert min(row["start_s"] for row in (changes, snapshots, exact)) > 2 * nautilus["start_s"]
    assert 0.5 < nautilus["start_s"] / core["start_s"] < 2
    for what in ("disk_mib", "peak_mib"):
        assert max(core[what], ours[what]) < min(row[what] for row in everyone[2:])


def test_no_table_of_the_page_was_typed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    typed = re.sub(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", "", page, flags=re.S)
    assert typed != page
    assert not re.search(r"^\||\d+ (CPU|MiB|µs)", typed, re.M)
