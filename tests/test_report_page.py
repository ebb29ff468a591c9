"""The report as people open it: whole in one file, the same bytes twice, alive in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from replay.backtest import backtest
from replay.report.evidence import NoSourceError
from replay.report.report import report
from replay.runs import RunError
from replay.simulator import write
from replay.source import open_source
from tests.browser import Page, chromium, tab
from tests.page_shape import shape_of

ROOT = Path(__file__).parents[1]
SECTIONS = ("card", "headline", "equity", "reasons", "behaviour", "markouts", "costs", "trades")


def run_of(source: Path, folder: Path, strategy: str, *sets: str) -> Path:
    module = load_strategy(strategy)
    backtest(open_source(str(source)), module, resolve(module.Params, None, list(sets)), folder)
    return folder


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report-market") / "market.jsonl"
    write(path, 7, 1 / 20)
    return path


@pytest.fixture(scope="module")
def run(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = run_of(market, tmp_path_factory.mktemp("runs") / "run", "obi_revert", "enter_obi=0.6")
    report(folder)
    return folder


def test_the_page_is_whole_and_fetches_nothing(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    found = shape_of(text)
    assert [one for one in found.ids if one in SECTIONS] == list(SECTIONS)
    trades = (run / "transaction.csv").read_text(encoding="utf-8").count("\n") - 1
    assert trades > 5
    assert {f"trade-{k}" for k in range(trades)} <= set(found.ids)
    assert len(text) < 3_000_000


def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    one = (run / "report.html").read_bytes()
    report(run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == one


def test_the_command_the_folder_and_the_page_say_the_same(run: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "micropulse", "report", str(run), "-o", str(tmp_path / "a.html")]
    said = subprocess.run([*words, "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(said.stdout)
    assert figures.pop("page") == str(tmp_path / "a.html")
    assert json.loads((run / "summary.json").read_text(encoding="utf-8"))["report"] == figures
    text = (run / "report.html").read_text(encoding="utf-8")
    inside = re.search(r'id="figures">(.*?)</script>', text, re.S)
    assert inside is not None
    assert json.loads(inside[1]) == figures


def test_the_terminal_shows_the_headline(run: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "micropulse", "report", str(run), "-o", str(tmp_path / "a.html")]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    for word in ("hit rate", "profit factor", "these days only", "latency + 250 ms", "break-even"):
        assert word in said.stdout
    assert said.stdout.splitlines()[-1] == f"report {tmp_path / 'a.html'}"


def test_without_its_source_it_is_made_and_says_so(run: Path, market: Path, tmp_path: Path) -> None:
    lost = tmp_path / "lost"
    shutil.copytree(run, lost)
    said = json.loads((lost / "run.json").read_text(encoding="utf-8"))
    said["source"]["name"] = str(tmp_path / "gone.jsonl")
    (lost / "run.json").write_text(json.dumps(said), encoding="utf-8")
    made = report(lost)
    assert not made.figures["source"]["read"]
    assert made.figures["costs"]["latency"] is None
    assert made.figures["markouts"]["from"] == "samples"
    text = made.path.read_text(encoding="utf-8")
    assert "no books and prints around the trades" in text
    shape_of(text)
    again = report(lost, tmp_path / "again.html", str(market))
    assert again.figures["source"]["read"]
    assert again.path.read_bytes() != made.path.read_bytes()
    with pytest.raises(NoSourceError):
        report(lost, data=str(tmp_path / "gone.jsonl"))


def test_another_file_than_was_read_is_no_source(run: Path, market: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_bytes(b"".join(market.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(NoSourceError, match="not the file that was read"):
        report(run, tmp_path / "a.html", str(other))


def test_other_code_gives_no_other_latencies(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run, other)
    said = json.loads((other / "run.json").read_text(encoding="utf-8"))
    (other / "run.json").write_text(json.dumps(said | {"code": "0"}), encoding="utf-8")
    made = report(other)
    assert made.figures["source"]["read"]
    assert made.figures["costs"]["latency"] is None
    assert "Other latencies are unknown" in made.path.read_text(encoding="utf-8")


def test_names_are_escaped(run: Path, tmp_path: Path) -> None:
    """Names of files, strategies and reasons are the user's: none is markup or ends a script."""
    evil = "</script><img src=x onerror=alert(1)>&"
    other = tmp_path / "other"
    shutil.copytree(run, other)
    said = json.loads((other / "run.json").read_text(encoding="utf-8"))
    said["source"]["name"] = said["strategy"]["name"] = said["symbol"] = evil
    (other / "run.json").write_text(json.dumps(said), encoding="utf-8")
    trips = (other / "transaction.csv").read_text(encoding="utf-8")
    trips = trips.replace("book_leans", evil).replace("book_balanced", evil)
    (other / "transaction.csv").write_text(trips, encoding="utf-8")
    text = report(other).path.read_text(encoding="utf-8")
    assert text.count("</script>") == shape_of(text).ids.count("figures") * 5
    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_what_is_no_run_is_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(RunError, match="no run folder"):
        report(tmp_path)
    with pytest.raises(RunError, match="is a folder"):
        report(run, tmp_path)


