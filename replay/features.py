"""A recording -> a Parquet file of features: a row an event, a book, or a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from micropulse.params import Settings
from micropulse.run import Rows
from micropulse.schema import (
    Sample,
)
from micropulse.sinks.tables import ParquetFile, features_table
from replay.backtest import Session
from replay.source import Source


class FeatureRows:
    """The sink that writes them."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._file = ParquetFile(path)
        self._file.add(features_table(Sample.zeros(0)))

    def take(self, rows: Rows) -> None:
        """Append the samples."""
        self.rows += len(rows.samples)
        if len(rows.samples):
            self._file.add(features_table(rows.samples))

    def end_of_batch(self) -> None:
        """Row groups are written by size, not by batch."""

    def close(self) -> None:
        """Make the file appear."""
        self._file.close()

    def discard(self) -> None:
        """Leave no file behind."""
        self._file.discard()


def write_features(
    source: Source,
    idle: ModuleType,
    settings: Settings,
    every: int,
    path: Path,
    on_progress: Callable[[float], None] | None = None,
) -> int:
    """Write the features of `source`; how many rows. `every` as in Core's `sample_every`."""
    session = Session(source, idle, settings, sample_every=every)
    session.on_progress = on_progress
    sink = FeatureRows(path)
    try:
        session.run([sink])
        sink.close()
    except BaseException:
        sink.discard()
        raise
    return sink.rows
