"""The same market in other worlds: at another date, with more calls of `decide`, a bit dearer."""

from __future__ import annotations

from typing import Any

import numpy as np

from micropulse.events import TICK, Events, control_table
from micropulse.instrument import instrument
from micropulse.testing.recorded import Recorded
from recorder.segment import cut

LATER_NS = 364 * 86_400 * 10**9  # the same weekday and time of day, the same funding stamps
CALLS = 7
TICKS = 10


def later(recorded: Recorded) -> Recorded:
    """The same market 52 weeks later."""
    stamps = ("ts_recv", "ts_event", "ts_txn")
    return _changed(recorded, {name: lambda column: column + LATER_NS for name in stamps})


def dearer(recorded: Recorded) -> Recorded:
    """The same market, every price some ticks higher."""
    up = TICKS * int(
        instrument(recorded.symbol, recorded.px_decimals, recorded.qty_decimals)[0].tick
    )

    def raised(column: Any) -> Any:
        if isinstance(column, tuple):
            return tuple(raised(level) for level in column)
        return np.where(column > 0, column + up, column)

    return _changed(recorded, dict.fromkeys(("px", "bid_px", "ask_px"), raised))


def called_more(recorded: Recorded) -> Recorded:
    """The same market with a few ticks of the clock right behind its first event."""
    seqs = recorded.seqs()
    first = seqs[0]
    ts = min(int(table.ts_recv[0]) for table in recorded.events if len(table.seq))
    after = _changed(
        recorded, {"seq": lambda column: np.where(column > first, column + CALLS, column)}
    )
    control = after.events.control._asdict()
    ticks = {
        "seq": [first + k + 1 for k in range(CALLS)],
        "ts_recv": [ts] * CALLS,
        "kind": [TICK] * CALLS,
        "conn": [0] * CALLS,
        "value": [0] * CALLS,
    }
    rows = {name: np.concatenate([control[name], ticks[name]]) for name in ticks}
    order = np.argsort(rows["seq"], kind="stable")
    table = control_table(**{name: column[order] for name, column in rows.items()})
    return after._replace(events=after.events._replace(control=table))


def _changed(recorded: Recorded, by: dict[str, Any]) -> Recorded:
    """Some columns of every table put through a function."""
    tables: list[Any] = []
    for table in recorded.events:
        named_ones = {
            n: change(getattr(table, n)) for n, change in by.items() if n in table._fields
        }
        tables.append(cut(table._replace(**named_ones), slice(None)))
    return recorded._replace(events=Events(*tables))
