"""Running the core over a stream in a test, and keeping what comes out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import Events
from micropulse.instrument import instrument
from micropulse.params import resolve
from micropulse.run import Core, Rows
from micropulse.schema import (
    ROW_EVENTS,
    SECOND,
    SIDES,
    WALL_ENDS,
    Fill,
    Order,
    Sample,
    Signal,
    Trip,
)
from micropulse.strategy import load_strategy

SHARED = Path(__file__).parents[2] / "shared" / "data"
REAL = SHARED / "btcusdt_usdm_20240808_235415_depth5_trade.gz"


class Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        records = (Sample, Signal, Order, Fill, Trip)
        self._parts = {
            name: [record.zeros(0)] for name, record in zip(Rows._fields, records, strict=True)
        }

    def take(self, rows: Rows) -> None:
        for name, part in rows._asdict().items():
            self._parts[name].append(part.copy())

    def end_of_batch(self) -> None:
        """Nothing to flush."""

    def __getitem__(self, name: str) -> Any:
        return np.concatenate(self._parts[name])

    def bytes(self) -> dict[str, bytes]:
        """The bytes of each table."""
        return {name: self[name].tobytes() for name in self._parts}


class Ran(NamedTuple):
    core: Core
    out: Kept


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
