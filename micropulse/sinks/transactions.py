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

MONEY = ("gross", "fees", "funding", "net", "entry_slippage", "exit_slippage")


def header() -> str:
    """The first line of the file."""
    return ",".join(COLUMNS) + "\n"


def line(trip: Any, symbol: str, name: str, strategy: ModuleType, digits: Digits, tick: int) -> str:
    """One round trip. Average prices are rounded to two digits more than the wire's."""
    entry, leave = int(trip["entry_notional"]), int(trip["exit_notional"])
    sign = int(trip["side"])
    row = {
        "id": int(trip["id"]),
        "symbol": symbol,
        "strategy": name,
        "side": "long" if sign > 0 else "short",
        "qty": to_text(trip["qty"], digits.qty),
        "entry_time": iso(int(trip["entry_ts"])),
        "exit_time": iso(int(trip["exit_ts"])),
        "hold_s": to_text(int(trip["exit_ts"]) - int(trip["entry_ts"]), 9),
        "entry_px": average_px(entry, int(trip["qty"]), digits),
        "exit_px": average_px(leave, int(trip["qty"]), digits),
        "entry_reason": reason_name(strategy, int(trip["entry_reason"])),
        "exit_reason": reason_name(strategy, int(trip["exit_reason"])),
        "mae_ticks": _ticks(trip, int(trip["worst_px"]), digits, tick),
        "mfe_ticks": _ticks(trip, int(trip["best_px"]), digits, tick),
        "after_gap": "true" if trip["after_gap"] else "false",
    }
    for name_of_money in MONEY:
        row[name_of_money] = to_text(trip[name_of_money], digits.money)
    for number in ("entry_ts", "exit_ts", "entry_seq", "exit_seq", "entry_order", "exit_order"):
        row[number] = int(trip[number])
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


def _ticks(trip: Any, px: int, digits: Digits, tick: int) -> str:
    """How far `px` was from the entry, in ticks, in the trip's favour; one digit."""
    unit = 10 ** (digits.money - digits.px - digits.qty)
    moved = int(trip["side"]) * (px * int(trip["qty"]) * unit - int(trip["entry_notional"]))
    per_tick = int(trip["qty"]) * unit * tick
    tenths = (2 * 10 * moved // per_tick + 1) // 2
    return to_text(tenths, 1)
