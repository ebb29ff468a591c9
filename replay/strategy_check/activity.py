"""Does it never trade, or always?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from micropulse.schema import ENTRY_ASKED, ENTRY_REFUSED, ORDER_NOTES, SECOND
from micropulse.strategy import reason_name
from micropulse.testing.ran import Ran
from replay.strategy_check.deeds import deeds_of
from replay.strategy_check.findings import Finding

REFUSALS = ("pending", "position", "stale", "flat", "sideless", "full", "cancel")
AGAIN_NS = 2 * SECOND  # from flat to the next entry
AGAIN_SHARE = 0.5
TRIPS_LEAST = 10
HELD_SHARE = 0.9


def activity(strategy: ModuleType, ran: Ran) -> tuple[dict[str, Any], list[Finding]]:
    """(figures, findings): how often it asked, was refused, and was in a position."""
    signals, orders, trips = (ran.out[name] for name in ("signals", "orders", "trips"))
    samples, counts = ran.out["samples"], ran.core.state.counts
    let_be = Counter(
        reason_name(strategy, int(row["reason"]))
        for row in signals[signals["kind"] == ENTRY_REFUSED]
    )
    notes = Counter(ORDER_NOTES[int(note)] for note in orders["note"] if note)
    held = int((samples["qty"] != 0).sum())
    figures = {
        "entries": int((signals["kind"] == ENTRY_ASKED).sum()),
        "let_be": dict(let_be.most_common()),
        "refused": {name: int(counts[f"refused_{name}"]) for name in REFUSALS},
        "order_notes": dict(notes.most_common()),
        "round_trips": len(trips),
        "held_share": round(held / len(samples), 4) if len(samples) else 0.0,
        "again_share": _again(trips),
    }
    return figures, [*_never(figures, ran), *_always(figures)]


def _again(trips: Any) -> float:
    """The share of round trips that were followed by another at once."""
    if len(trips) < 2:
        return 0.0
    waited = trips["entry_ts"][1:] - trips["exit_ts"][:-1]
    return round(float((waited <= AGAIN_NS).sum()) / len(waited), 4)


def _never(figures: dict[str, Any], ran: Ran) -> Iterator[Finding]:
    fills = len(ran.out["fills"])
    if figures["entries"] == 0:
        why = ", ".join(f"{name} {n}" for name, n in list(figures["let_be"].items())[:3])
        yield Finding(
            "never trades",
            False,
            f"It asked for no entry. Entries it let be: {why or 'none were considered'}.",
            "There is nothing to judge on this recording."
            if not why
            else f"Its own rule {next(iter(figures['let_be']))} stands in the way most often.",
            "Loosen that rule, or check it on a recording where it should act.",
        )
    elif fills == 0:
        why = ", ".join(f"{name}: {n}" for name, n in figures["order_notes"].items())
        refused = ", ".join(f"{name} {n}" for name, n in figures["refused"].items() if n)
        yield Finding(
            "never fills",
            True,
            f"It asked for {figures['entries']} entries and none was filled "
            f"({why or refused or 'all are still on their way'}).",
            "It believes that it trades, and does not.",
            "See docs/execution.md for what is refused and rejected; check order_qty and latency.",
            int(deeds_of(ran.out).entries()[0][0]),
        )


def _always(figures: dict[str, Any]) -> Iterator[Finding]:
    again = figures["round_trips"] >= TRIPS_LEAST and figures["again_share"] >= AGAIN_SHARE
    if again or figures["held_share"] >= HELD_SHARE:
        yield Finding(
            "always trades",
            False,
            f"{figures['round_trips']} round trips, {100 * figures['again_share']:.0f} % of them "
            f"followed by another within {AGAIN_NS // SECOND} s; in a position "
            f"{100 * figures['held_share']:.0f} % of the time.",
            "Its entry rule hardly ever says no: it pays fees for noise.",
            "Make the entry rarer, or let it rest after an exit.",
        )
