"""The auditor: what a run did with its decisions, against what docs/execution.md says it must.

It takes the decisions as given and derives all that came after them again from the events
(exchange.py), to the unit. What it has to say it says in sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .codes import CANCELLING, REJECTED
from .exchange import Ask, Exchange
from .rows import Control, Event

REFUSALS = (
    "refused_pending",
    "refused_position",
    "refused_stale",
    "refused_flat",
    "refused_sideless",
    "refused_full",
    "refused_cancel",
)
BEYOND = (
    *("entries_beyond_depth", "exits_beyond_depth", "limits_beyond_depth"),
    *("queues_unseen", "queues_retaken", "prints_unseen", "prints_late"),
)
STAMPS = ("fundings", "funding_unknown")

Row = Mapping[str, Any]


class Run(NamedTuple):
    """A run: what went in, and the structured arrays and records of the core that came out."""

    events: Sequence[Event]
    instrument: Any
    execution: Any  # ExecutionSettings
    orders: Any
    fills: Any
    trips: Any
    samples: Any
    account: Any  # as it stood at the end
    counts: Any


def audit(run: Run, asks: Iterable[Ask] | None = None) -> list[str]:
    """What is wrong with a run, a sentence each; nothing, if nothing is.

    The decisions are the orders of the run. With `asks`, all that its strategy asked for, what
    was refused is proven as well, and that nothing was forgotten.
    """
    exchange = replay(run, asks)
    return list(sentences(run, exchange, REFUSALS if asks is not None else ()))


def replay(run: Run, asks: Iterable[Ask] | None = None) -> Exchange:
    """What must have come out."""
    exchange = Exchange(run.events, run.instrument, run.execution)
    exchange.play({ask.seq: ask for ask in (decisions(run.orders) if asks is None else asks)})
    return exchange


def decisions(orders: Any) -> list[Ask]:
    """What each order was when it was decided, and each cancel."""
    asks: dict[int, Ask] = {}
    known: set[int] = set()
    for row in orders:
        id, seq, at = (int(row[name]) for name in ("id", "seq", "status_seq"))
        if row["status"] == CANCELLING:
            ask = asks.get(at, Ask(at, None))
            asks[at] = ask._replace(cancels=(*ask.cancels, id + 1))
        if id not in known:
            words = ("side", "qty", "reason", "kind", "px", "tif", "replaces", "by_mark")
            side, qty, reason, kind, px, tif, replaces, by_mark = (int(row[w]) for w in words)
            said = (seq, not row["closes"], side, qty, reason, kind, px, tif, bool(by_mark))
            ask = Ask(*said, replace=replaces)
            asks[seq] = ask._replace(cancels=asks[seq].cancels if seq in asks else ())
        known.add(id)
    return list(asks.values())


def sentences(run: Run, exchange: Exchange, refusals: Sequence[str]) -> Iterator[str]:
    """What was expected and not seen, or seen and not expected, a sentence each."""
    ledger = exchange.ledger
    fills = [fill for order in ledger.fills.values() for fill in order]
    rows = [fill._asdict() for fill in fills]
    yield from differences("order", run.orders, exchange.orders, ("id", "status"))
    yield from differences("fill of order", run.fills, rows, ("order_id", "slice_no"))
    yield from differences("trip", run.trips, ledger.trips, ("id",))
    yield from samples(run.samples, exchange)
    if not refusals:
        for name in REFUSALS:
            if exchange.counts[name]:
                yield f"{exchange.counts[name]} orders were taken that must be {name}"
    counted = (*BEYOND, *STAMPS, *refusals)
    yield from numbers(run.counts, {name: exchange.counts[name] for name in counted})
    if refusals or not run.execution.response_ns:  # else a cancel may be of what has ended unseen
        yield from numbers(run.counts, {"cancels_too_late": exchange.counts["cancels_too_late"]})
    odd = {"taken_full": exchange.depth.full, "reports_full": exchange.seen.full}
    odd |= {"band_unknown": exchange.venue.marks.unknown}
    yield from numbers(run.counts, odd)
    account = {
        "cash": ledger.cash,
        "qty": ledger.qty,
        "fees": sum(fill.fee for fill in fills),
        "funding": sum(ledger.funding),
        "gross": sum(trip["gross"] for trip in ledger.trips),
        "fills": len(fills),
        "trips": len(ledger.trips),
        "orders": exchange.submitted,
        "rejected": sum(order["status"] == REJECTED for order in exchange.orders),
    }
    yield from numbers(run.account, account)


def differences(
    what: str, seen: Any, expected: Sequence[Row], key: tuple[str, ...]
) -> Iterator[str]:
    """Rows of both with the same key are compared field by field, in their order."""
    seen_rows, expected_rows = by_key(seen, key), by_key(expected, key)
    for k in sorted(seen_rows.keys() | expected_rows.keys()):
        name = f"{what} {k[0]}" + "".join(f", {n} {v}" for n, v in zip(key[1:], k[1:], strict=True))
        ours, theirs = expected_rows.get(k, []), seen_rows.get(k, [])
        for row in ours[len(theirs) :]:
            yield f"{name}, seq {place(row)}: expected a row, seen none"
        for row in theirs[len(ours) :]:
            yield f"{name}, seq {place(row)}: expected no row, seen one"
        for our, their in zip(ours, theirs, strict=False):
            for field in (name for name in seen.dtype.names if name in our):
                if int(our[field]) != int(their[field]):
                    difference = f"{field} expected {int(our[field])}, seen {int(their[field])}"
                    yield f"{name}, seq {place(their)}: {difference}"


def by_key(rows: Any, key: tuple[str, ...]) -> dict[tuple[int, ...], list[Any]]:
    """Rows by the values of some of their fields."""
    found: dict[tuple[int, ...], list[Any]] = {}
    for row in rows:
        found.setdefault(tuple(int(row[name]) for name in key), []).append(row)
    return found


def place(row: Any) -> int:
    """The seq at which a row came out."""
    names = row.keys() if isinstance(row, dict) else row.dtype.names
    return int(next(row[name] for name in ("status_seq", "exit_seq", "seq") if name in names))


def samples(rows: Any, exchange: Exchange) -> Iterator[str]:
    """A sample shows what stood after the event of its `seq`, the last one up to its time."""
    tape = {moment.event.seq: i for i, moment in enumerate(exchange.tape)}
    for row in rows:
        seq, at = int(row["seq"]), int(row["ts_recv"])
        for field, value in exchange.standings[seq]._asdict().items():
            if int(row[field]) != value:
                yield f"sample, seq {seq}: {field} expected {value}, seen {int(row[field])}"
        moment, later = exchange.tape[tape[seq]], exchange.tape[tape[seq] + 1 :][:1]
        if row["event"]:  # a row for an event
            if at != moment.t or isinstance(moment.event, Control):
                yield f"sample, seq {seq}: {at} is not the time of a book or trade"
        elif not all(moment.t <= at < event.t for event in later):
            yield f"sample, seq {seq}: at {at} another event was the last"


def numbers(seen: Any, expected: Mapping[str, int]) -> Iterator[str]:
    """Totals."""
    for name, value in expected.items():
        if int(seen[name]) != value:
            yield f"{name} expected {value}, seen {int(seen[name])}"
