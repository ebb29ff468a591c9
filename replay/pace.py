"""Replay at the pace of the recording, times a factor.

Each slice of log time waits for its own deadline, counted from the start: sleeping a fixed time
between slices would drift by a fifth. The core never sees this clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from micropulse.events import Events

SLICE_NS = 50_000_000


def paced(batches: Iterator[Events], speed: float) -> Iterator[Events]:
    """Yield the events in slices of 50 ms of log time, each when its time has come."""
    first: int | None = None
    started = time.monotonic()
    for events in batches:
        for part, ts in slices(events, SLICE_NS):
            first = ts if first is None else first
            deadline = started + (ts - first) / 1e9 / speed
            time.sleep(max(0.0, deadline - time.monotonic()))
            yield part


def slices(events: Events, slice_ns: int) -> Iterator[tuple[Events, int]]:
    """Cut a batch, in order of `seq`, where log time enters another slice; with its first time."""
    seq = np.concatenate([table.seq for table in events])
    ts = np.concatenate([table.ts_recv for table in events])
    order = np.argsort(seq, kind="stable")
    seq, ts = seq[order], np.maximum.accumulate(ts[order]) if len(order) else ts
    cuts = np.flatnonzero(np.diff(ts // slice_ns)) + 1
    for start, stop in zip([0, *cuts], [*cuts, len(seq)], strict=True):
        if stop > start:
            yield between(events, int(seq[start]), int(seq[stop - 1])), int(ts[start])


def between(events: Events, first_seq: int, last_seq: int) -> Events:
    """The events with first_seq <= seq <= last_seq, as views."""
    return Events(*(_rows(table, first_seq, last_seq) for table in events))


def _rows(table, first_seq: int, last_seq: int):  # type: ignore[no-untyped-def]
    a, b = np.searchsorted(table.seq, [first_seq, last_seq + 1])
    cut = (tuple(c[a:b] for c in col) if isinstance(col, tuple) else col[a:b] for col in table)
    return type(table)(*cut)
