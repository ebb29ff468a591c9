"""Does it depend on where the recording begins?

It is started later, flat and cold. Windows of at most 60 s fill, and from then on windowed features
must be the same; decisions too, but for those that follow from an older position.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from micropulse.params import Settings
from micropulse.schema import SECOND
from micropulse.testing.ran import Kept, play
from micropulse.testing.recorded import split
from replay.strategy_check.deeds import deeds_of
from replay.strategy_check.findings import Finding
from replay.strategy_check.stretch import Stretch

STARTS = (0.2, 0.4)  # of the stretch's events
WARM_NS = 120 * SECOND  # the wall baseline and the clock's offset take 60 s, a wall's age more
WINDOWED = (
    *("mid", "spread", "microprice", "obi", "buy_10s", "sell_10s", "cvd_10s", "tps_1s", "tps_10s"),
    *("ops_1s", "ops_10s", "avg_size_10s", "avg_order_10s", "acceleration", "order_acceleration"),
    *("spike_up", "spike_down"),
)
OTHERS_MOST = 0.1  # of the entries after the warm-up


def depends_on_the_start(
    strategy: ModuleType, settings: Settings, stretch: Stretch, out: Kept
) -> tuple[dict[str, Any], list[Finding]]:
    """(figures, findings): how many entries a later start has in common with the whole run."""
    seqs = stretch.recorded.seqs()
    figures: dict[str, Any] = {"entries": 0, "other": 0, "last_other": None, "warm_starts": 0}
    for share in STARTS:
        start = seqs[int(share * len(seqs))]
        _, rest = split(stretch.events, [start])
        warm_ns = min(int(t.ts_recv[0]) for t in rest if len(t.seq)) + WARM_NS
        reach = [t for t in rest if len(t.seq) and int(t.ts_recv[-1]) > warm_ns]
        warm = [int(t.seq[np.searchsorted(t.ts_recv, warm_ns)]) for t in reach]
        if not warm:
            continue
        figures["warm_starts"] += 1
        later = play(strategy, stretch.part(rest), settings).out
        found = _feature(out, later, warm_ns, start)
        if found is not None:
            return figures, [found]
        _count(figures, out, later, min(warm))
    return figures, list(_judged(figures, seqs))


def _feature(whole: Kept, later: Kept, warm_ns: int, start: int) -> Finding | None:
    """The first windowed feature that differs after the warm-up: a mistake of ours."""
    one, other = (kept["samples"] for kept in (whole, later))
    one, other = (table[table["ts_recv"] >= warm_ns] for table in (one, other))
    for name in WINDOWED:
        mine, yours = one["features"][name], other["features"][name]
        if len(mine) == len(yours) and mine.tobytes() == yours.tobytes():
            continue
        row = int(np.flatnonzero(mine[: len(yours)] != yours[: len(mine)])[0])
        return Finding(
            "warm-up",
            True,
            f"Started at seq {start}, {name} is {yours[row]} instead of {mine[row]} more than "
            f"{WARM_NS // SECOND} s later.",
            "A feature of a window remembers what lies before the window.",
            "This is a mistake of MicroPulse, not of the strategy: please report it.",
            int(one["seq"][row]),
        )
    return None


def _count(figures: dict[str, Any], whole: Kept, later: Kept, warm: int) -> None:
    """Add up the entries after the warm-up that only one of the two runs has."""
    mine, yours = (
        {entry for entry in deeds_of(kept).entries() if entry[0] >= warm} for kept in (whole, later)
    )
    other = sorted(mine ^ yours)
    figures["entries"] += len(mine | yours)
    figures["other"] += len(other)
    if other:
        figures["last_other"] = max(figures["last_other"] or 0, other[-1][0])


def _judged(figures: dict[str, Any], seqs: list[int]) -> Iterator[Finding]:
    other, entries = figures["other"], figures["entries"]
    if not figures["warm_starts"]:
        yield Finding(
            "warm-up not checked",
            False,
            f"The stretch has less than {WARM_NS // SECOND} s behind a later start.",
            "Whether decisions depend on where the recording begins is not known.",
            "Check it on a longer recording.",
        )
    elif other:
        heals = figures["last_other"] < seqs[2 * len(seqs) // 3]
        never = not heals and other > OTHERS_MOST * entries
        yield Finding(
            "warm-up",
            never,
            f"Started later, {other} of {entries} entries after the warm-up are not in both runs, "
            f"the last at seq {figures['last_other']}.",
            "It never comes to the same decisions: it depends on where the recording begins."
            if never
            else "A position or memory from before the later start has its effect for a while.",
            "Look for what it adds up since the start: `cvd`, counts in Memory."
            if never
            else "Nothing, if that is how the rule is meant.",
            figures["last_other"],
        )
