"""The ledger: every variant ever tried on a data set. Who tries often enough finds something.

A line of JSON a data set and run of the program: the data's key, the strategy, the variants'
ids. Lines are only ever appended, each with one write under a lock, so that sweeps and backtests
may share the file. What is tried twice counts once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

LEDGER = Path("runs/ledger.jsonl")  # in the working folder, where runs go


class LedgerError(Exception):
    """A ledger that cannot be read."""


def data_key(description: Mapping[str, Any], symbol: str) -> str:
    """16 hex digits for what a source holds, wherever it lies: replay.source.description's hash,
    or the seed of a simulated market; and the symbol."""
    said = f"{symbol} {description.get('sha256', description['name'])}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def enter(ledger: Path, key: str, strategy: str, variants: Sequence[str]) -> None:
    """Append that these variants were tried on a data set; those that stand there already are
    left out."""
    known = tried(ledger, [key])
    new = sorted(set(variants) - known)
    if not new:
        return
    line = json.dumps({"data": key, "strategy": strategy, "variants": new}) + "\n"
    ledger.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(ledger, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_torn(file):  # by a process that was killed in the middle of a line
            line = "\n" + line
        os.write(file, line.encode())
    finally:
        os.close(file)


def tried(ledger: Path, keys: Iterable[str]) -> set[str]:
    """The variants ever tried on any of these data sets; a torn line does not count."""
    wanted = set(keys)
    found: set[str] = set()
    if not ledger.exists():
        return found
    for number, line in enumerate(ledger.read_bytes().splitlines(), start=1):
        if not line.endswith(b"}"):
            continue
        try:
            entry = json.loads(line)
            if entry["data"] in wanted:
                found.update(entry["variants"])
        except (ValueError, KeyError, TypeError):
            raise LedgerError(
                f"Line {number} of {ledger} is no entry of a ledger, so that nobody knows how many "
                "variants were tried. Mend or remove the line."
            ) from None
    return found


def _is_torn(file: int) -> bool:
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"
