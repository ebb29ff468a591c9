"""The auditor: what a run did with its decisions, against what docs/execution.md says it must.

It takes the decisions as given (the first row of each order) and derives all that came after
again from the events (exchange.py), to the unit. What it has to say it says in sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from . import Event
from .exchange import Ask, Exchange

Row = Mapping[str, Any]


class Run(NamedTuple):
    """A run: what went in, and the structured arrays of micropulse.schema that came out."""

    events: Sequence[Event]
    instrument: Any
    execution: Any  # ExecutionSettings
    orders: Any
    fills: Any
    trips: Any
    samples: Any
    account: Any = None  # as it stood at the end
    counts: Any = None


def audit(run: Run, asks: Iterable[Ask] | None = None) -> list[str]:
    """What is wrong with a run, a sentence each; nothing, if nothing is.

    With `asks`, all that the strategy asked for, the refusals are proven as well; without them
    that no order was accepted which had to be refused.
    """
    exchange = Exchange(run.events, run.instrument, run.execution)
    exchange.play({ask.seq: ask for ask in (decisions(run.orders) if asks is None else asks)})
    return list(sentences(run, exchange, asks is not None))


def decisions(orders: Any) -> list[Ask]:
    """The first row of each order."""
    first: dict[int, Any] = {}
    for row in orders:
        first.setdefault(int(row["id"]), row)
    return [
        Ask(
            int(row["seq"]),
            not row["closes"],
            int(row["side"]),
            int(row["qty"]),
            int(row["reason"]),
        )
        for row in first.values()
    ]


def sentences(run: Run, exchange: Exchange, all_asks: bool) -> Iterator[str]:
    fills = [fill._asdict() for order in exchange.fills.values() for fill in order]
    yield from differences("order", run.orders, exchange.orders, ("id", "status"))
    yield from differences("fill of order", run.fills, fills, ("order_id", "slice_no"))
    yield from differences("trip", run.trips, exchange.trips, ("id",))
    yield from samples(run.samples, exchange)
    if not all_asks:
        for name, n in exchange.counts.items():
            if name.startswith("refused"):
                yield f"{n} orders were accepted that must be {name}"
    if run.counts is not None:
        yield from counts(run.counts, exchange, all_asks)
    if run.account is not None:
        yield from account(run.account, exchange)


def differences(
    what: str, seen: Any, expected: Sequence[Row], key: tuple[str, ...]
) -> Iterator[str]:
    """Rows of both with the same key are compared field by field."""

    def by_key(rows: Any) -> dict[tuple[int, ...], list[Any]]:
        found: dict[tuple[int, ...], list[Any]] = {}
        for row in rows:
            found.setdefault(tuple(int(row[name]) for name in key), []).append(row)
        return found

    seen_rows, expected_rows = by_key(seen), by_key(expected)
    for k in sorted(seen_rows.keys() | expected_rows.keys()):
        name = f"{what} {k[0]}" + "".join(f", {n} {v}" for n, v in zip(key[1:], k[1:], strict=True))
        ours, theirs = expected_rows.get(k, []), seen_rows.get(k, [])
        for row in ours[len(theirs) :]:
            yield f"{name}, seq {place(row)}: expected a row, seen none"
        for row in theirs[len(ours) :]:
            yield f"{name}, seq {place(row)}: expected no row, seen one"
        for our, their in zip(ours, theirs, strict=False):
            for field in seen.dtype.names:
                if int(our[field]) != int(their[field]):
                    yield (
                        f"{name}, seq {place(their)}: "
                        f"{field} expected {int(our[field])}, seen {int(their[field])}"
                    )


def place(row: Any) -> int:
    """The seq at which a row came out."""
    names = row.keys() if isinstance(row, dict) else row.dtype.names
    return int(next(row[name] for name in ("status_seq", "exit_seq", "seq") if name in names))


def samples(rows: Any, exchange: Exchange) -> Iterator[str]:
    for row in rows:
        seq = int(row["seq"])
        for field, value in exchange.standings[seq]._asdict().items():
            if int(row[field]) != value:
                yield f"sample, seq {seq}: {field} expected {value}, seen {int(row[field])}"


def counts(seen: Any, exchange: Exchange, all_asks: bool) -> Iterator[str]:
    names = ["entries_beyond_depth", "exits_beyond_depth", "taken_full"]
    if all_asks:
        names += ["refused_pending", "refused_position", "refused_stale", "refused_flat"]
    for name in names:
        if int(seen[name]) != exchange.counts[name]:
            yield f"count {name} expected {exchange.counts[name]}, seen {int(seen[name])}"


def account(seen: Any, exchange: Exchange) -> Iterator[str]:
    fills = [fill for order in exchange.fills.values() for fill in order]
    expected = {
        "cash": exchange.cash,
        "qty": exchange.qty,
        "fees": sum(fill.fee for fill in fills),
        "gross": sum(trip["gross"] for trip in exchange.trips),
        "fills": len(fills),
        "trips": len(exchange.trips),
        "orders": exchange.submitted,
    }
    for name, value in expected.items():
        if int(seen[name]) != value:
            yield f"account: {name} expected {value}, seen {int(seen[name])}"
