"""The pytest plugin: the fixture `recording`, a tape or frames file in memory.

    @pytest.mark.recording("tests/fixtures/night.jsonl.gz")
    def test_my_rule(recording):
        no_lookahead("my_rule.py", recording)

It imports nothing of ours until a test asks for the fixture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from micropulse.testing.recorded import Recorded

MARKER = (
    "recording(source, symbol=None): what the fixture `recording` reads: a tape or a frames file, "
    "by its path from where pytest was started or from the root directory, or sim:SEED."
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for --strict-markers."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def _recordings() -> dict[tuple[str, str | None], Recorded]:
    """What was read in this session: once each."""
    return {}


@pytest.fixture
def recording(
    request: pytest.FixtureRequest, _recordings: dict[tuple[str, str | None], Recorded]
) -> Recorded:
    """The recording that the nearest marker names: the test's own, else its class's or module's."""
    marker = request.node.get_closest_marker("recording")
    if marker is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} asks for `recording` and does not say which: mark it with "
            '@pytest.mark.recording("tests/fixtures/night.jsonl.gz").'
        )
    source, symbol = _asked(*marker.args, **marker.kwargs)
    if not source.startswith("sim:"):
        source = _found(source, request.config)
    if (source, symbol) not in _recordings:
        from micropulse.testing.recorded import read

        _recordings[source, symbol] = read(source, symbol)
    return _recordings[source, symbol]


def _found(path: str, config: pytest.Config) -> str:
    places = (config.invocation_params.dir / path, config.rootpath / path)
    return str(next((place for place in places if place.exists()), path))


def _asked(source: str | Path, symbol: str | None = None) -> tuple[str, str | None]:
    return str(source), symbol
