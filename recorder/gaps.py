"""What is missing, by the frames' own ids: pure, so that sealing and showing agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from micropulse.events import Events, Int64s

LISTED_MAX = 1_000


def gaps_of(events: Events, seqs: Int64s) -> dict[str, Any]:
    """What the ids of one segment say: holes of `seq`, of trade ids, breaks of the book's chain.

    Trade ids are of all connections together: what one lost another may have brought.
    """
    holes = np.flatnonzero(np.diff(seqs) > 1)
    ids = events.trades.trade_id
    if (np.diff(ids) <= 0).any():
        ids = np.unique(ids)
    steps = np.diff(ids)
    jumps = np.flatnonzero(steps > 1)
    return {
        "seq": [[int(seqs[i]) + 1, int(seqs[i + 1]) - 1] for i in holes[:LISTED_MAX]],
        "missing_trades": int((steps[jumps] - 1).sum()),
        "trade_ids": [[int(ids[i]) + 1, int(ids[i + 1]) - 1] for i in jumps[:LISTED_MAX]],
        "duplicate_trades": len(events.trades.trade_id) - len(ids),
        "pu_breaks": _pu_breaks(events),
    }


def _pu_breaks(events: Events) -> int:
    """Books whose `pu` is not the `u` before them on the same connection and depth."""
    depth, broken = events.depth, 0
    for conn, shown in sorted(set(zip(depth.conn.tolist(), depth.depth.tolist(), strict=True))):
        mine = (depth.conn == conn) & (depth.depth == shown)
        broken += int(np.count_nonzero(depth.prev_id[mine][1:] != depth.last_id[mine][:-1]))
    return broken
