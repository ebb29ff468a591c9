"""Who is compared: the command that makes each one's input, and the one that trades on it.

In a command {tape} is the tape, {frames} the same as a frames file, {input} what `make` makes or
the tape itself, {out} where the answer goes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.ours import RULE, SETS

NAUTILUS = "nautilus_trader"
OURS = (sys.executable, "-m", "micropulse")
HFT = (sys.executable, "-m", "benchmarks.peers.hftbacktest")


class Engine(NamedTuple):
    """A row of the table."""

    name: str
    package: str
    python: str  # the interpreter that has the package; empty: nobody has
    how: str  # fed with what, and which part of it
    make: tuple[str, ...]
    trade: tuple[str, ...]


def engines(nautilus: Path | None) -> list[Engine]:
    """All of them; `nautilus` is an interpreter that has nautilus_trader."""
    sets = [word for text in SETS for word in ("--set", text)]
    library = (sys.executable, "-m", "benchmarks.peers.ours", "{input}", "{out}")
    command = (*OURS, "backtest", "{input}", "--strategy", str(RULE), *sets, "-o", "{out}")
    export = (*OURS, "tape", "export", "{tape}", "--format", "npz", "-o", "{input}")
    python = str(nautilus) if nautilus else ""
    peer = (python, "-m", "benchmarks.peers.nautilus")
    ours, hft = ("micropulse", sys.executable), ("hftbacktest", sys.executable)
    return [
        Engine("MicroPulse", *ours, "the tape; its core", (), library),
        Engine("MicroPulse", *ours, "the tape; `backtest`", (), command),
        Engine("hftbacktest", *hft, "its converter, books as changes",
               (*HFT, "changes", "{frames}", "{input}"),
               (*HFT, "trade", "roi", "{input}", "{out}")),
        Engine("hftbacktest", *hft, "its converter, books as snapshots",
               (*HFT, "snapshots", "{frames}", "{input}"),
               (*HFT, "trade", "hashmap", "{input}", "{out}")),
        Engine("hftbacktest", *hft, "`tape export --format npz`", export,
               (*HFT, "trade", "roi", "{input}", "{out}")),
        Engine(NAUTILUS, NAUTILUS, python, "its Parquet catalog, depth 10",
               (*peer, "convert", "{tape}", "{input}"), (*peer, "trade", "{input}", "{out}")),
    ]  # fmt: skip
