"""The run again, in another process: the same core over the same tape, for whoever wants to look.

What is shown costs the feed nothing: a viewer follows the tape that live has journaled, decodes it
and feeds a core of its own, with the same strategy, parameters and first seq. By the project's own
proof (`verify`) its State is that of the run; a viewer that is slow or killed is alone with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from micropulse.events import Events
from micropulse.instrument import KNOWN_DECIMALS
from micropulse.params import settings_of
from micropulse.run import Sink
from micropulse.schema import SECOND
from micropulse.strategy import load_strategy
from micropulse.wire import Decoder
from recorder.following import Following
from recorder.tape import Tape, digits_of
from replay.backtest import Session
from replay.live.feed import Feed
from replay.live.plan import Plan
from replay.pace import between, slices

STEP_NS = 250_000_000  # of log time: how finely what is recent is seen
RECENT_NS = 300_000_000_000


class Mirrored(msgspec.Struct, forbid_unknown_fields=True):
    """A run, in what one process can tell another. `strategy` is what load_strategy takes."""

    symbol: str
    tape: str
    first_seq: int
    strategy: str
    params: dict[str, Any]


def mirrored(plan: Plan, tape: Path, first_seq: int) -> Mirrored:
    """What a viewer needs of a run that began at `first_seq` of `tape`."""
    module = plan.strategy
    ours = module.__name__.startswith("strategies.")
    name = module.__name__.partition(".")[2] if ours else str(Path(module.__file__ or "").resolve())
    return Mirrored(plan.symbol, str(tape.absolute()), first_seq, name, plan.settings.as_dict())


class Mirror:
    """One run, followed. `session` has the State and all figures."""

    def __init__(self, what: Mirrored, sample_every: int = SECOND) -> None:
        """Samples are what a run is proved by only where they are a second apart.

        Raises StrategyError, TapeError."""
        strategy = load_strategy(what.strategy)
        tape = Path(what.tape)
        decoder = Decoder(what.symbol, *digits_of(Tape(tape)))
        known = KNOWN_DECIMALS.get(what.symbol, (0, 0))
        px, qty = decoder.px_decimals, decoder.qty_decimals
        digits = known[0] if px is None else px, known[1] if qty is None else qty
        settings = settings_of(strategy.Params, what.params)
        self.session = Session(Feed(tape, decoder, digits), strategy, settings, sample_every)
        self.following = Following(tape, what.first_seq, decoder)

    def advance(self, sinks: Sequence[Sink], see: Callable[[], object]) -> int:
        """Apply what has been written since; how many events. `see` is called after each quarter
        second of what is recent, and at the end. Raises TapeError."""
        applied = 0
        for events in self.following.read():
            for part in in_steps(events):
                self.session.core.feed(part, sinks)
                applied += part.n
                see()
        return applied


def in_steps(
    events: Events, step_ns: int = STEP_NS, since_ns: int | None = None
) -> Iterator[Events]:
    """A batch in steps, for whoever looks after each; what was received before `since_ns`, or
    lies more than RECENT_NS before its end, in one."""
    if not events.n:
        return
    if since_ns is None:
        since_ns = max(int(table.ts_recv[-1]) for table in events if len(table.ts_recv)) - RECENT_NS
    seqs = [table.seq[np.searchsorted(table.ts_recv, since_ns) :] for table in events]
    first = min((int(seq[0]) for seq in seqs if len(seq)), default=2**62)
    old = between(events, 0, first - 1)
    if old.n:
        yield old
    for part, _ in slices(between(events, first, 2**62), step_ns):
        yield part
