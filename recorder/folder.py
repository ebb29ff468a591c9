"""Where a tape lies, and how its files are named.

    <data>/venue=binance-usdm/symbol=BTCUSDT/
        journal/000007.journal              not sealed yet
        date=2026-11-22/depth-000006.parquet, trades-, marks-, control-, verbatim-
        date=2026-11-22/manifest-000006.json   the segment is sealed: this was written last

Segments are numbered through all days; a number is used once. The date is that of `ts_recv`.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

VENUE = "binance-usdm"
SESSION = "_session"  # the tape of frames that no symbol's tape can take
TABLES = ("depth", "trades", "marks", "control", "verbatim")

_SYMBOL = re.compile(r"[A-Z0-9_]{1,64}|_session", re.ASCII)
_MANIFEST = re.compile(r"manifest-(\d+)\.json")


class TapeError(Exception):
    """A tape that cannot be used as asked."""


def can_have_tape(symbol: str) -> bool:
    """Whether a name can be that of a tape: it becomes a folder's."""
    return _SYMBOL.fullmatch(symbol) is not None


def tape_folder(data: Path, symbol: str) -> Path:
    """The folder of a symbol's tape. Raises TapeError for a name that can be no symbol."""
    if not can_have_tape(symbol):
        raise TapeError(
            f"{symbol!r} is no symbol: it becomes the name of a folder and has only letters, "
            "digits and _, as in BTCUSDT."
        )
    return data / f"venue={VENUE}" / f"symbol={symbol}"


def symbol_of(folder: Path) -> str:
    """BTCUSDT of …/symbol=BTCUSDT."""
    return folder.name.removeprefix("symbol=")


def journal_path(folder: Path, segment: int) -> Path:
    """The journal file of a segment."""
    return folder / "journal" / f"{segment:06d}.journal"


def journals(folder: Path) -> list[tuple[int, Path]]:
    """(segment, file) of what is not sealed yet, oldest first."""
    found = [path for path in (folder / "journal").glob("*.journal") if path.stem.isdecimal()]
    return sorted((int(path.stem), path) for path in found)


def manifest_path(folder: Path, segment: int, date: str) -> Path:
    """The manifest of a sealed segment."""
    return folder / f"date={date}" / f"manifest-{segment:06d}.json"


def table_path(folder: Path, segment: int, date: str, table: str) -> Path:
    """The Parquet file of one table of a sealed segment."""
    return folder / f"date={date}" / f"{table}-{segment:06d}.parquet"


def manifests(folder: Path) -> list[tuple[int, Path]]:
    """(segment, manifest) of what is sealed, oldest first."""
    found = []
    for path in folder.glob("date=*/manifest-*.json"):
        if match := _MANIFEST.fullmatch(path.name):
            found.append((int(match[1]), path))
    return sorted(found)


def date_of(ts_ns: int) -> str:
    """2026-11-22, the UTC date of a time in ns."""
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).date().isoformat()


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or deleted in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
