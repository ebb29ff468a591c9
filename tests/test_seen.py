"""What a strategy sees of its orders, and when; and what latency is drawn from."""

from __future__ import annotations

from replay.audit.auditor import Run, audit
from replay.audit.codes import CANCEL_ALL, SUBMITTED
from replay.audit.ledger import LIMIT, MARKET
from tests.audited import PX, TICK, Handmade, Step
from tests.oracle import SELL


def clean(run: Run) -> Run:
    """The run, after the auditor."""
    assert audit(run) == []
    return run


def test_a_fill_is_seen_after_the_response_latency_and_an_ask_at_once() -> None:
    tape = Handmade().book(0).book(100).book(150).book(199).book(200).book(300)
    seen = {}
    for response in (0, 100):
        sets = [f"execution.response={response}"]
        run, core = tape.play(Step(0, kind=MARKET), sets=sets)
        assert audit(run) == []
        memory = core.memories[0]
        seen[response] = (str(int(memory["sides"])), f"{int(memory['pending']):06}")
    assert seen == {0: ("122222", "000000"), 100: ("111122", "011100")}


def test_the_number_of_open_orders_is_seen() -> None:
    tape = Handmade().book(0).book(100).book(200).book(300).book(400)
    _, core = tape.play(Step(0, px=PX), Step(1, px=PX - TICK), Step(2, action=0, cancel=CANCEL_ALL))
    assert f"{int(core.memories[0]['open']):05}" == "01200"


def test_jitter_is_drawn_from_the_seed() -> None:
    tape = Handmade().book(0).book(100).book(200).book(300)
    steps = [Step(i, px=PX - TICK) for i in range(3)]
    drawn = {}
    for seed in (1, 1, 2):
        sets = ["execution.latency=10", "execution.jitter=40", f"execution.seed={seed}"]
        run = clean(tape.script(*steps, sets=sets))
        times = [int(ns) for ns in run.orders["latency_ns"][run.orders["status"] == SUBMITTED]]
        assert drawn.setdefault(seed, times) == times
        assert all(10**7 <= ns <= 5 * 10**7 for ns in times)
    assert len({*drawn[1], *drawn[2]}) == 6


def test_a_limit_never_fills_on_the_print_it_was_decided_on() -> None:
    tape = Handmade().book(0).trade(10, PX - TICK, SELL, qty=99).book(100)
    run = clean(tape.script(Step(1, kind=LIMIT, px=PX)))
    assert len(run.fills) == 0
