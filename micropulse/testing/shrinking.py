"""The smallest part of a recording on which something still goes wrong.

Delta debugging (Zeller and Hildebrandt 2002): halves, quarters and so on are left out, down to
single events, the last ones first, for what comes behind the fault is needed least.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from micropulse.events import Events, frozen
from micropulse.testing.recorded import Recorded
from recorder.segment import cut

TRIES = 400  # a rule over some hundred events takes 1 to 50 ms


def shrunk(recorded: Recorded, fails: Callable[[Recorded], bool], tries: int = TRIES) -> Recorded:
    """Fewer events of a recording on which it fails, numbered from 0, on which it fails too.

    When no `tries` are left it is the smallest so far.
    """
    kept, size = recorded, (recorded.events.n + 1) // 2
    while size and kept.events.n > 1:
        before = kept.events.n
        for end in range(before, 0, -size):
            if tries == 0:
                return kept
            tries -= 1
            fewer = _without(kept, max(0, end - size), end)
            if fewer.events.n and fails(fewer):
                kept = fewer
        if size == 1 and kept.events.n == before:
            break
        size = min(max(1, size // 2), kept.events.n)
    return kept


def _without(recorded: Recorded, start: int, end: int) -> Recorded:
    """All but the events from the `start`th to before the `end`th, numbered from 0."""
    seqs = np.array(recorded.seqs())
    left = np.concatenate([seqs[:start], seqs[end:]])
    return recorded._replace(events=Events(*(_only(table, left) for table in recorded.events)))


def _only(table: Any, seqs: Any) -> Any:
    part = cut(table, np.isin(table.seq, seqs))
    return part._replace(seq=frozen(np.searchsorted(seqs, part.seq)))
