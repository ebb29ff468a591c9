"""The metrics line, in the words of the script that this project began as."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from micropulse.instrument import to_text
from micropulse.run import Rows
from micropulse.schema import (
    ENTRY_ASKED,
    ENTRY_REFUSED,
    EXIT_ASKED,
    FEATURE_COLUMNS,
    SECOND,
    SIDES,
    WALL_ENDS,
)
from micropulse.sinks.tables import FLAGS, Digits
from micropulse.sinks.transactions import average_px, iso
from micropulse.strategy import reason_name

RECENT_S = 10.0  # a removal older than this is not printed again
NAMES = (
    *(("mid", "mid", 2), ("obi", "obi", 3), ("spk_up", "spike_up", 4)),
    *(("spk_down", "spike_down", 4), ("buy10s", "buy_10s", 1), ("sell10s", "sell_10s", 1)),
    *(("cvd", "cvd", 1), ("tps", "tps_1s", 0), ("avg", "avg_size_10s", 3)),
)


class MetricsLines:
    """Prints a line a sample, and one for each order asked for, entry refused and trip closed.

    `symbol` is said in each where several print to one place.
    """

    def __init__(
        self,
        strategy: ModuleType,
        digits: Digits,
        write: Callable[[str], object],
        as_json: bool,
        symbol: str = "",
    ) -> None:
        self._strategy = strategy
        self._digits = digits
        self._write = write
        self._as_json = as_json
        self._name = f" {symbol}" if symbol else ""
        self._who = {"symbol": symbol} if symbol else {}

    def take(self, rows: Rows) -> None:
        """Everything that came out, in the order of time."""
        lines = [(int(row["ts_recv"]), 2, self._sample(row)) for row in rows.samples]
        for row in rows.signals:
            if row["kind"] in (ENTRY_ASKED, EXIT_ASKED, ENTRY_REFUSED):
                lines.append((int(row["ts"]), 0, self._signal(row)))
        for row in rows.trips:
            lines.append((int(row["exit_ts"]), 1, self._trip(row)))
        for _, _, text in sorted(lines, key=lambda line: line[:2]):
            self._write(text + "\n")

    def end_of_batch(self) -> None:
        """Nothing is held back."""

    def _sample(self, row: Any) -> str:
        if self._as_json:
            return json.dumps(self._who | sample_dict(row, self._digits))
        return f"{_time(int(row['ts_recv']))}{self._name} {metrics_line(row, self._digits)}"

    def _signal(self, row: Any) -> str:
        reason = reason_name(self._strategy, int(row["reason"]))
        word = {ENTRY_ASKED: "entry asked", EXIT_ASKED: "exit asked", ENTRY_REFUSED: "entry let be"}
        kind, side = word[int(row["kind"])], {1: "buy", -1: "sell"}.get(int(row["side"]), "")
        if self._as_json:
            said = {"ts": int(row["ts"]), "signal": kind, "side": side or None, "reason": reason}
            return json.dumps(self._who | said)
        when = f"{_time(int(row['ts']))}{self._name}"
        return f"{when} -- {kind}{' ' if side else ''}{side}: {reason}"

    def _trip(self, row: Any) -> str:
        digits = self._digits
        reason = reason_name(self._strategy, int(row["exit_reason"]))
        side = "long" if row["side"] > 0 else "short"
        net, fees = to_text(row["net"], digits.money), to_text(row["fees"], digits.money)
        if self._as_json:
            said = {"ts": int(row["exit_ts"]), "trip": side, "net": net, "fees": fees}
            return json.dumps(self._who | said | {"exit": reason})
        prices = " -> ".join(
            average_px(int(row[name]), int(row["qty"]), digits)
            for name in ("entry_notional", "exit_notional")
        )
        qty = to_text(row["qty"], digits.qty)
        when = f"{_time(int(row['exit_ts']))}{self._name}"
        return f"{when} == closed {side} {qty} {prices}: {reason}, net {net}, fees {fees}"


def metrics_line(sample: Any, digits: Digits) -> str:
    """`mid=102345.23, obi=0.182, …, removed_wall={…}`, then the position when there is one."""
    features = sample["features"]
    parts = [f"{name}={_number(features[column], places)}" for name, column, places in NAMES]
    parts.append(f"removed_wall={{{_removal(features)}}}")
    if sample["qty"]:
        parts.append(f"position={to_text(sample['qty'], digits.qty)}")
    if sample["qty"] or sample["cash"]:
        parts.append(f"pnl={_money(int(sample['equity']), digits)}")
    if features["book_stale"]:
        parts.append("book_stale")
    if features["missed_10s"]:
        parts.append(f"missed10s={int(features['missed_10s'])}")
    return ", ".join(parts)


def sample_dict(sample: Any, digits: Digits) -> dict[str, Any]:
    """A sample as plain values, with the column names of docs/features.md."""
    features = sample["features"]
    plain: dict[str, Any] = {"seq": int(sample["seq"]), "ts_recv": int(sample["ts_recv"])}
    for name in FEATURE_COLUMNS:
        value = features[name].item()
        if name == "removed_wall_side":
            value = SIDES[value]
        elif name == "removed_wall_kind":
            value = WALL_ENDS[value]
        elif name in FLAGS:
            value = bool(value)
        elif name == "removed_wall_ts":
            value = value or None
        elif math.isnan(value):
            value = None
        plain[name] = value
    plain["position"] = to_text(sample["qty"], digits.qty)
    plain["equity"] = to_text(sample["equity"], digits.money)
    return plain


def _removal(features: Any) -> str:
    side = SIDES[int(features["removed_wall_side"])]
    ago = (features["ts"] - features["removed_wall_ts"]) / SECOND
    if side is None or ago > RECENT_S:
        return ""
    end = WALL_ENDS[int(features["removed_wall_kind"])]
    return (
        f"{side} {features['removed_wall_qty']:g}@{features['removed_wall_px']:.2f} {end} "
        f"after {features['removed_wall_age_s']:.1f}s, {ago:.1f}s ago"
    )


def _number(value: float, places: int) -> str:
    return "null" if math.isnan(value) else f"{value:.{places}f}"


def _money(units: int, digits: Digits) -> str:
    return f"{units / 10**digits.money:+.4f}"


def _time(ts: int) -> str:
    return iso(ts)[:23] + "Z"
