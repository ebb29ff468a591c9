"""Tests for strategies, on recordings: each property is one call, and says what differed first.

deterministic, batch_invariant, no_lookahead    of the core's doing, in memory
live_is_replay                                  a live run against a local exchange, with kills
accounts_reconcile, sane_orders                 of the tables of a run folder

    from micropulse.testing import no_lookahead
    def test_my_rule_sees_no_future():
        no_lookahead("my_rule.py", "night.jsonl.gz")

Each raises AssertionError when the property does not hold. docs/testing.md tells all of it.
"""

from __future__ import annotations

from micropulse.testing.accounts import accounts_reconcile
from micropulse.testing.live import Lived, live_is_replay
from micropulse.testing.orders import sane_orders
from micropulse.testing.properties import batch_invariant, deterministic, no_lookahead
from micropulse.testing.ran import Kept, Ran, play
from micropulse.testing.recorded import Recorded, read, resolved, split

__all__ = [
    "Kept",
    "Lived",
    "Ran",
    "Recorded",
    "accounts_reconcile",
    "batch_invariant",
    "deterministic",
    "live_is_replay",
    "no_lookahead",
    "play",
    "read",
    "resolved",
    "sane_orders",
    "split",
]
