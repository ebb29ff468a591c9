"""Tests for strategies, on recordings: each property is one call, and says what differed first.

    from micropulse.testing import all_properties
    def test_my_rule():
        all_properties("my_rule.py", "night.jsonl.gz")

together     all of them in one call; what fails is shrunk and kept as a frames file
properties   deterministic, batch_invariant, no_lookahead: of the core's doing, in memory
accounts     the tables of a run folder add up
orders       its orders and fills could have been
live         a live run against a local exchange, with kills, is what its recording says
drawn        what Hypothesis draws: stretches, perturbed ones, whole markets
failures     frames files of what failed; shrinking: the few events that matter
plugin       for pytest: the fixture `recording`

Each raises AssertionError when the property does not hold. docs/testing.md tells all of it. A name
is imported when it is first asked for: pytest loads the plugin at each start, with or without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micropulse.testing.accounts import accounts_reconcile
    from micropulse.testing.drawn import lively_markets, nasty_markets, perturbed, slices
    from micropulse.testing.failures import replayable
    from micropulse.testing.live import Lived, live_is_replay
    from micropulse.testing.orders import sane_orders
    from micropulse.testing.properties import batch_invariant, deterministic, no_lookahead
    from micropulse.testing.ran import Kept, Ran, play
    from micropulse.testing.recorded import Recorded, read, resolved, split
    from micropulse.testing.shrinking import shrunk
    from micropulse.testing.together import all_properties

_MODULES = {
    "accounts": ("accounts_reconcile",),
    "drawn": ("lively_markets", "nasty_markets", "perturbed", "slices"),  # need Hypothesis
    "failures": ("replayable",),
    "live": ("Lived", "live_is_replay"),
    "orders": ("sane_orders",),
    "properties": ("batch_invariant", "deterministic", "no_lookahead"),
    "ran": ("Kept", "Ran", "play"),
    "recorded": ("Recorded", "read", "resolved", "split"),
    "shrinking": ("shrunk",),
    "together": ("all_properties",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Kept",
    "Lived",
    "Ran",
    "Recorded",
    "accounts_reconcile",
    "all_properties",
    "batch_invariant",
    "deterministic",
    "live_is_replay",
    "lively_markets",
    "nasty_markets",
    "no_lookahead",
    "perturbed",
    "play",
    "read",
    "replayable",
    "resolved",
    "sane_orders",
    "shrunk",
    "slices",
    "split",
]


def __getattr__(name: str) -> Any:
    """The function or class, from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
