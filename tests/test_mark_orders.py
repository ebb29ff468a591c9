"""Orders and the mark price: what it triggers, and the price band around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from micropulse.testing.markets import random_market
from replay.audit.auditor import Run, audit
from replay.audit.codes import (
    ACCEPTED,
    BEYOND_DEPTH,
    EXPIRED,
    FILLED,
    NO_MARK,
    NOT_WHOLE,
    OUTSIDE_BAND,
    REJECTED,
    SUBMITTED,
    TRIGGERED,
)
from replay.audit.ledger import MARKET, STOP_MARKET
from tests.audited import DICE_ORDERS, PX, SCRIPTED, TICK, Band, Handmade, Step, trade_with
from tests.oracle import BUY, SELL, Book, Event, Mark

ASK = PX + TICK
EVEN = 10**8  # the mark itself is the bound


def clean(run: Run) -> Run:
    """The run, after the auditor."""
    assert audit(run) == []
    return run


def rows_of_orders(run: Run) -> list[tuple[int, int]]:
    """Status and note."""
    return [(int(row["status"]), int(row["note"])) for row in run.orders]


def in_band(tape: Handmade, band: Band, *steps: Step) -> Run:
    """Ask for the steps at an exchange with this band, without latency."""
    sets = [text for i, step in enumerate(steps) for text in step.sets("abcdefghi"[i])]
    asked = [*sets, "execution.latency=0"]
    return clean(trade_with(SCRIPTED, tape.rows, asked, limits=band).run)


def test_a_stop_by_the_mark_waits_for_the_mark_whatever_is_traded() -> None:
    tape = Handmade().mark(0, PX).book(10).book(100)
    tape.trade(110, ASK + 50 * TICK).book(200).mark(250, ASK + 4 * TICK).book(300).book(400)
    step = Step(1, kind=STOP_MARKET, px=ASK + 4 * TICK, by_mark=True)
    run = clean(tape.script(step))
    assert [status for status, _ in rows_of_orders(run)] == [SUBMITTED, ACCEPTED, TRIGGERED, FILLED]
    assert run.orders["status_seq"].tolist() == [1, 2, 6, 7]


@pytest.mark.parametrize(("age_ms", "known"), [(60_000, True), (60_001, False)])
def test_a_mark_of_more_than_a_minute_ago_is_not_known(age_ms: int, known: bool) -> None:
    tape = Handmade().mark(0, PX).book(age_ms)
    run = clean(tape.script(Step(1, kind=STOP_MARKET, px=ASK + 4 * TICK, by_mark=True)))
    assert rows_of_orders(run) == [(SUBMITTED, 0) if known else (REJECTED, NO_MARK)]


@pytest.mark.parametrize(("side", "past"), [(BUY, 0), (BUY, 1), (SELL, 0), (SELL, 1)])
def test_a_limit_outside_the_band_is_rejected_and_one_on_its_bound_is_not(
    side: int, past: int
) -> None:
    tape = Handmade().mark(0, PX - 20 * TICK if side == BUY else PX + 20 * TICK).book(10)
    px = PX - side * (20 - past) * TICK
    run = in_band(tape, Band(EVEN, EVEN), Step(1, px=px, side=side))
    assert rows_of_orders(run) == [(REJECTED, OUTSIDE_BAND) if past else (SUBMITTED, 0)]


def test_an_order_at_the_market_stops_at_the_first_level_outside() -> None:
    tape = Handmade().mark(0, ASK + TICK).book(10).book(100)
    run = in_band(tape, Band(EVEN, EVEN), Step(1, kind=MARKET, qty=120))
    assert [int(fill["px"]) for fill in run.fills] == [ASK, ASK + TICK]
    assert rows_of_orders(run)[-1] == (EXPIRED, BEYOND_DEPTH)
    assert run.counts.band_unknown == 0


def test_fill_or_kill_counts_on_no_level_outside() -> None:
    tape = Handmade().mark(0, ASK + 2 * TICK).book(10).mark(50, ASK).book(100)
    step = Step(1, qty=60, px=ASK + 2 * TICK, tif=2)
    run = in_band(tape, Band(EVEN, EVEN), step)
    assert rows_of_orders(run) == [(SUBMITTED, 0), (EXPIRED, NOT_WHOLE)]


def test_without_a_mark_nothing_is_outside_and_each_price_is_counted() -> None:
    run = in_band(Handmade().book(0).book(100), Band(EVEN, EVEN), Step(0, kind=MARKET, qty=70))
    assert rows_of_orders(run)[-1] == (FILLED, 0)
    assert run.counts.band_unknown == 2  # two levels


@pytest.mark.parametrize("seed", range(2))
def test_any_order_in_a_long_market_with_marks_is_as_the_slow_exchange_has_it(seed: int) -> None:
    rows = list(with_marks(random_market(seed, 1_500).rows))
    sets = [f"seed={seed + 1}", "qty=25", "by_mark=1", "faces=9", f"execution.latency={20 * seed}"]
    band = Band(EVEN + 1_456, EVEN - 1_456)  # nine ticks
    run = trade_with(DICE_ORDERS, rows, sets, limits=band).run
    assert audit(run) == []
    marked = run.orders[run.orders["by_mark"] != 0]
    assert (marked["status"] == TRIGGERED).sum() > 2
    assert (run.orders["note"] == OUTSIDE_BAND).sum() > 5


def with_marks(rows: Sequence[Event]) -> Iterator[Event]:
    """A mark price after every tenth book, now above its mid, now below."""
    seq = books = 0
    for row in rows:
        yield row._replace(seq=seq)
        seq += 1
        if isinstance(row, Book) and row.bids and row.asks:
            books += 1
            if books % 10 == 0:
                off = (books // 10 % 7 - 3) * 10**7
                px = (row.bids[0][0] + row.asks[0][0]) * 10**6 // 2 + off
                stamp = row.ts_event + 10**15
                yield Mark(seq, row.ts_recv, row.ts_event, stamp, px, 0, 0, 0, 0, row.conn)
                seq += 1
