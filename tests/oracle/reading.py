"""Frames files read with json and decimal alone: shares nothing with micropulse/wire.py."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import BUY, SELL, Book, Level, Mark, Trade

PARTIAL_BOOK = re.compile(r"@depth(5|10|20)(@|$)")
KINDS = ("MARKET", "RPI", "NA", "INSURANCE_FUND", "ADL")
MILLISECOND = 1_000_000


def read_frames(path: Path, px_decimals: int, qty_decimals: int) -> Iterator[Book | Trade]:
    """The partial books and trades of lines `<receive time in ns> <frame>`; seq = line number.

    Raises ValueError for a number with more decimals than the scale has.
    """
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for seq, line in enumerate(lines):
            stamp, _, text = line.partition(" ")
            frame = json.loads(text)
            shows = PARTIAL_BOOK.search(frame["stream"])
            if shows:
                depth = int(shows[1])
                yield book(seq, int(stamp), frame["data"], depth, px_decimals, qty_decimals)
            elif frame["stream"].endswith("@trade"):
                yield trade(seq, int(stamp), frame["data"], px_decimals, qty_decimals)


def mark(seq: int, ts_recv: int, data: dict[str, Any]) -> Mark:
    return Mark(
        seq=seq,
        ts_recv=ts_recv,
        ts_event=data["E"] * MILLISECOND,
        next_funding_ts=data["T"] * MILLISECOND,
        px=scaled(data["p"], 8),
        average_px=scaled(data.get("ap", "0"), 8),
        settle_px=scaled(data["P"], 8),
        index_px=scaled(data["i"], 8),
        rate=scaled(data["r"] or "0", 8),
        conn=0,
    )


def scaled(text: str, decimals: int) -> int:
    """The wire's decimal text as an integer at the scale."""
    number = Decimal(text).scaleb(decimals)
    if number != int(number):
        raise ValueError(f"{text!r} has more than {decimals} decimals; give the right scale")
    return int(number)


def book(
    seq: int, ts_recv: int, data: dict[str, Any], depth: int, px_decimals: int, qty_decimals: int
) -> Book:
    def levels(side: list[list[str]]) -> tuple[Level, ...]:
        return tuple((scaled(px, px_decimals), scaled(qty, qty_decimals)) for px, qty in side)

    return Book(
        seq=seq,
        ts_recv=ts_recv,
        ts_event=data["E"] * MILLISECOND,
        ts_txn=data["T"] * MILLISECOND,
        first_id=data["U"],
        last_id=data["u"],
        prev_id=data["pu"],
        conn=0,
        depth=depth,
        bids=levels(data["b"]),
        asks=levels(data["a"]),
    )


def trade(
    seq: int, ts_recv: int, data: dict[str, Any], px_decimals: int, qty_decimals: int
) -> Trade:
    kind = data.get("X", "MARKET")
    return Trade(
        seq=seq,
        ts_recv=ts_recv,
        ts_event=data["E"] * MILLISECOND,
        ts_txn=data["T"] * MILLISECOND,
        trade_id=data["t"],
        px=scaled(data["p"], px_decimals),
        qty=scaled(data["q"], qty_decimals),
        side=SELL if data["m"] else BUY,
        kind=kind if kind in KINDS else "OTHER",
        conn=0,
    )
