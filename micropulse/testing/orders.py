"""Orders an exchange would take, and fills it would give: from a run's tables and its source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from micropulse.events import CONNECT, DISCONNECT, RUN_START, RUN_STOP, Events, joined
from micropulse.testing.accounts import SIDES, signed
from micropulse.testing.tables import Row, by, must, opened, rows
from replay.runs import Run
from replay.source import open_source
from replay.verify import events_of_run

ALL = -1  # connections
MARK = 0  # a mark price, among the kinds of control events
LAST = 2**63 - 1


def sane_orders(run: Run | Path | str, data: str | None = None) -> int:
    """Every order and fill of a run is one that could have been; how many orders there were.

    One order in flight at a time; quantities on the step and within the limits; entries from flat
    and never while the book is stale; exits of exactly the position, which they never turn; no
    fill before the order has arrived, none better than its level, none on the event of the
    decision. `data` is where the source lies now, if it was moved.

    Raises RunError, SourceError, TapeError when there is nothing to read.
    """
    run = opened(run)
    orders, fills = by(rows(run.orders), "order_id"), by(rows(run.fills), "order_id")
    source = open_source(data or run.said["source"]["name"], run.said["symbol"])
    stale = stale_spans(events_of_run(source, run.said))
    position, over = 0, -1
    must("orders.parquet", {}, "ids", sorted(orders), list(range(len(orders))))
    for number in sorted(orders):
        steps, slices = orders[number], fills.get(number, [])
        what, first = f"order {number}", steps[0]
        assert first["seq"] >= over, (
            f"seq {first['seq']}, {what}: asked for while the order before was in flight, until "
            f"seq {over}"
        )
        _could_be_sent(what, first, run)
        _has_a_life(what, steps, slices)
        if first["closes"]:
            must(what, first, "side", SIDES[first["side"]], -1 if position > 0 else 1)
            must(what, first, "qty", first["qty"], abs(position))
        else:
            must(what, first, "position at an entry", position, 0)
            spans = [span for span in stale if span[0] <= first["seq"] < span[1]]
            assert not spans, (
                f"seq {first['seq']}, {what}: an entry while the book was stale, from seq "
                f"{spans[0][0]} to {spans[0][1]}"
            )
        _could_fill(what, first, steps[-1]["arrival"], slices)
        position += sum(signed(fill) for fill in slices)
        is_over = steps[-1]["status"] not in ("submitted", "partial")
        over = steps[-1]["status_seq"] if is_over else LAST
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
    most = int(limits["max_market_qty"])
    is_fine = (
        mid2 > 0
        and qty % int(limits["step"]) == 0
        and qty >= max(1, int(limits["min_qty"]))
        and (not most or qty <= most)
        and (first["closes"] or mid2 * qty >= 2 * int(limits["min_notional"]))
    )
    must(what, first, "status", first["status"], "submitted" if is_fine else "rejected")


def _has_a_life(what: str, steps: list[Row], slices: list[Row]) -> None:
    """submitted, then partial, then one end; filled in full, or an entry that expired."""
    if steps[0]["status"] == "rejected":
        must(what, steps[0], "rows of a rejected order", len(steps) + len(slices), 1)
        return
    for step in steps[1:-1]:
        must(what, step, "status", step["status"], "partial")
    last = steps[-1]
    if last["status"] == "filled":
        must(what, last, "filled", last["filled"], last["qty"])
    elif last["status"] == "expired":
        must(what, last, "closes", last["closes"], False)
        assert last["note"], f"seq {last['status_seq']}, {what} expired and does not say why"
    seqs = [step["status_seq"] for step in steps]
    must(what, last, "order of its rows", seqs, sorted(seqs))


def _could_fill(what: str, first: Row, arrival: int | None, slices: list[Row]) -> None:
    """Later than the decision, on a book that is as old as the order's arrival, at a level's price
    or worse, best levels first."""
    side, before = SIDES[first["side"]], None
    for fill in slices:
        where = f"fill {fill['slice']} of {what}"
        assert fill["seq"] > first["seq"], f"seq {fill['seq']}, {where}: on its own event"
        assert fill["ts"] >= first["ready_ts"], f"seq {fill['seq']}, {where}: before it was ready"
        assert arrival is None or fill["book_ts"] >= arrival, (
            f"seq {fill['seq']}, {where}: on a book of {fill['book_ts']}, older than its arrival "
            f"at {arrival}"
        )
        assert side * (fill["px"] - fill["level_px"]) >= 0, (
            f"seq {fill['seq']}, {where}: better than the level it took"
        )
        if before is not None and before["seq"] == fill["seq"]:
            assert side * (fill["level_px"] - before["level_px"]) > 0, (
                f"seq {fill['seq']}, {where}: before a better level"
            )
        before = fill
