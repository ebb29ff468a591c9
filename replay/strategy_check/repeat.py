"""Is it the same again? Twice, in batches of other sizes, and without the compiler."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from micropulse.events import Events
from micropulse.params import Settings
from micropulse.run import Core
from micropulse.testing import batch_invariant, deterministic
from micropulse.testing.properties import named
from micropulse.testing.ran import play
from micropulse.testing.recorded import split
from replay.strategy_check.apart import Job, Result, go_on, run_apart
from replay.strategy_check.deeds import Deeds
from replay.strategy_check.findings import Finding
from replay.strategy_check.future import seq_in
from replay.strategy_check.stretch import Stretch

NOT_DETERMINISTIC = "not deterministic"
SLICE = 1_000  # events without the JIT, 1.3 ms each
LEAD = 300  # of them before the first order


def is_the_same_again(
    strategy: ModuleType, settings: Settings, stretch: Stretch
) -> Iterator[Finding]:
    """Twice in this process (the strategy's file executed again), and in batches of any size."""
    try:
        deterministic(strategy, stretch.recorded, settings)
    except AssertionError as error:
        yield Finding(
            NOT_DETERMINISTIC,
            True,
            str(error),
            "Two runs of the same events differ: no result can be had again, live will not be what "
            "was backtested, and `verify` will fail.",
            "Take chance, clocks and what a run leaves behind out of it; `decide` may use only "
            "what it is given.",
            seq_in(str(error)),
        )
        return  # everything else would differ by this alone
    try:
        batch_invariant(strategy, stretch.recorded, settings, splits=3)
    except AssertionError as error:
        yield Finding(
            "batches",
            True,
            str(error),
            "What comes out depends on how the events are cut into batches: live, where each event "
            "is a batch, will differ from a backtest.",
            "Look for state outside of Memory.",
            seq_in(str(error)),
        )


def without_the_jit(
    strategy: ModuleType, settings: Settings, stretch: Stretch, deeds: Deeds
) -> tuple[Result | None, list[Finding]]:
    """A slice around the first order, from a snapshot, interpreted in another process, where what
    the strategy opens is watched; and what differs from the compiled run."""
    before, events = _slice(stretch, deeds)
    core = play(strategy, stretch.part(before), settings).core
    snapshot = core.snapshot()
    world = stretch.part(events)
    results = run_apart(Job(named(strategy), settings.as_dict(), [world], snapshot, jit=False))
    if not results:
        return None, [_failed("the process died")]
    (result,) = results
    if result.failed:
        return result, [_failed(result.failed)]
    compiled, kept = go_on(strategy, world, settings, snapshot)
    differ = [name for name, data in kept.bytes().items() if data != result.tables[name]]
    if not differ and compiled.snapshot() == result.snapshot:
        return result, []
    return result, [_differs(differ, compiled, events)]


def _slice(stretch: Stretch, deeds: Deeds) -> tuple[Events, Events]:
    """(what comes before, the slice): around the first order, else the beginning."""
    seqs = stretch.recorded.seqs()
    first = int(deeds.orders[0, 0]) if len(deeds.orders) else seqs[0]
    start = max(0, seqs.index(first) - LEAD)
    stop = min(start + SLICE, len(seqs) - 1)
    before, events, _ = split(stretch.events, [seqs[start], seqs[stop]])
    return before, events


def _differs(tables: list[str], core: Core, events: Events) -> Finding:
    seq = min(int(table.seq[0]) for table in events if len(table.seq))
    return Finding(
        "JIT",
        True,
        f"Interpreted, {', '.join(tables) or 'the state'} differ from the compiled run within "
        f"{events.n} events from seq {seq} on, in a process of its own.",
        "Compiled and plain Python disagree (or two processes do): an integer that overflows, a "
        "division, a constant drawn when the file is imported, an order of a set.",
        "Run it with NUMBA_DISABLE_JIT=1 under a debugger; keep integers below 2^63.",
        seq,
    )


def _failed(what: str) -> Finding:
    return Finding(
        "JIT",
        True,
        f"As plain Python it fails: {what}",
        "Compiled, an index out of bounds or a missing name goes unnoticed and reads whatever lies "
        "there.",
        "Run it with NUMBA_DISABLE_JIT=1 and mend what it raises.",
    )
