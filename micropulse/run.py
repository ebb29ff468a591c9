"""run(source, core, sinks): the one driver, for the live socket, a frames file and a tape alike.

source   yields batches of Events
Core     holds State and applies them
sinks    take what comes out, and are told when a batch has ended
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from micropulse.digest import InputDigest, OutputDigest
from micropulse.events import Events, no_events
from micropulse.instrument import Instrument
from micropulse.jit import load_core, straight
from micropulse.outbox import ROWS, Outbox, limits
from micropulse.params import Settings, check_features, execution_record, write_record
from micropulse.schema import (
    SECOND,
)
from micropulse.state import (
    State,
)
from micropulse.strategy_errors import asked_for_nonsense, does_not_compile, raised

CHECKPOINT_EVENTS = 10_000
NO_EVENTS = no_events()
NOT_COMPILED = (NumbaError, UnsupportedBytecodeError, KeyError, NotImplementedError)


class Rows(NamedTuple):
    """What came out since the last call: structured arrays of the records in schema.py.

    They are views into the outboxes and are overwritten by the next call: copy what you keep.
    """

    samples: Any
    signals: Any
    orders: Any
    fills: Any
    trips: Any


class Checkpoint(NamedTuple):
    """Where a run stood after so many events."""

    events: int
    seq: int
    ts: int
    digest: str


class Sink(Protocol):
    """Something that takes what comes out."""

    def take(self, rows: Rows) -> None:
        """Rows have come; they are valid until this returns."""

    def end_of_batch(self) -> None:
        """The batch of events is done: a good moment to flush."""


class Core:
    """The state of one run of one strategy, and the compiled loop that moves it on."""

    def __init__(
        self,
        strategy: ModuleType,
        instrument: Instrument,
        settings: Settings,
        qty_decimals: int,
        sample_every: int = SECOND,
        rows: int = ROWS,
    ) -> None:
        """Compiles what is not compiled yet; raises StrategyError when that cannot be.

        `sample_every` in ns, 0 for every depth and trade row, -1 for every depth row; `rows` is
        how many of each the outbox takes."""
        check_features(settings.features)
        self._strategy, self._code = strategy, load_core(strategy)
        self.states = State.zeros(1)
        self.memories = strategy.Memory.zeros(1)
        self.params = strategy.Params.zeros(1)
        state = self.states[0]
        state.instrument = instrument
        state.execution = execution_record(settings.execution, qty_decimals)
        write_record(settings.features, state.settings)
        write_record(settings.strategy, self.params[0])
        state.clock.sample_every = sample_every
        self._code.start(self.states)
        self._outs = Outbox.zeros(1)
        self._outs[0].limit = limits(rows)
        # Looking a record's field up takes microseconds: what is looked at after every live frame
        # is kept as plain views of the same memory.
        self._events = _numbers(self.states, "counts")[:1]
        self._cursor = _numbers(self._outs, "cursor")
        self._ends = _numbers(self._outs, "ends")
        self._used = _numbers(self._outs, "used")
        self._tables = [self._outs[0][name] for name in Rows._fields]
        self.input_digest = InputDigest()
        self.output_digest = OutputDigest()
        self.checkpoints: list[Checkpoint] = []
        self._straight: dict[int, Any] = {}  # by levels of the batch
        self.failure = ""  # of the strategy, in words; State says on which event
        self._compile()

    def _compile(self) -> None:
        """Before the first event, so that a strategy that cannot be compiled is known by then."""
        try:
            self.begin(NO_EVENTS)
            self._advance(0)
        except NOT_COMPILED as error:
            raise does_not_compile(self._strategy, error) from error

    @property
    def state(self) -> Any:
        """The State record, live: what it shows changes with the next batch."""
        return self.states[0]

    def feed(self, events: Events, sinks: Sequence[Sink]) -> None:
        """Apply one batch; sinks get what comes out, then the end of the batch."""
        self.input_digest.update(events)
        self.advance_all(events, sinks)

    def advance_all(self, events: Events, sinks: Sequence[Sink] = ()) -> None:
        """The same for an input that nobody asks the digest of."""
        self.begin(events)
        self.apply([len(table.seq) for table in events], sinks)

    def begin(self, events: Events, grows: bool = False, applied: Sequence[int] = (0,)) -> None:
        """Take up a batch, of which `applied` rows of each table are done. One that grows, by what
        is written into its columns, is applied in many small steps: 1 us each to reach the loop,
        not 11."""
        self._batch = self.states, self.memories, self.params, events, self._outs
        self._step = self._code.advance
        if grows:
            levels = len(events.depth.bid_px)
            if levels not in self._straight:
                self._straight[levels] = straight(self._step, *self._batch, 0)
            self._step = self._straight[levels]
        self._cursor[:] = applied
        self._done = int(self._cursor.sum())

    def apply(self, ends: Sequence[int], sinks: Sequence[Sink] = ()) -> None:
        """The events of the batch up to `ends` (rows of each table) through the loop."""
        self._ends[:] = ends
        n = sum(ends)
        while self._done < n:
            due = CHECKPOINT_EVENTS - int(self._events[0]) % CHECKPOINT_EVENTS
            done = self._advance(min(due, n - self._done))
            self._done += done
            self._empty(sinks)
            if done == due:
                self._checkpoint()
        for sink in sinks:
            sink.end_of_batch()

    def _advance(self, most: int) -> int:
        """`advance`; a strategy that raises has failed on that event, and the loop goes on."""
        try:
            done: int = self._step(*self._batch, most)
        except Exception as error:
            if not self._outs[0].deciding:
                raise
            self.failure = raised(self._strategy, error, self._asked())
            self._code.fail(self.states, self._outs)
            return int(self._cursor.sum()) - self._done
        return done

    def _asked(self) -> tuple[Any, ...]:
        """What `decide` is called with."""
        state = self.states[0]
        return state.features, state.position, self.memories[0], self.params[0], state.intent

    def snapshot(self) -> bytes:
        """Everything the core knows, as bytes: State, then the strategy's Memory."""
        return bytes(self.states.tobytes() + self.memories.tobytes())

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot of a core of the same code, strategy and parameters."""
        size = self.states.nbytes
        self.states.view(np.uint8)[:] = np.frombuffer(snapshot[:size], np.uint8)
        self.memories.view(np.uint8)[:] = np.frombuffer(snapshot[size:], np.uint8)

    def digest(self) -> str:
        """The digest of the run as it stands."""
        return self.output_digest.final(self.states, self.memories)

    def _empty(self, sinks: Sequence[Sink]) -> None:
        """Hand out what the outboxes hold, and start them anew."""
        used = self._used.tolist()
        if not any(used):
            return
        self._used[:] = 0
        rows = Rows(*(table[:n] for table, n in zip(self._tables, used, strict=True)))
        for name, part in rows._asdict().items():
            if len(part):
                self.output_digest.update(name, part)
        if len(rows.signals) and not self.failure and self.state.failure.why:
            self.failure = asked_for_nonsense(self._strategy, self.state.failure.asked)
        for sink in sinks:
            sink.take(rows)

    def _checkpoint(self) -> None:
        clock = self.state.clock
        digest = self.output_digest.checkpoint(self.states, self.memories)
        events = int(self.state.counts.events)
        self.checkpoints.append(Checkpoint(events, int(clock.seq), int(clock.now), digest))


def run(source: Iterable[Events], core: Core, sinks: Sequence[Sink]) -> None:
    """Drive everything a source has through the core. The end of a source closes nothing."""
    for events in source:
        core.feed(events, sinks)
        del events  # a source reads the next batch without the last one in memory
        core.begin(NO_EVENTS)


def _numbers(array: Any, field: str) -> Any:
    """The int64s of a field of the first record of `array`, as a view of its memory."""
    dtype, offset = array.dtype.fields[field][:2]
    return array.view(np.uint8)[offset : offset + dtype.itemsize].view(np.int64)


def record_dict(record: Any) -> dict[str, Any]:
    """A record as plain Python values, nested ones and arrays included."""
    plain: dict[str, Any] = {}
    for name in record.dtype.names:
        value = record[name]
        plain[name] = record_dict(value) if isinstance(value, np.void) else value.tolist()
    return plain