# ---- in a browser --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if chromium() is None:
        pytest.skip("there is no Chromium here to open the page with")
    with tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_a_click_on_a_trade_draws_the_seconds_around_it(run: Path, page: Page) -> None:
    page.complaints.clear()
    page.requests.clear()
    page.open(run / "report.html")
    charts = "[...document.querySelectorAll('.chart .main-svg')].length"
    assert page.value(charts) > 4
    assert not page.value("document.getElementById('drill').open")
    page.value("document.querySelector('#trade-3 td').click()")
    page.until("document.getElementById('drill').dataset.trade === '3'")
    page.until("document.querySelector('#drill-chart .hm image')")
    assert page.value("location.hash") == "#trade-3"
    names = "document.getElementById('drill-chart').data.map((trace) => trace.name)"
    drawn = page.value(names)
    for name in ("book", "best bid", "best ask", "OBI", "CVD", "buy prints", "sell prints"):
        assert name in drawn
    assert {"entry", "exit"} <= {name.partition(" ")[0] for name in drawn}
    page.value("document.getElementById('drill-after').click()")
    page.until("document.getElementById('drill').dataset.trade === '4'")
    page.value("document.getElementById('drill-close').click()")
    page.until("!document.getElementById('drill').open")
    assert page.complaints == []
    assert [one for one in page.requests if not one.startswith(("file:", "data:", "blob:"))] == []


def test_what_is_drawn_is_what_the_source_said(run: Path, market: Path, page: Page) -> None:
    """The last book before the decision, found in the frames themselves."""
    page.open(run / "report.html", "#trade-2")
    page.until("document.querySelector('#drill-chart .hm image')")
    asked = _decision_of_trade(run, 2)
    frames = market.read_text(encoding="utf-8").splitlines()[: asked + 1]
    book = json.loads(next(one for one in reversed(frames) if "@depth" in one).partition(" ")[2])
    line = "document.getElementById('drill-chart').data.find((one) => one.name === '{}')"
    at = "(one) => one.y[one.x.findLastIndex((x) => x <= 0)]"
    for side, key in (("bid", "b"), ("ask", "a")):
        assert page.value(f"({at})({line.format(f'best {side}')})") == float(
            book["data"][key][0][0]
        )
    sizes = [[float(size) for _, size in book["data"][key]] for key in ("b", "a")]
    leans = (sum(sizes[0]) - sum(sizes[1])) / (sum(sizes[0]) + sum(sizes[1]))
    found = page.value(f"({at})({line.format('OBI')})")
    assert found == pytest.approx(leans, abs=1e-9)


def _decision_of_trade(run: Path, trade: int) -> int:
    import polars as pl

    trips = pl.read_csv(run / "transaction.csv")
    orders = pl.read_parquet(run / "orders.parquet")
    return int(orders.filter(pl.col("order_id") == trips["entry_order"][trade])["seq"][0])


def test_dark_light_and_narrow(run: Path, page: Page) -> None:
    page.complaints.clear()
    background = "getComputedStyle(document.body).backgroundColor"
    grid = "document.getElementById('chart-equity')._fullLayout.yaxis.gridcolor"
    page.open(run / "report.html", dark=True)
    dark = page.value(background), page.value(grid)
    page.value("document.getElementById('theme').click()")
    light = page.value(background), page.value(grid)
    assert page.value("document.documentElement.dataset.theme") == "light"
    assert all(one != other for one, other in zip(dark, light, strict=True))
    page.open(run / "report.html")
    assert (page.value(background), page.value(grid)) == light
    page.open(run / "report.html", "#trade-1", width=390)
    assert page.value("document.documentElement.scrollWidth") == 390
    assert page.complaints == []


def test_a_head_sorts_the_list(run: Path, page: Page) -> None:
    page.open(run / "report.html")
    page.value("document.querySelector('#trade-list th:nth-child(10) button').click()")
    rows = "[...document.querySelectorAll('#trade-list tbody tr')]"
    found = page.value(f"{rows}.map((row) => Number(row.cells[9].textContent))")
    assert found == sorted(found)
    assert len(found) > 5


@pytest.mark.parametrize("trades", [0, 1])
def test_a_run_of_none_or_one_trade_looks_sane(
    trades: int, run: Path, market: Path, tmp_path: Path, page: Page
) -> None:
    import polars as pl

    column = "exit_seq" if trades else "entry_seq"
    lines = int(pl.read_csv(run / "transaction.csv")[column][0]) + trades
    few = tmp_path / "few.jsonl"
    few.write_bytes(b"".join(market.read_bytes().splitlines(keepends=True)[:lines]))
    made = report(run_of(few, tmp_path / "run", "obi_revert", "enter_obi=0.6"))
    assert made.figures["headline"]["trades"]["value"] == trades
    page.complaints.clear()
    page.open(made.path, "#trade-0")
    assert page.value("document.getElementById('drill').open") is (trades == 1)
    assert page.complaints == []
