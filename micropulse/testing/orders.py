"""Orders an exchange would take, and fills it would give: from a run's tables and its source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import itemgetter
from pathlib import Path

import numpy as np

from micropulse.events import CONNECT, DISCONNECT, RUN_START, RUN_STOP, Events, joined
from micropulse.schema import NO_MARK, ORDER_NOTES, ORDERS, OUTSIDE_BAND
from micropulse.testing.accounts import SIDES, signed
from micropulse.testing.tables import Row, by, must, opened, rows
from replay.runs import Run
from replay.source import open_source
from replay.verify import events_of_run

ALL = -1  # connections
MARK = 0  # a mark price, among the kinds of control events
LAST = 2**63 - 1
seq_of = itemgetter("seq")
ENDS = ("filled", "expired", "rejected", "cancelled")
OF_THE_MARK = (ORDER_NOTES[NO_MARK], ORDER_NOTES[OUTSIDE_BAND])  # not to be judged by the tables


def sane_orders(run: Run | Path | str, data: str | None = None) -> int:
    """Every order and fill of a run is one that could have been; how many orders there were.

    One order asked for at the market at a time, and at most eight open; quantities on the step,
    prices on the tick and both within the limits; entries at the market from flat, and no entry
    while the book is stale; exits of the position at most, which they never turn; no fill before
    the order has arrived, none better than its level or worse than its limit, none on the event of
    the decision. `data` is where the source lies now, if it was moved.

    With a response latency the position that was decided on is not known: it is not asked about.
    Raises RunError, SourceError, TapeError when there is nothing to read.
    """
    run = opened(run)
    fills = rows(run.fills)
    orders, slices = by(rows(run.orders), "order_id"), by(fills, "order_id")
    source = open_source(data or run.said["source"]["name"], run.said["symbol"])
    stale = stale_spans(events_of_run(source, run.said))
    is_seen_at_once = not run.said["params"]["execution"].get("response", 0)
    held = [0, *accumulate(signed(fill) for fill in fills)]  # before each fill, and at the end
    over, ended = -1, list[int]()
    must("orders.parquet", {}, "ids", sorted(orders), list(range(len(orders))))
    for number in sorted(orders):
        steps, mine = orders[number], slices.get(number, [])
        what, first, last = f"order {number}", steps[0], steps[-1]
        end = last["status_seq"] if last["status"] in ENDS else LAST
        if first["kind"] == "market":
            assert first["seq"] >= over, (
                f"seq {first['seq']}, {what}: asked for while the order before was in flight, "
                f"until seq {over}"
            )
            over = end
        ended = [other for other in ended if other > first["seq"]]
        assert len(ended) < ORDERS, f"seq {first['seq']}, {what}: {len(ended)} others were open"
        if first["status"] != "rejected":
            ended.append(end)
        _could_be_sent(what, first, run)
        _has_a_life(what, steps, mine)
        _could_fill(what, steps, mine)
        if is_seen_at_once:
            _could_be_asked(what, first, held[bisect_right(fills, first["seq"], key=seq_of)])
        spans = [span for span in stale if span[0] <= first["seq"] < span[1]]
        assert first["closes"] or not spans, (
            f"seq {first['seq']}, {what}: an entry while the book was stale, from seq "
            f"{spans[0][0]} to {spans[0][1]}"
        )
    _never_turns(fills, orders)
    return len(orders)


def stale_spans(batches: Iterable[Events]) -> list[tuple[int, int]]:
    """(seq, seq) between which the book was stale: from the event that ended the last connection
    up to the next new book. A connection that shows mark prices and no book does not count."""
    events = joined([part for part in batches if part.n])
    newest = np.maximum.accumulate(events.depth.last_id)
    is_new = np.concatenate([[True], events.depth.last_id[1:] > newest[:-1]])[: len(newest)]
    books: Sequence[int] = events.depth.seq[is_new].tolist()
    spans: list[tuple[int, int]] = []
    open_conns, since = dict[int, None](), dict[int, int]()  # since: its books before are forgotten

    def lose_feed(seq: int) -> None:
        at = int(np.searchsorted(books, seq))
        spans.append((seq, books[at] if at < len(books) else LAST))
        since.clear()
        since[ALL] = seq

    def close(conn: int, seq: int) -> bool:
        since[conn] = seq
        return open_conns.pop(conn, True) is None

    def has_shown_a_book(conn: int, seq: int) -> bool:
        mine = events.depth.seq[events.depth.conn == conn]
        forgot = max(since.get(conn, -1), since.get(ALL, -1))
        return bool(((mine > forgot) & (mine < seq)).any())

    control, marks = events.control, events.marks
    seqs = np.concatenate([control.seq, marks.seq]).tolist()
    kinds = [*control.kind.tolist(), *[MARK] * len(marks.seq)]
    conns = np.concatenate([control.conn, marks.conn]).tolist()
    for seq, kind, conn in sorted(zip(seqs, kinds, conns, strict=True)):
        if kind == CONNECT:
            open_conns[conn] = None
        elif kind in (RUN_START, RUN_STOP):
            open_conns.clear()
            lose_feed(seq)
        elif kind == DISCONNECT:
            close(conn, seq)
            if not open_conns:
                lose_feed(seq)
        elif kind == MARK and not has_shown_a_book(conn, seq):
            if close(conn, seq) and not open_conns:
                lose_feed(seq)
    return spans


def _could_be_sent(what: str, first: Row, run: Run) -> None:
    """What the exchange would reject is rejected at once, and nothing else is."""
    limits = run.said["instrument"]
    qty, mid2 = first["qty"], first["mid"] // 5
    is_limit, px = first["kind"] == "limit", first["px"] or 0
    most = int(limits["max_qty" if is_limit else "max_market_qty"])
    worth2 = qty * (2 * px if is_limit else mid2)
    is_fine = (
        mid2 > 0
        and qty % int(limits["step"]) == 0
        and qty >= max(1, int(limits["min_qty"]))
        and (not most or qty <= most)
        and (first["kind"] == "market" or (px > 0 and px % int(limits["tick"]) == 0))
        and (first["closes"] or worth2 >= 2 * int(limits["min_notional"]))
        and first["note"] not in OF_THE_MARK
    )
    must(what, first, "status", first["status"], "submitted" if is_fine else "rejected")


def _could_be_asked(what: str, first: Row, position: int) -> None:
    """An exit leaves a position, an entry at the market finds none."""
    if first["closes"]:
        must(what, first, "side", SIDES[first["side"]], -1 if position > 0 else 1)
        assert first["qty"] <= abs(position), (
            f"seq {first['seq']}, {what}: an exit of {first['qty']} from {abs(position)}"
        )
    elif first["kind"] == "market":
        must(what, first, "position at an entry", position, 0)


def _has_a_life(what: str, steps: list[Row], slices: list[Row]) -> None:
    """Submitted first, one end at most, and that last; filled in full, or it says why not."""
    if steps[0]["status"] == "rejected":
        must(what, steps[0], "rows of a rejected order", len(steps) + len(slices), 1)
        return
    for step in steps[1:]:
        assert step["status"] != "submitted", f"seq {step['status_seq']}, {what}: submitted again"
    for step in steps[:-1]:
        assert step["status"] not in ENDS, (
            f"seq {step['status_seq']}, {what}: goes on after it was {step['status']}"
        )
    last = steps[-1]
    if last["status"] == "filled":
        must(what, last, "filled", last["filled"], last["qty"])
    elif last["status"] in ("expired", "rejected"):
        assert last["note"], f"seq {last['status_seq']}, {what} expired and does not say why"
    seqs = [step["status_seq"] for step in steps]
    must(what, last, "order of its rows", seqs, sorted(seqs))


def _could_fill(what: str, steps: list[Row], slices: list[Row]) -> None:
    """Later than the decision, on a book or print that is as old as the order's arrival, at a
    level's price or worse, never worse than its limit, best levels first."""
    first, last = steps[0], steps[-1]
    side, limit, before = SIDES[first["side"]], first["px"], None
    for fill in slices:
        where = f"seq {fill['seq']}, fill {fill['slice']} of {what}"
        must(where, fill, "side", fill["side"], first["side"])
        assert fill["seq"] > first["seq"], f"{where}: on its own event"
        assert fill["ts"] >= last["ready_ts"], f"{where}: before it was ready"
        assert last["arrival"] is None or fill["book_ts"] >= last["arrival"], (
            f"{where}: on a book of {fill['book_ts']}, older than its arrival at {last['arrival']}"
        )
        assert side * (fill["px"] - fill["level_px"]) >= 0, f"{where}: better than its level"
        assert first["kind"] != "limit" or side * (limit - fill["px"]) >= 0, (
            f"{where}: worse than its limit"
        )
        must(where, fill, "maker", fill["maker"] and first["kind"] != "limit", False)
        if before is not None and before["seq"] == fill["seq"]:  # the same one: through flat
            assert side * (fill["level_px"] - before["level_px"]) >= 0, (
                f"{where}: before a better level"
            )
        before = fill


def _never_turns(fills: list[Row], orders: dict[int, list[Row]]) -> None:
    """A slice goes to flat at most, and one that is reduce-only always towards it."""
    position = 0
    for fill in fills:
        after = position + signed(fill)
        where = f"seq {fill['seq']}, fill {fill['slice']} of order {fill['order_id']}"
        assert position * after >= 0, f"{where}: through flat, from {position} to {after}"
        assert not orders[fill["order_id"]][0]["closes"] or abs(after) < abs(position), (
            f"{where}: is reduce-only and goes from {position} to {after}"
        )
        position = after
