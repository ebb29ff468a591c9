"""What the page is told is what happened, and its replay goes where it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.events import (
    BUY,
    Events,
    control_table,
    depth_table,
    no_events,
    trade_table,
)
from micropulse.run import record_dict
from micropulse.schema import MILLISECOND, SECOND
from replay.backtest import Session, backtest
from replay.pace import between, slices
from replay.page.cursor import Cursor
from replay.page.gaps import Gaps
from replay.page.messages import Kept, Messages
from replay.page.now import features_of
from replay.page.of_run import sessions_of_run
from replay.page.prints import FILLS_MOST, PARENTS_MOST, Prints
from tests.scripted_server import wait_until
from tests.served_page import START_MS, Served, minute, session

# ---- messages --------------------------------------------------------------------------------


def told(events: list[Events], one: Session | None = None) -> list[dict[str, Any]]:
    one, most = one or session(), 10**9
    one.core.state.clock.sample_every = -1
    kept, messages = Kept(), Messages(one)
    messages.base_ms = 0
    steps = []
    for part in events:
        one.core.advance_all(part, [kept])
        steps.append(messages.step(part, kept, most))
    return [step for step in steps if step]


def test_every_book_and_print_is_told_as_it_was() -> None:
    steps = told([part for part, _ in slices(minute(), SECOND)])
    depth, trades = minute().depth, minute().trades
    books = [row for step in steps if "b" in step for row in range(len(step["b"]["ms"]))]
    flat: dict[str, list[Any]] = {
        name: [v for step in steps if "b" in step for v in step["b"][name]]
        for name in ("ms", "bb", "ba", "q", "o")
    }
    assert len(books) == len(depth.seq) > 500
    assert flat["ms"] == (depth.ts_recv // MILLISECOND).tolist()
    assert flat["bb"] == depth.bid_px[0].tolist() and flat["ba"] == depth.ask_px[0].tolist()
    for row in range(0, len(books), 37):
        qty, away = flat["q"][row], flat["o"][row]
        assert qty == [int(c[row]) for c in (*depth.bid_qty, *depth.ask_qty)]
        prices = [flat["bb"][row] - d for d in away[:5]] + [flat["ba"][row] + d for d in away[5:]]
        shown = [int(column[row]) for column in (*depth.bid_px, *depth.ask_px)]
        assert [px for px, q in zip(prices, qty, strict=True) if q] == [px for px in shown if px]
    prints = (trades.kind <= 1) & (trades.px > 0) & (trades.qty > 0)
    dots = [step["p"] for step in steps if "p" in step]
    assert sum(sum(part["fills"]) for part in dots) == np.count_nonzero(prints) > 500
    signed = (trades.qty * trades.side)[prints]
    assert sum(sum(part["qty"]) for part in dots) == signed.sum()


@given(st.lists(st.integers(0, 3_000), max_size=12))
@settings(max_examples=6)
def test_messages_tell_the_same_however_a_batch_is_cut(cuts: list[int]) -> None:
    events = between(minute(), 0, 3_000)
    edges = sorted({0, *cuts, 3_001})
    parts = [between(events, a, b - 1) for a, b in pairwise(edges)]
    whole, cut = told([events]), told([part for part in parts if part.n])
    for key in ("s", "f", "x", "g"):
        assert [v for step in cut for v in step.get(key, ())] == whole[0].get(key, [])
    for name in whole[0]["b"]:
        assert [v for step in cut if "b" in step for v in step["b"][name]] == whole[0]["b"][name]


@pytest.mark.parametrize(
    ("n", "by"), [(10, "price"), (FILLS_MOST + 1, "parent"), (PARENTS_MOST * 2, "slice")]
)
def test_many_prints_are_joined_and_it_is_said(n: int, by: str) -> None:
    px = np.arange(n) % 7 + 100
    txn = np.arange(n) if by == "slice" else np.zeros(n)
    trades = trade_table(
        seq=np.arange(n), ts_recv=np.arange(n) * MILLISECOND, ts_txn=txn,
        trade_id=np.arange(n) + 1, px=px, qty=np.full(n, 3), side=np.full(n, BUY),
    )  # fmt: skip
    made = Prints()
    dots = made.take(trades, 0)
    assert dots.by == by
    assert (sum(dots.qty), sum(dots.fills)) == (3 * n, n)
    assert len(dots.ms) <= PARENTS_MOST
    assert made.take(trades, 0).ms == []  # again, by another connection


def test_gaps_are_where_nothing_came() -> None:
    at = [0, 100, 200, 9_000, 9_100, 15_000, 15_100]
    depth = depth_table(1, seq=np.array([1, 2, 3, 5, 6, 9, 10]), ts_recv=np.array(at) * MILLISECOND)
    kinds = [(4, 300, 4, 1), (7, 9_200, 4, 1), (8, 14_900, 3, 2)]  # lost, lost, back
    seq, ts, kind, conn = (np.array(column) for column in zip(*kinds, strict=True))
    control = control_table(seq=seq, ts_recv=ts * MILLISECOND, kind=kind, conn=conn)
    events = no_events()._replace(depth=depth, control=control)
    opened = between(events, 0, 0)
    expected = [(200, 9_000, "no connection"), (9_100, 15_000, "no connection")]
    assert Gaps().take(events) == expected
    for cut in range(2, 11):
        gaps = Gaps()
        gaps.take(opened)
        found = gaps.take(between(events, 0, cut - 1)) + gaps.take(between(events, cut, 99))
        assert found == expected, cut
    silent = Gaps().take(no_events()._replace(depth=depth))
    assert silent == [(200, 9_000, "nothing came"), (9_100, 15_000, "nothing came")]


def test_walls_are_told_on_the_side_of_the_book_they_stand_on() -> None:
    end_ns = (START_MS + 180_000) * MILLISECOND  # the baseline takes a minute
    one = session(to_ns=end_ns)
    steps = told([part for events in one.source for part, _ in slices(events, 5 * SECOND)], one)
    mids = {
        ms: bid for step in steps for ms, bid in zip(step["b"]["ms"], step["b"]["bb"], strict=True)
    }
    rows = [row for step in steps for row in step.get("s", ()) if row[1] == "wall_born"]
    assert {row[2] for row in rows} == {1, -1}
    for ms, _, side, px, *_ in rows:
        assert (px <= mids[ms]) == (side == 1), (ms, side, px)


# ---- the cursor and the player ---------------------------------------------------------------


@given(st.lists(st.sampled_from(("one", "print", "seq", "ts")), min_size=1, max_size=20))
@settings(max_examples=15)
def test_a_cursor_gives_every_event_once(moves: list[str]) -> None:
    events = between(minute(), 0, 400)
    cuts = ((0, 99), (100, 100), (101, 2**62))
    cursor = Cursor(iter([between(events, *cut) for cut in cuts]))
    first = cursor.first_ns()
    assert first == min(int(t.ts_recv[0]) for t in events if len(t.seq))
    seen: list[int] = []
    for move in moves:
        given_: Iterator[Events] = {
            "one": cursor.one,
            "print": cursor.one_print,
            "seq": lambda: cursor.until_seq(cursor.seq + 30),
            "ts": lambda: cursor.until(max(cursor.now_ns, first or 0) + 200 * MILLISECOND),
        }[move]()
        new = sorted(seq for part in given_ for table in part for seq in table.seq.tolist())
        if move == "one" and len(seen) < events.n:
            assert len(new) == 1
        seen += new
    seen += [s for p in cursor.until(2**62) for s in sorted(x for t in p for x in t.seq.tolist())]
    assert seen == sorted(int(seq) for table in events for seq in table.seq)
    assert cursor.ended


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(tmp_path_factory.mktemp("run") / "report.html")
    yield one
    one.server.close()


def state_at(seq: int) -> Any:
    """The State of a run that has taken everything up to an event, as plain values."""
    one = session()
    for events in one.source:
        part = between(events, 0, seq)
        if part.n:
            one.core.advance_all(part)
    return one.core.state


def test_wherever_it_is_put_the_figures_are_those_of_a_run_to_there(served: Served) -> None:
    served.do(do="pause")
    for ms in (START_MS + 41_250, START_MS + 7_000, START_MS + 41_250):
        status = served.do(do="seek", ms=ms)
        assert not status["playing"] and status["ms"] <= ms
        shown = served.shown()
        state = state_at(status["seq"])
        assert shown["now"]["seq"] == status["seq"] == int(state.clock.seq)
        assert shown["now"]["features"] == features_of(state.features)
        assert shown["now"]["counts"]["events"] == int(state.counts.events)
        books = [v for step in shown["steps"] if "b" in step for v in step["b"]["bb"]]
        assert len(books) == int(state.counts.books)
        assert books[-1] == int(state.book.bid.px[0])
    assert record_dict(state.counts) == record_dict(served.player._core.state.counts)


def test_steps_go_to_the_next_event_print_and_signal(served: Served) -> None:
    served.do(do="seek", ms=START_MS + 20_000)
    at = served.do(do="step", by="event")["seq"]
    assert served.do(do="step", by="event")["seq"] == at + 1
    prints = minute().trades.seq[minute().trades.kind <= 1]
    for _ in range(3):
        expected = int(prints[np.searchsorted(prints, at + 2)])
        at = served.do(do="step", by="print")["seq"]
        assert at == expected or at in prints
    at = served.do(do="step", by="signal")["seq"]
    told_ = [row for step in served.shown()["steps"] for row in step.get("s", ())]
    assert told_[-1][-1] == at


def test_it_plays_at_its_speed_and_stops_at_the_end(served: Served) -> None:
    served.do(do="seek", ms=START_MS + 1_000)
    served.do(do="speed", x=20)
    served.do(do="play")
    wait_until(lambda: served.do(do="speed", x=20)["ms"] > START_MS + 6_000)
    paused = served.do(do="pause")
    assert START_MS + 6_000 < paused["ms"] < START_MS + 55_000
    assert served.do(do="pause")["ms"] == paused["ms"]
    served.do(do="speed", x=1000)
    served.do(do="play")
    wait_until(lambda: served.do(do="speed", x=1000)["ended"])
    thinned = len([1 for step in served.shown()["steps"] for _ in step.get("b", {}).get("ms", ())])
    served.do(do="pause")
    full = len([1 for step in served.shown()["steps"] for _ in step.get("b", {}).get("ms", ())])
    assert thinned < full == int(state_at(2**60).counts.books)  # in full, now that it stands
    assert served.do(do="play")["ms"] < START_MS + 2_000  # from the beginning
    served.do(do="pause")


def test_the_strip_has_the_trades_of_the_run(served: Served, tmp_path: Path) -> None:
    one = session()
    summary = backtest(one.source, one.strategy, one.settings, tmp_path / "run")
    said = served.miniature.said
    assert said is not None
    assert len(said["trips"]) == summary["round_trips"] > 3
    of_run = sessions_of_run(tmp_path / "run")()
    of_run.run([])
    assert of_run.core.digest() == summary["digest"]
