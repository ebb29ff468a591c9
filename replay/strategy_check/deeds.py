"""What a run did, without its times and the market's: what two runs are compared by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from micropulse.schema import ENTRY_ASKED, ENTRY_REFUSED, EXIT_ASKED
from micropulse.testing.ran import Kept

DECIDED = (ENTRY_REFUSED, ENTRY_ASKED, EXIT_ASKED)
FIELDS = {
    "signals": ("seq", "kind", "side", "qty", "reason"),
    "orders": ("status_seq", "seq", "side", "qty", "filled", "closes", "reason", "status", "note"),
    "fills": ("seq", "side", "qty", "px"),
}


class Deeds(NamedTuple):
    """Rows of integers: what the rule decided, what became of its orders, what was filled."""

    signals: Any
    orders: Any
    fills: Any

    def shifted(self, seqs: int, px: int = 0) -> Deeds:
        """The same deeds, had every event had another `seq` and price."""
        moved = [table.copy() for table in self]
        for table, columns in zip(moved, FIELDS.values(), strict=True):
            for name, by in (("seq", seqs), ("status_seq", seqs), ("px", px)):
                if name in columns:
                    table[:, columns.index(name)] += by
        return Deeds(*moved)

    def entries(self) -> list[tuple[int, int]]:
        """(seq, side) of each entry that was asked for."""
        asked = self.signals[self.signals[:, 1] == ENTRY_ASKED]
        return [(int(row[0]), int(row[2])) for row in asked]


def deeds_of(out: Kept) -> Deeds:
    """What a run did, of all that came out of it."""
    signals = out["signals"]
    decided = signals[np.isin(signals["kind"], DECIDED)]
    tables = {"signals": decided, "orders": out["orders"], "fills": out["fills"]}
    return Deeds(*(_columns(tables[name], FIELDS[name]) for name in FIELDS))


def first_other(one: Deeds, other: Deeds) -> int | None:
    """The event at which two runs first did different things; None when they did not."""
    seqs = []
    for mine, yours in zip(one, other, strict=True):
        rows = min(len(mine), len(yours))
        differ = np.flatnonzero((mine[:rows] != yours[:rows]).any(axis=1))
        at = int(differ[0]) if len(differ) else rows
        seqs += [int(table[at, 0]) for table in (mine, yours) if len(table) > at]
    return min(seqs, default=None)


def _columns(table: Any, names: tuple[str, ...]) -> Any:
    columns = [table[name].astype(np.int64) for name in names]
    return np.stack(columns, axis=1) if len(table) else np.zeros((0, len(names)), np.int64)
