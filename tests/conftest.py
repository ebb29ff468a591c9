"""How Hypothesis draws: `dev` by default, `ci` the same examples each time, `soak` for long.

    ./mp soak 600                          for ten minutes, other examples each time
    ./mp soak --examples 20000 -k tape

A first example may compile a kernel, so no profile has a deadline.
"""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["micropulse.testing.plugin"]  # also where it was not installed anew
SLOW_START = (HealthCheck.too_slow,)

settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=SLOW_START)
settings.register_profile(
    "ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True
)
settings.register_profile(
    "soak",
    settings.get_profile("dev"),
    max_examples=int(os.environ.get("SOAK_EXAMPLES", "5000")),
    derandomize=False,  # where CI is set, Hypothesis would draw the same again
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A soak begins no test after its time is up."""
    if time.time() > float(os.environ.get("SOAK_UNTIL", "inf")):
        pytest.skip("the time of the soak is up")
