"""Running the core over a stream in a test, and keeping what comes out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from micropulse.events import Events
from micropulse.instrument import instrument
from micropulse.params import resolve
from micropulse.run import Core
from micropulse.schema import ROW_EVENTS, SECOND, SIDES, WALL_ENDS
from micropulse.strategy import load_strategy
from micropulse.testing import Kept, Ran
from tests.oracle.features import Parameters

SHARED = Path(__file__).parents[2] / "shared" / "data"
REAL = SHARED / "btcusdt_usdm_20240808_235415_depth5_trade.gz"


def new_core(
    strategy: str,
    sets: Sequence[str] = (),
    decimals: tuple[int, int] = (2, 3),
    sample_every: int = SECOND,
    rows: int = 4096,
) -> Core:
    module = load_strategy(strategy)
    symbol, _ = instrument("BTCUSDT" if decimals == (2, 3) else "TINYUSDT", *decimals)
    settings = resolve(module.Params, None, list(sets))
    return Core(module, symbol, settings, decimals[1], sample_every, rows)


def parameters() -> st.SearchStrategy[Parameters]:
    """`[features]` settings; shrinks to the defaults."""
    return st.builds(
        Parameters,
        spike_window_ms=st.sampled_from((1000, 100, 10_000)),
        wall_k=st.sampled_from((5.0, 3.0, 1.0, 2.7)),
        wall_floor=st.sampled_from((250_000.0, 10_000.0, 10_000.0, 247_200.0, 0.0)),
        wall_min_age_ms=st.sampled_from((500, 0, 100, 1000)),
        wall_gone_share=st.sampled_from((0.3, 0.5, 0.7, 1.0)),
        wall_at_best=st.booleans(),
    )


def run_through(core: Core, batches: Iterable[Events]) -> Ran:
    out = Kept()
    for events in batches:
        core.feed(events, [out])
    return Ran(core, out)


def feature_rows(samples: Any) -> Iterable[dict[str, object]]:
    """Samples as the oracle writes its rows: None for null, words for codes."""
    names = samples["features"].dtype.names
    for sample in samples:
        row: dict[str, object] = {
            "seq": int(sample["seq"]),
            "ts_recv": int(sample["ts_recv"]),
            "event": ROW_EVENTS[int(sample["event"])],
        }
        for name in names:
            if name != "ts":
                row[name] = _plain(name, sample["features"][name].item())
        yield row


def _plain(name: str, value: Any) -> object:
    if name == "removed_wall_side":
        return SIDES[value]
    if name == "removed_wall_kind":
        return WALL_ENDS[value]
    if name == "removed_wall_ts":
        return value or None
    if name in ("book_stale", "warm_10s"):
        return bool(value)
    return None if math.isnan(value) else value
