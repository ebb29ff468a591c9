"""The simulated market: looks like the real one, is the same every time, fails as asked."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.events import Frames
from micropulse.wire import Decoder
from replay.frames import FramesFile
from replay.simulator import (
    EVERY_FAULT,
    NO_FAULTS,
    ORDINARY,
    START_NS,
    START_TICKS,
    Faults,
    faults_named,
    simulate,
    write,
)
from replay.simulator.exchange import publish
from replay.simulator.faults import NAMES
from replay.simulator.market import Market, Message, open_market
from replay.simulator.rng import Rng, exp, log, seed_rng, uniform
from replay.simulator.takers import FILLS_MAX
from tests.market_measures import REAL, allowed, measure, table, window

ROOT = Path(__file__).parents[1]
REAL_FILE = ROOT.parent / "shared/data/btcusdt_usdm_20240808_235415_depth5_trade.gz"
SECOND, MINUTE = 10**9, 1 / 60
BEFORE_FUNDING = START_NS + (8 * 3600 - 30) * SECOND  # half a minute before 08:00


def lines(chunks: Iterable[Frames]) -> Iterator[tuple[int, bytes]]:
    for frames in chunks:
        text = frames.text.tobytes()
        places = frames.ts_recv.tolist(), frames.start.tolist(), frames.stop.tolist()
        for recv, start, stop in zip(*places, strict=True):
            yield recv, text[start:stop]


def data(chunks: Iterable[Frames]) -> list[dict[str, Any]]:
    """What the frames say, `recv` (ns) added."""
    return [json.loads(text)["data"] | {"recv": recv} for recv, text in lines(chunks)]


def of(rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["e"] == what]


def digest(chunks: Iterable[Frames]) -> tuple[str, int]:
    """Of text, receive times and seq; and how many frames."""
    text, stamps, n = hashlib.sha256(), hashlib.sha256(), 0
    for frames in chunks:
        text.update(frames.text.tobytes())
        for row in zip(frames.seq.tolist(), frames.ts_recv.tolist(), strict=True):
            stamps.update(repr(row).encode())
        n += len(frames.seq)
    return text.hexdigest() + stamps.hexdigest(), n


# ---- the market looks like the real one -----------------------------------------------------


def test_the_measures_give_what_was_published_of_a_real_window() -> None:
    if not REAL_FILE.exists():
        pytest.skip(f"no real recording at {REAL_FILE}")
    with gzip.open(REAL_FILE) as file:
        parts = (line.rstrip().split(b" ", 1) for line in file)
        figures = measure(window((int(recv), text) for recv, text in parts))
    published = {name: values[1] for name, values in REAL.items()}
    # Published level by level, from 1.1 to 3.9.
    assert 1.1 < figures.pop("levels 2-5 BTC p95") < 3.9
    wrong = {
        name: (published[name], figure)
        for name, figure in figures.items()
        if abs(figure - published[name]) > 0.2 * abs(published[name]) + 0.01
    }
    assert wrong == {}


def test_the_market_looks_like_the_real_one() -> None:
    figures = measure(window(lines(simulate(seed=8, hours=20 * MINUTE))))
    assert set(figures) == set(REAL)
    outside = [
        name for name, value in figures.items() if not allowed(name)[0] <= value <= allowed(name)[1]
    ]
    assert not outside, "\n" + table(figures)


def test_a_market_that_is_too_quiet_is_seen() -> None:
    rows = list(lines(simulate(seed=8, hours=2 * MINUTE)))
    books = [row for row in rows if b"depthUpdate" in row[1]]
    trades = [row for row in rows if b'"MARKET"' in row[1]]
    figures = measure(window([*books, *trades[::10]]))
    assert "trades/s p50" in [name for name in figures if figures[name] < allowed(name)[0]]


def test_a_third_of_a_day_stays_near_its_price_and_has_violent_seconds() -> None:
    market, messages = Market.new(), Message.zeros(16_384 + FILLS_MAX)
    seed_rng(market.rng, 4, 1)
    open_market(market, START_NS, START_TICKS)
    end, per_second, prices = START_NS + 8 * 3600 * SECOND, np.zeros(8 * 3600, int), []
    while market.now < end:
        made = messages[: publish(market, end, messages)]
        trades = made[(made["what"] == 0) & (made["time"] < end)]
        at = (trades["time"] - START_NS) // SECOND
        per_second += np.bincount(at, minlength=len(per_second))
        prices += [trades["px"].min(), trades["px"].max()]
    assert 0.95 < min(prices) / START_TICKS < max(prices) / START_TICKS < 1.05
    assert 1 <= np.count_nonzero(per_second > 1000) <= 20
    assert 500_000 < per_second.sum() < 2_500_000  # a real day: 1.2 to 4.8 million
    by_minute = per_second.reshape(-1, 60).sum(1)
    assert np.percentile(by_minute, 95) > 2 * np.percentile(by_minute, 25) > 0


def test_books_are_ordered_uncrossed_and_filled() -> None:
    for book in of(data(simulate(seed=4, hours=0.1)), "depthUpdate"):
        bids, asks = ([float(px) for px, _ in book[side]] for side in "ba")
        assert len(set(bids)) == len(set(asks)) == 5
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]
        assert all(float(qty) > 0 for side in "ba" for _, qty in book[side])


def test_a_fill_takes_the_depth_that_was_shown() -> None:
    """The next book never shows a level that prints went through, unless it was quoted anew."""
    market, messages = Market.new(), Message.zeros(8_192 + FILLS_MAX)
    seed_rng(market.rng, 5, 1)
    open_market(market, START_NS, START_TICKS)
    made = messages[: publish(market, START_NS + 600 * SECOND, messages)]
    seen = Counter[str]()
    for fill, then in pairwise(made):
        assert fill["time"] <= then["time"]
        same = fill["what"] == then["what"] == 0 and fill["time"] == then["time"]
        if same and fill["side"] == then["side"]:  # one parent: its fills walk away from the best
            seen["up" if then["px"] != fill["px"] else "same"] += 1
            assert (then["px"] - fill["px"]) * fill["side"] >= 0
    assert seen["same"] > seen["up"] > 0


# ---- it is the same every time --------------------------------------------------------------

NASTY = EVERY_FAULT._replace(
    silences_per_hour=60.0,
    drops_per_hour=900.0,
    duplicates_per_hour=900.0,
    pu_breaks_per_hour=900.0,
)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**64), rows=st.integers(1, 3_000))
def test_chunks_change_nothing(seed: int, rows: int) -> None:
    whole = digest(simulate(seed, MINUTE, faults=NASTY))
    assert digest(simulate(seed, MINUTE, faults=NASTY, rows=rows)) == whole
    assert digest(simulate(seed + 1, MINUTE, faults=NASTY)) != whole


def test_a_longer_market_begins_with_the_shorter_one() -> None:
    short, long = (list(lines(simulate(3, minutes * MINUTE))) for minutes in (1, 3))
    assert long[: len(short)] == short


def test_the_same_bytes_without_the_compiler_and_normals_that_are_normal() -> None:
    code = (
        "from tests.test_simulator import *\n"
        "from replay.simulator.rng import normal\n"
        "print(*digest(simulate(11, 6 / 3600, faults=NASTY)))\n"
        "rng = Rng.new()\nseed_rng(rng, 1, 2)\n"
        "x = np.array([normal(rng) for _ in range(20_000)])\n"
        "print(x.mean(), x.std(), np.mean(np.abs(x) > 1.96))"
    )
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    text, count, mean, deviation, beyond = plain.stdout.split()
    assert (text, int(count)) == digest(simulate(11, 6 / 3600, faults=NASTY))
    assert int(count) > 100
    assert abs(float(mean)) < 0.03
    assert abs(float(deviation) - 1) < 0.02
    assert 0.043 < float(beyond) < 0.057


def test_faults_do_not_touch_the_market() -> None:
    kept = ("T", "p", "q", "m")
    calm, faulty = (
        [[row[key] for key in kept] for row in of(data(frames), "trade") if row["X"] == "MARKET"]
        for frames in (
            simulate(6, MINUTE, faults=NO_FAULTS),
            simulate(6, MINUTE, faults=EVERY_FAULT._replace(drops_per_hour=0.0)),
        )
    )
    assert calm == faulty


def test_chunks_stay_small() -> None:
    sizes = [len(frames.seq) for frames in simulate(2, 0.2, faults=EVERY_FAULT, rows=500)]
    assert max(sizes) <= 2 * (500 + FILLS_MAX)
    assert len(sizes) > 10


# ---- the line and its faults ----------------------------------------------------------------


def test_a_clean_line_is_clean() -> None:
    rows = data(simulate(7, 5 * MINUTE, faults=NO_FAULTS))
    trades, books = of(rows, "trade"), of(rows, "depthUpdate")
    assert {row["X"] for row in trades} == {"MARKET"}
    assert set(np.diff([row["t"] for row in trades])) == {1}
    assert all(b["pu"] == a["u"] < b["U"] <= b["u"] for a, b in pairwise(books))
    for stream in (trades, books):
        assert np.diff([row["T"] for row in stream]).min() >= 0
        assert np.diff([row["E"] for row in stream]).min() >= 0
    assert np.diff([row["recv"] for row in rows]).min() > 0
    assert np.diff([row["E"] for row in rows]).min() == 0
    assert all(0 <= row["E"] - row["T"] <= 3 for row in rows)
    assert all(0 < row["recv"] / 1e6 - row["T"] < 100 for row in rows)
    assert set(np.diff([row["E"] for row in books])) <= set(range(94, 107))


def test_a_book_comes_after_every_trade_that_is_in_it() -> None:
    rows = data(simulate(7, 5 * MINUTE))
    last_book_t = 0
    for row in rows:
        if row["e"] == "depthUpdate":
            last_book_t = row["T"]
        elif row["X"] == "MARKET":
            assert row["T"] > last_book_t


def test_every_frame_is_in_a_documented_form() -> None:
    decoder = Decoder()
    for frames in simulate(1, 2 * MINUTE, faults=ORDINARY):
        assert len(decoder.decode(frames).verbatim) == 0
    assert decoder.counts["decoded"] > 1200
    assert decoder.counts["fallback"] <= 3  # the first of each: a book, a trade, an NA row


def share_late(rows: list[dict[str, Any]]) -> float:
    """Of the books: those after a frame with a later E."""
    late = np.array([row["E"] for row in rows])
    late = late < np.maximum.accumulate(late)
    return float(np.mean(late[[row["e"] == "depthUpdate" for row in rows]]))


SEEN: dict[str, Callable[[list[dict[str, Any]]], bool]] = {
    "na": lambda rows: 15 <= sum(row.get("X") == "NA" and row["p"] == "0" for row in rows) <= 80,
    "late": lambda rows: share_late(rows) > 0,
    "stall": lambda rows: max(row["recv"] / 1e6 - row["E"] for row in rows) > 1800,
    "insurance": lambda rows: any(row.get("X") == "INSURANCE_FUND" for row in rows),
    "keys": lambda rows: any("zz" in row for row in rows),
    "silence": lambda rows: max(np.diff([row["recv"] for row in rows])) > 40 * SECOND,
    "drops": lambda rows: max(np.diff([row["t"] for row in of(rows, "trade")])) > 1,
    "duplicates": lambda rows: min(np.diff([row["u"] for row in of(rows, "depthUpdate")])) == 0,
    "pu": lambda rows: any(
        b["pu"] not in (a["u"], a["pu"]) for a, b in pairwise(of(rows, "depthUpdate"))
    ),
    "clock": lambda rows: max(row["recv"] / 1e6 - row["E"] for row in rows) < -1000,
}
OFTEN = {
    "insurance": 200.0, "keys": 0.01, "silence": 120.0, "drops": 300.0, "duplicates": 600.0,
    "pu": 600.0,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_seen_when_asked_for_and_only_then(name: str) -> None:
    faults = faults_named(name)
    if name in OFTEN:
        faults = faults._replace(**{NAMES[name]: OFTEN[name]})
    rows = data(simulate(9, 4 * MINUTE, BEFORE_FUNDING, faults))
    seen = {other for other, is_seen in SEEN.items() if is_seen(rows)}
    assert seen == {name}


def test_what_a_dropped_duplicated_or_silent_line_does_to_the_ids() -> None:
    rows = data(simulate(9, 20 * MINUTE, faults=NASTY))
    trades = of(rows, "trade")
    steps = Counter(np.sign(np.diff([row["t"] for row in trades]) - 1).tolist())
    assert steps[1] > 100  # holes
    assert steps[-1] > 50  # duplicates
    twice = [a for a, b in pairwise(trades) if a["t"] == b["t"]]
    texts = Counter(text for _, text in lines(simulate(9, 20 * MINUTE, faults=NASTY)))
    assert all(count <= 2 for count in texts.values())
    assert sum(count == 2 for count in texts.values()) >= len(twice) > 50
    silent = data(simulate(9, 4 * MINUTE, faults=NO_FAULTS._replace(silences_per_hour=30.0)))
    assert set(np.diff([row["t"] for row in of(silent, "trade")])) == {1}


def test_the_midnight_stall_is_not_at_the_very_start() -> None:
    first = data(simulate(1, 0.2 * MINUTE))
    assert max(row["recv"] / 1e6 - row["E"] for row in first) < 100


@pytest.mark.parametrize(("hours", "start", "rows"), [(0.0, 0, 1), (-1.0, 0, 1), (1.0, 0, 0)])
def test_nothing_to_simulate_is_refused(hours: float, start: int, rows: int) -> None:
    with pytest.raises(ValueError, match="cannot simulate"):
        simulate(1, hours, start, rows=rows)


def test_faults_have_names() -> None:
    assert faults_named("all") == EVERY_FAULT
    assert faults_named("none") == NO_FAULTS == Faults(*(0 for _ in Faults._fields))
    assert faults_named("ordinary") == ORDINARY
    assert faults_named("stall, pu") == NO_FAULTS._replace(
        funding_stall_ms=2000, pu_breaks_per_hour=EVERY_FAULT.pu_breaks_per_hour
    )
    assert set(NAMES.values()) == set(Faults._fields)
    assert 0 not in EVERY_FAULT
    with pytest.raises(ValueError, match="'nonsense' is no fault"):
        faults_named("na,nonsense")


def test_every_fault_is_documented_with_its_rates() -> None:
    page = (ROOT / "docs/simulator.md").read_text(encoding="utf-8")
    for name, field in NAMES.items():
        rates = f"{getattr(ORDINARY, field):g} | {getattr(EVERY_FAULT, field):g}"
        assert f"| `{name}` | `{field}` | {rates} | " in page


def test_a_written_market_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "market.jsonl.zst"
    n = write(path, 5, MINUTE)
    assert list(lines(FramesFile(path))) == list(lines(simulate(5, MINUTE)))
    assert n == sum(len(frames.seq) for frames in FramesFile(path))


# ---- the numbers it is made of --------------------------------------------------------------


def test_exp_and_log_are_right() -> None:
    for x in np.linspace(-30, 30, 301):
        assert py(exp)(float(x)) == pytest.approx(np.exp(x), rel=1e-12)
        assert py(log)(float(np.exp(x))) == pytest.approx(x, rel=1e-11, abs=1e-12)


def test_the_generator_is_xoshiro() -> None:
    """The first words of xoshiro128++ from the state 1, 2, 3, 4, as rand_xoshiro has them."""
    rng = Rng.new(s0=1, s1=2, s2=3, s3=4)
    drawn = [int(py(uniform)(rng) * 2**32) for _ in range(10)]
    published = "641 1573767 3222811527 3517856514 836907274 4247214768 3867114732 1355841295"
    assert drawn == [int(word) for word in [*published.split(), "495546011", "621204420"]]


def py(kernel: Any) -> Any:
    """The Python function of a kernel, compiled or not."""
    return getattr(kernel, "py_func", kernel)
