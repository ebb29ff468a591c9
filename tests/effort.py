"""How often a test that costs much draws: fewer examples than the usual 50, more in a soak."""

from __future__ import annotations

from hypothesis import settings

USUAL = 50  # of the profiles `dev` and `ci`


def few(examples: int) -> settings:
    """So many where a usual test draws 50; in a soak, more by as much as there."""
    return settings(max_examples=max(1, examples * settings().max_examples // USUAL))
