"""The lock of a tape's sealer. That of its writer is the journal's own business."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_sealer(folder: Path) -> Iterator[None]:
    """Only one process seals a tape; another one waits its turn. Unfinished files are removed,
    those of a sealer that was killed and one's own: on a full disk they would keep it full."""
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    file = os.open(folder / "journal" / "seal.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        _discard_unfinished(folder)
        try:
            yield
        finally:
            _discard_unfinished(folder)
    finally:
        os.close(file)


def _discard_unfinished(folder: Path) -> None:
    for part in folder.glob("date=*/.*.part"):
        part.unlink(missing_ok=True)
