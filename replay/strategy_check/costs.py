"""What fees and latency do to it: net at 0, 1 and 2 times the fees, and later by some ms."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec

from micropulse.instrument import decimals_of_money, to_text
from micropulse.params import LATENCY_MS, Settings
from micropulse.testing.ran import Ran, play
from replay.strategy_check.findings import Finding
from replay.strategy_check.stretch import Stretch

LATER_MS = (50, 100, 250)
FEES = (0, 1, 2)


def costs(
    strategy: ModuleType, settings: Settings, stretch: Stretch, ran: Ran
) -> tuple[dict[str, Any], list[Finding]]:
    """(figures, findings): net of closed round trips as decimal text, in each case.

    A market order fills the same whatever the fee, so that fees are multiplied, not run again.
    """
    recorded = stretch.recorded
    digits = decimals_of_money(recorded.px_decimals, recorded.qty_decimals)
    gross, fees = (int(ran.out["trips"][name].sum()) for name in ("gross", "fees"))
    by_fee = {f"{times} x": gross - times * fees for times in FEES}
    by_latency = {}
    for more in LATER_MS:
        later = play(strategy, recorded, with_latency(settings, more))
        by_latency[f"+{more} ms"] = int(later.out["trips"]["net"].sum())
    figures: dict[str, Any] = {
        "net_by_fees": {name: to_text(net, digits) for name, net in by_fee.items()},
        "net_by_latency": {name: to_text(net, digits) for name, net in by_latency.items()},
        "round_trips": len(ran.out["trips"]),
    }
    return figures, list(_judged(by_fee, by_latency, figures)) if len(ran.out["trips"]) else []


def with_latency(settings: Settings, more_ms: float) -> Settings:
    """The settings with so much latency on top."""
    latency = settings.execution.latency
    base = LATENCY_MS[latency] if isinstance(latency, str) else latency
    return settings._replace(
        execution=msgspec.structs.replace(settings.execution, latency=base + more_ms)
    )


def _judged(
    by_fee: dict[str, int], by_latency: dict[str, int], figures: dict[str, Any]
) -> Iterator[Finding]:
    net = by_fee["1 x"]
    said = figures["net_by_fees"]
    if by_fee["0 x"] <= 0:
        yield Finding(
            "loses before fees",
            False,
            f"Gross {said['0 x']} in {figures['round_trips']} round trips.",
            "Its direction is no better than chance on this recording: lower fees will not help.",
            "Change what it decides by, not what it pays.",
        )
    elif net <= 0:
        yield Finding(
            "fees eat it",
            False,
            f"Gross {said['0 x']}, net {said['1 x']} in {figures['round_trips']} round trips.",
            "It gains before fees, and less than a round trip costs.",
            "Fewer, larger moves; or maker orders.",
        )
    worse = [name for name, later in by_latency.items() if net > 0 >= later]
    if worse:
        yield Finding(
            "lives on latency",
            False,
            f"Net {said['1 x']} becomes {figures['net_by_latency'][worse[0]]} with {worse[0]}.",
            "Its gain is gone when its orders arrive a little later.",
            "Measure your own latency before you believe it.",
        )
