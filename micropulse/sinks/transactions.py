"""A round trip -> a line of transaction.csv: exact decimals, times as ISO and as ns."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from micropulse.instrument import to_text
from micropulse.sinks.tables import Digits
from micropulse.strategy import reason_name

COLUMNS = (
    *("id", "symbol", "strategy", "side", "qty", "entry_time", "exit_time", "hold_s"),
    *("entry_px", "exit_px", "gross", "fees", "funding", "net"),
    *("entry_reason", "exit_reason"),
    *("entry_slippage", "exit_slippage", "mae_ticks", "mfe_ticks", "after_gap"),
    *("entry_ts", "exit_ts", "entry_seq", "exit_seq", "entry_order", "exit_order"),
)

NUMBERS = ("id", "entry_ts", "exit_ts", "entry_seq", "exit_seq", "entry_order", "exit_order")
MONEY = ("gross", "fees", "funding", "net", "entry_slippage", "exit_slippage")


def header() -> str:
    """The first line of the file."""
    return ",".join(COLUMNS) + "\n"


def line(trip: Any, symbol: str, name: str, strategy: ModuleType, digits: Digits, tick: int) -> str:
    """One round trip. Average prices are rounded to two digits more than the wire's."""
    plain = dict(zip(trip.dtype.names, trip.item(), strict=True))
    qty, held_ns = plain["qty"], plain["exit_ts"] - plain["entry_ts"]
    row = {
        "symbol": symbol,
        "strategy": name,
        "side": "long" if plain["side"] > 0 else "short",
        "qty": to_text(qty, digits.qty),
        "entry_time": iso(plain["entry_ts"]),
        "exit_time": iso(plain["exit_ts"]),
        "hold_s": to_text(held_ns, 9),
        "entry_px": average_px(plain["entry_notional"], qty, digits),
        "exit_px": average_px(plain["exit_notional"], qty, digits),
        "entry_reason": reason_name(strategy, plain["entry_reason"]),
        "exit_reason": reason_name(strategy, plain["exit_reason"]),
        "mae_ticks": _ticks(plain, plain["worst_px"], digits, tick),
        "mfe_ticks": _ticks(plain, plain["best_px"], digits, tick),
        "after_gap": "true" if plain["after_gap"] else "false",
    }
    row |= {money: to_text(plain[money], digits.money) for money in MONEY}
    row |= {number: plain[number] for number in NUMBERS}
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerow(row)
    return text.getvalue()


def average_px(notional: int, qty: int, digits: Digits) -> str:
    """Money / quantity in quote units, rounded half up to two digits more than prices have."""
    more = digits.px + 2
    units = notional * 10 ** (more + digits.qty)
    return to_text((2 * units // (qty * 10**digits.money) + 1) // 2, more)


def iso(ts: int) -> str:
    """ns since 1970 as 2026-11-22T18:43:42.123456789Z."""
    second = datetime.fromtimestamp(ts // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{second}.{ts % 10**9:09d}Z"


def _ticks(trip: dict[str, int], px: int, digits: Digits, tick: int) -> str:
    """How far `px` was from the entry, in ticks, in the trip's favour; one digit."""
    unit = 10 ** (digits.money - digits.px - digits.qty)
    moved = trip["side"] * (px * trip["qty"] * unit - trip["entry_notional"])
    per_tick = trip["qty"] * unit * tick
    tenths = (2 * 10 * moved // per_tick + 1) // 2
    return to_text(tenths, 1)
