"""What becomes of limit orders and stops: each rule of docs/execution.md on a tape made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from replay.audit.auditor import Run, audit
from replay.audit.codes import (
    ACCEPTED,
    BAD_TICK,
    CANCEL_ALL,
    CANCELLING,
    EXPIRED,
    FILLED,
    FOK,
    GONE,
    IOC,
    LOST_CONNECTION,
    NO_MARK,
    NOT_AT_ONCE,
    NOT_WHOLE,
    NOTHING_TO_REDUCE,
    PARTIAL,
    POST_ONLY,
    REJECTED,
    REPLACED,
    SUBMITTED,
    TRIGGERED,
    UNKNOWN,
    WITHDRAWN,
    WOULD_TAKE,
    WOULD_TRIGGER,
)
from replay.audit.ledger import MARKET, STOP_MARKET, TAKE_PROFIT_MARKET
from tests.audited import ASKS, BIDS, PX, TICK, Handmade, Step
from tests.oracle import BUY, SELL

ASK = PX + TICK
LEAVE = 2  # action EXIT
PROPORTIONAL = ("execution.queue=proportional",)


def clean(run: Run) -> Run:
    """The run, after the auditor."""
    assert audit(run) == []
    return run


def states(run: Run, order: int = 0) -> list[int]:
    return [int(row["status"]) for row in run.orders if row["id"] == order]


def last(run: Run, order: int = 0) -> tuple[int, int]:
    """Status and note of the last row of an order."""
    row = run.orders[run.orders["id"] == order][-1]
    return int(row["status"]), int(row["note"])


def slices(run: Run) -> list[tuple[int, ...]]:
    """seq, price, quantity and whether as a maker."""
    return [tuple(int(fill[n]) for n in ("seq", "px", "qty", "maker")) for fill in run.fills]


def bids(best: int) -> list[tuple[int, int]]:
    """The usual bids with so much at the best."""
    return [(PX, best), *BIDS[1:]] if best else BIDS[1:]


# ---- arriving --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tif", "qty", "limit", "ends", "taken"),
    [
        (0, 70, ASK, (PARTIAL, 0), 50),
        (0, 70, ASK + TICK, (FILLED, 0), 70),
        (IOC, 70, ASK, (EXPIRED, NOT_AT_ONCE), 50),
        (IOC, 70, PX, (EXPIRED, NOT_AT_ONCE), 0),
        (FOK, 70, ASK, (EXPIRED, NOT_WHOLE), 0),
        (FOK, 70, ASK + TICK, (FILLED, 0), 70),
        (POST_ONLY, 70, ASK, (REJECTED, WOULD_TAKE), 0),
        (POST_ONLY, 70, PX, (ACCEPTED, 0), 0),
    ],
)
def test_what_crosses_on_arrival_is_taken_or_not(
    tif: int, qty: int, limit: int, ends: tuple[int, int], taken: int
) -> None:
    step = Step(0, qty=qty, px=limit, tif=tif)
    run = clean(Handmade().book(0).book(100).book(200).script(step))
    assert last(run) == ends
    assert sum(qty for _, _, qty, maker in slices(run) if not maker) == taken
    assert run.account.rejected == (ends[0] == REJECTED)


def test_a_taking_limit_is_bound_by_the_first_print_but_never_worse_than_itself() -> None:
    for limit, px in ((ASK + 40, ASK + 30), (ASK + 10, ASK + 10)):
        tape = Handmade().book(0).trade(60, ASK + 30).book(100)
        assert slices(clean(tape.script(Step(0, px=limit)))) == [(2, px, 20, 0)]


def test_what_takes_all_that_is_visible_rests_at_its_limit_and_is_counted() -> None:
    tape = Handmade().book(0).book(100).trade(150, ASK + 3 * TICK, BUY, qty=30)
    run = clean(tape.script(Step(0, qty=300, px=ASK + 5 * TICK)))
    assert run.counts.limits_beyond_depth == 1
    assert states(run) == [SUBMITTED, PARTIAL, PARTIAL]
    assert slices(run)[-1] == (2, ASK + 5 * TICK, 30, 1)


def test_an_order_does_not_rest_before_it_has_arrived() -> None:
    tape = Handmade().book(0).trade(60, PX - TICK, SELL, qty=90).book(100)
    run = clean(tape.script(Step(0, px=PX), sets=["execution.latency=80"]))
    assert states(run) == [SUBMITTED, ACCEPTED]
    assert run.orders["ahead"].tolist() == [UNKNOWN, 50]


def test_a_limit_has_checks_of_its_own() -> None:
    for step, note in (
        (Step(0, px=PX + 1), BAD_TICK),
        (Step(0, px=0), BAD_TICK),
        (Step(0, qty=1_000_001, px=PX), 9),
        (Step(0, qty=1, px=PX // 100 * 10), 4),
        (Step(0, kind=STOP_MARKET, px=ASK + TICK, by_mark=True), NO_MARK),
    ):
        run = Handmade().book(0).book(100).script(step)
        assert last(run) == (REJECTED, note)


# ---- the queue -------------------------------------------------------------------------------


def test_prints_take_from_the_queue_first_and_fill_with_what_they_leave() -> None:
    tape = Handmade().book(0).book(100).trade(110, PX, SELL, qty=30).trade(120, PX, SELL, qty=25)
    tape.trade(130, PX, SELL, qty=9).trade(140, PX, SELL, qty=90)
    run = clean(tape.script(Step(0, px=PX)))
    assert slices(run) == [(3, PX, 5, 1), (4, PX, 9, 1), (5, PX, 6, 1)]
    assert run.orders["ahead"].tolist() == [UNKNOWN, 50, 0, 0, 0]
    assert states(run) == [SUBMITTED, ACCEPTED, PARTIAL, PARTIAL, FILLED]


@pytest.mark.parametrize(
    ("side", "kind", "px", "late_ms"),
    [
        (BUY, "MARKET", PX, 0),  # of a taker on our side
        (SELL, "RPI", PX, 0),
        (SELL, "RPI", PX - TICK, 0),
        (SELL, "INSURANCE_FUND", PX - TICK, 0),
        (SELL, "MARKET", ASK, 0),
        (SELL, "MARKET", PX - TICK, 10),  # not later than the book it arrived on
    ],
)
def test_a_print_that_is_not_for_us_does_nothing(
    side: int, kind: str, px: int, late_ms: int
) -> None:
    tape = Handmade().book(0).book(100).trade(110, px, side, kind, late_ms=late_ms, qty=500)
    run = clean(tape.trade(120, PX, SELL, qty=50).book(130).script(Step(0, px=PX)))
    assert len(run.fills) == 0


def test_a_print_through_the_price_fills_and_never_more_than_it_is() -> None:
    tape = Handmade().book(0).book(100).trade(110, PX - TICK, SELL, qty=15)
    run = clean(tape.trade(120, PX - TICK, BUY, qty=90).script(Step(0, px=PX)))
    assert slices(run) == [(2, PX, 15, 1), (3, PX, 5, 1)]


def test_our_orders_share_a_print_the_older_first() -> None:
    tape = Handmade().book(0).book(1).book(100).trade(110, PX, SELL, qty=75)
    run = clean(tape.trade(120, PX - TICK, SELL, qty=5).script(Step(0, px=PX), Step(1, px=PX)))
    assert [(int(f["order_id"]), int(f["qty"])) for f in run.fills] == [(0, 20), (1, 5), (1, 5)]


@pytest.mark.parametrize(
    ("sets", "shown", "ahead"),
    [
        ((), 40, 40),  # never more than is shown
        ((), 60, 45),
        ((), 0, 0),
        (PROPORTIONAL, 80, 45),
        (PROPORTIONAL, 75, 45),  # the print explains it
        (PROPORTIONAL, 60, 36),  # 75 that no print explains became 60: 45 became 36
        (PROPORTIONAL, 40, 24),
        (PROPORTIONAL, 41, 25),  # rounded up
        (PROPORTIONAL, 0, 0),
    ],
)
def test_a_level_that_shrinks_moves_the_queue_by_the_model(
    sets: Sequence[str], shown: int, ahead: int
) -> None:
    """50 stand before us, of 80 later; a print takes 5, one of RPI nothing."""
    tape = Handmade().book(0).book(100).book(200, bids(80)).trade(250, PX, SELL, qty=5)
    tape.trade(251, PX, SELL, "RPI", qty=15).book(300, bids(shown)).book(400)
    run = clean(tape.script(Step(0, px=PX), Step(5, action=0, cancel=1), sets=sets))
    assert last(run) == (WITHDRAWN, 0)
    assert run.orders[-1]["ahead"] == ahead


def test_where_the_book_does_not_show_the_queue_is_what_is_shown_first() -> None:
    deep = PX - 7 * TICK
    lower = [(PX - (3 + i) * TICK, 40) for i in range(5)]
    tape = Handmade().book(0).book(100).trade(110, deep, SELL, qty=99)
    tape.book(200, lower, ASKS).trade(210, deep, SELL, qty=45)
    run = clean(tape.script(Step(0, px=deep)))
    assert (run.counts.queues_unseen, run.counts.prints_unseen) == (1, 1)
    assert slices(run) == [(4, deep, 5, 1)]


def test_out_of_view_only_prints_through_the_price_count() -> None:
    deep = PX - 7 * TICK
    tape = Handmade().book(0).book(100).trade(110, deep, SELL, qty=99)
    run = clean(tape.trade(120, deep - TICK, SELL, qty=7).script(Step(0, px=deep)))
    assert slices(run) == [(3, deep, 7, 1)]


def test_a_print_the_last_book_has_shown_moves_no_queue() -> None:
    tape = Handmade().book(0).book(100).book(200, bids(30))
    tape.trade(210, PX, SELL, qty=20, late_ms=20).trade(220, PX, SELL, qty=30)
    run = clean(tape.trade(230, PX, SELL, qty=1).script(Step(0, px=PX)))
    assert run.counts.prints_late == 1
    assert slices(run) == [(5, PX, 1, 1)]


def test_alone_at_a_price_better_than_the_best_the_first_print_is_ours() -> None:
    wide = [(ask + 2 * TICK, qty) for ask, qty in ASKS]
    tape = Handmade().book(0, BIDS, wide).book(100, BIDS, wide)
    run = clean(tape.trade(110, ASK, SELL, qty=3).script(Step(0, px=ASK)))
    assert slices(run) == [(2, ASK, 3, 1)]


# ---- cancel and replace ----------------------------------------------------------------------


def test_an_order_may_fill_before_its_cancel_arrives() -> None:
    tape = Handmade().book(0).book(100).trade(150, PX - TICK, SELL, qty=5)
    tape.trade(249, PX - TICK, SELL, qty=5).trade(260, PX - TICK, SELL, qty=5)
    steps = Step(0, px=PX), Step(2, action=0, cancel=1)
    run = clean(tape.script(*steps, sets=["execution.latency=100"]))
    assert states(run) == [SUBMITTED, ACCEPTED, PARTIAL, CANCELLING, PARTIAL, WITHDRAWN]
    assert [seq for seq, *_ in slices(run)] == [2, 3]
    tape.rows[3] = tape.rows[3]._replace(qty=50)  # type: ignore[call-arg]
    run = clean(tape.script(*steps, sets=["execution.latency=100"]))
    assert states(run)[-1] == FILLED and run.counts.cancels_too_late == 1


def test_a_cancel_never_overtakes_its_order() -> None:
    tape = Handmade().book(0).book(10).book(100).trade(110, PX - TICK, SELL, qty=50).book(200)
    run = clean(tape.script(Step(0, px=ASK), Step(1, action=0, cancel=CANCEL_ALL),
                            sets=["execution.latency=50"]))  # fmt: skip
    assert states(run) == [SUBMITTED, CANCELLING, FILLED]  # it took on arrival


@pytest.mark.parametrize("ref", [1, 7])
def test_a_cancel_of_what_is_not_open_is_refused(ref: int) -> None:
    run = Handmade().book(0).book(100).script(Step(0, action=0, cancel=ref))
    assert run.counts.refused_cancel == 1


def test_a_replaced_order_goes_when_the_new_one_arrives() -> None:
    tape = Handmade().book(0).book(100).book(200).book(300)
    new = Step(1, px=PX - TICK, replace=1)
    run = clean(tape.script(Step(0, px=PX), new))
    assert last(run, 0) == (WITHDRAWN, REPLACED) and last(run, 1) == (ACCEPTED, 0)
    assert run.orders[-1]["ahead"] == 50


def test_a_new_order_is_rejected_where_the_old_one_was_gone() -> None:
    tape = Handmade().book(0).book(100).trade(150, PX - TICK, SELL, qty=50).book(300)
    new = Step(1, px=PX - TICK, replace=1)
    run = clean(tape.script(Step(0, px=PX), new))
    assert last(run, 0) == (FILLED, 0) and last(run, 1) == (REJECTED, GONE)


# ---- one position ----------------------------------------------------------------------------


def test_a_fill_through_flat_is_two_slices_and_ends_the_trip() -> None:
    tape = Handmade().book(0).book(100).book(200).trade(250, ASK + TICK, BUY, qty=90).book(300)
    steps = Step(0, kind=MARKET), Step(1, side=SELL, qty=50, px=ASK)
    run = clean(tape.script(*steps))
    assert slices(run) == [(1, ASK, 20, 0), (3, ASK, 20, 1), (3, ASK, 30, 1)]
    assert len(run.trips) == 1 and run.account.qty == -30
    assert (run.trips[0]["entry_order"], run.trips[0]["exit_order"]) == (0, 1)
    maker, taker = 20_000, 50_000
    fees = [-(-ASK * qty * 1_000 * rate // 10**8) for qty, rate in
            ((20, taker), (20, maker), (30, maker))]  # fmt: skip
    assert run.fills["fee"].tolist() == fees
    assert run.trips[0]["fees"] == fees[0] + fees[1]


def test_reduce_only_orders_end_when_the_position_is_flat() -> None:
    tape = Handmade().book(0).book(100).book(200).book(300).book(400)
    profit = Step(1, action=LEAVE, px=ASK + 3 * TICK)
    stop = Step(2, action=LEAVE, kind=STOP_MARKET, px=PX - 3 * TICK)
    run = clean(tape.script(Step(0, kind=MARKET), profit, stop, Step(3, action=LEAVE, kind=MARKET)))
    assert last(run, 3) == (FILLED, 0)
    assert last(run, 1) == last(run, 2) == (EXPIRED, NOTHING_TO_REDUCE)
    assert run.account.qty == 0


def test_a_reduce_only_order_never_fills_more_than_the_position() -> None:
    tape = Handmade().book(0).book(100).book(200).trade(210, ASK + TICK, BUY, qty=8).book(300)
    part = Step(1, action=LEAVE, qty=8, px=ASK)
    run = clean(tape.script(Step(0, kind=MARKET), part, Step(2, action=LEAVE, kind=MARKET)))
    assert slices(run)[1:] == [(3, ASK, 8, 1), (4, PX, 12, 0)]
    assert last(run, 2) == (EXPIRED, NOTHING_TO_REDUCE)
    assert run.account.qty == 0 and len(run.trips) == 1


def test_seven_orders_may_rest_and_leaving_at_the_market_still_has_a_place() -> None:
    tape = Handmade()
    for ms in range(0, 1_200, 100):
        tape.book(ms)
    steps = [Step(i + 1, px=PX - TICK) for i in range(7)]
    more = Step(8, px=PX - TICK)
    run = clean(tape.script(Step(0, kind=MARKET), *steps, more))
    assert run.counts.refused_full == 1 and run.account.orders == 8
    run = clean(tape.script(Step(0, kind=MARKET), *steps, more._replace(action=LEAVE, kind=MARKET)))
    assert run.counts.refused_full == 0 and run.account.qty == 0


# ---- stops -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "px", "triggers"),
    [
        (STOP_MARKET, PX - 2 * TICK, PX - 2 * TICK),
        (STOP_MARKET, PX - 2 * TICK, PX - 5 * TICK),
        (TAKE_PROFIT_MARKET, PX + 2 * TICK, PX + 2 * TICK),
        (TAKE_PROFIT_MARKET, PX + 2 * TICK, PX + 5 * TICK),
    ],
)
@pytest.mark.parametrize("by_print", [True, False])
def test_a_stop_triggers_and_pays_the_latency(
    kind: int, px: int, triggers: int, by_print: bool
) -> None:
    tape = Handmade().book(0).book(100).book(200)
    tape.trade(250, px, BUY)  # no price we could leave at
    if by_print:
        tape.trade(300, triggers, SELL)
    else:
        tape.book(300, [(triggers, 50)], [(triggers + TICK, 50)])
    tape.book(340).book(350)
    stop = Step(1, action=LEAVE, kind=kind, px=px)
    run = clean(tape.script(Step(0, kind=MARKET), stop, sets=["execution.latency=50"]))
    assert states(run, 1) == [SUBMITTED, ACCEPTED, TRIGGERED, FILLED]
    assert slices(run)[-1][0] == len(tape.rows) - 1


def test_a_stop_that_would_trigger_at_once_is_rejected() -> None:
    run = Handmade().book(0).book(100).book(200).script(
        Step(0, kind=STOP_MARKET, px=ASK), Step(1, kind=TAKE_PROFIT_MARKET, side=SELL, px=PX)
    )  # fmt: skip
    assert last(clean(run), 0) == last(run, 1) == (REJECTED, WOULD_TRIGGER)


def test_a_cancelled_stop_does_not_trigger() -> None:
    tape = Handmade().book(0).book(100).book(200).book(300, [(PX + 9 * TICK, 50)], [(PX + 99, 5)])
    steps = Step(0, kind=STOP_MARKET, px=ASK + TICK), Step(1, action=0, cancel=1)
    assert states(clean(tape.script(*steps))) == [SUBMITTED, ACCEPTED, CANCELLING, WITHDRAWN]


# ---- when the feed is lost -------------------------------------------------------------------


def test_an_order_at_rest_survives_a_gap_behind_all_that_is_shown_then() -> None:
    tape = Handmade().book(0).book(100, bids(5)).control(150, "DISCONNECT").control(900, "CONNECT")
    tape.trade(950, PX, SELL, qty=30).book(1_000, bids(40)).trade(1_010, PX, SELL, qty=45)
    run = clean(tape.script(Step(0, px=PX), Step(3, action=LEAVE)))
    assert slices(run) == [(6, PX, 5, 1)]
    assert (run.counts.queues_retaken, run.counts.prints_unseen) == (1, 1)
    assert run.orders["after_gap"].tolist() == [0, 0, 1]


def test_a_limit_on_its_way_expires_with_the_feed() -> None:
    run = clean(Handmade().book(0).control(10, "DISCONNECT").book(100).script(Step(0, px=PX)))
    assert last(run) == (EXPIRED, LOST_CONNECTION)
