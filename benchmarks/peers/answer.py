"""What an engine hands back of a run: what it saw and what it did, as one file of numpy's."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Answer(NamedTuple):
    """Arrays; times in ns on the receiver's clock, prices in quote units."""

    seen_ts: Any  # when OBI took another value
    seen_obi: Any  # that value; NaN where a side is empty
    order_ts: Any  # when an order was decided on
    order_side: Any  # 1 buys, -1 sells
    fill_side: Any
    fill_px: Any
    fill_qty: Any


def write(path: Path, answer: Answer) -> None:
    """Keep it; the arrays may be lists."""
    with path.open("wb") as file:  # a file keeps its name; a path would get a suffix
        np.savez(file, **{name: np.asarray(part) for name, part in answer._asdict().items()})


def read(path: Path) -> Answer:
    """The answer again."""
    with np.load(path) as kept:
        return Answer(*(kept[name] for name in Answer._fields))


def digest(answer: Answer) -> str:
    """sha256 over all that was seen and done: the same work gives the same."""
    hashed = hashlib.sha256()
    for name, part in answer._asdict().items():
        kind = np.int64 if name.endswith(("ts", "side")) else np.float64
        hashed.update(np.ascontiguousarray(part, kind).tobytes())
    return hashed.hexdigest()
