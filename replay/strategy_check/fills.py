"""Could every fill have been had? The auditor derives each of them again from the tape."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from micropulse.params import Settings
from micropulse.testing.ran import Ran, play
from micropulse.testing.recorded import split
from replay.audit.auditor import Run, audit
from replay.audit.rows import rows_of
from replay.strategy_check.findings import Finding
from replay.strategy_check.stretch import Stretch

EVENTS_MOST = 40_000  # as rows of plain Python: 2 KB each
SHOWN_MOST = 5


def audited_fills(
    strategy: ModuleType, settings: Settings, stretch: Stretch, ran: Ran
) -> tuple[dict[str, Any], list[Finding]]:
    """(figures, findings): orders and fills of the beginning against the auditor's own."""
    seqs = stretch.recorded.seqs()
    part = stretch.recorded
    if len(seqs) > EVENTS_MOST:
        part = stretch.part(split(stretch.events, [seqs[EVENTS_MOST]])[0])
        short = play(strategy, part, settings)
    else:
        short = ran
    sentences = audit(run_of(short, rows_of(part.events)))
    figures = {
        "events": part.events.n,
        "orders": int(short.core.state.account.orders),
        "fills": len(short.out["fills"]),
        "of_orders": int(ran.core.state.account.orders),
        "wrong": len(sentences),
    }
    return figures, list(_judged(sentences))


def run_of(ran: Ran, rows: Any) -> Run:
    """What the auditor needs of a run."""
    state = ran.core.state
    tables = {name: ran.out[name] for name in ("orders", "fills", "trips", "samples")}
    records = {name: state[name] for name in ("instrument", "execution", "account", "counts")}
    return Run(events=rows, **tables, **records)


def _judged(sentences: list[str]) -> Iterator[Finding]:
    if sentences:
        more = len(sentences) - SHOWN_MOST
        tail = f" (and {more} more)" if more > 0 else ""
        yield Finding(
            "fills",
            True,
            "; ".join(sentences[:SHOWN_MOST]) + tail,
            "The simulated exchange gave what the tape does not allow, or took what it must not.",
            "This is a mistake of MicroPulse, not of the strategy: please report it with the tape.",
        )
