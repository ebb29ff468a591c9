"""Does it see what comes after? The future is cut off, and scrambled, at signals and at random."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from types import ModuleType

from micropulse.params import Settings
from micropulse.testing import no_lookahead
from replay.strategy_check.deeds import Deeds
from replay.strategy_check.findings import Finding
from replay.strategy_check.stretch import Stretch

AT_RANDOM, AT_SIGNALS = 3, 4
SEED = 11


def sees_the_future(
    strategy: ModuleType, settings: Settings, stretch: Stretch, deeds: Deeds
) -> Iterator[Finding]:
    """What is out before a cut must be bit-equal, whatever follows it."""
    cuts = places(stretch, deeds)
    try:
        no_lookahead(strategy, stretch.recorded, settings, cuts=cuts, seed=SEED)
    except AssertionError as error:
        yield Finding(
            "lookahead",
            True,
            str(error),
            "The strategy, or the state it reads, knew what had not happened yet: its results are "
            "worth nothing.",
            "Find where it reads the recording other than through `features`: overridden records, "
            "module-level code, a file.",
            seq_in(str(error)),
        )


def places(stretch: Stretch, deeds: Deeds) -> list[int]:
    """Where to cut: at events drawn from a seed, and right behind decisions, which then were the
    last thing that was known; so few events as the testing kit shrinks to, everywhere."""
    chance, seqs = Random(SEED), stretch.recorded.seqs()
    if len(seqs) <= AT_RANDOM + AT_SIGNALS:
        return seqs[1:]
    drawn = [chance.choice(seqs[1:] or seqs) for _ in range(AT_RANDOM)]
    decided = sorted({int(seq) for seq in deeds.signals[:, 0]})
    step = max(1, len(decided) // AT_SIGNALS)
    return sorted({*drawn, *(seq + 1 for seq in decided[::step][:AT_SIGNALS])})


def seq_in(text: str) -> int | None:
    """The event that a sentence of the testing kit names."""
    found = re.search(r"at seq (\d+)", text)
    return int(found[1]) if found else None
