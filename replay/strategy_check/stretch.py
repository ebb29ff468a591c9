"""The part of a recording that a strategy is checked on: its beginning, in memory."""

from __future__ import annotations

from typing import NamedTuple

from micropulse.events import Events, joined
from micropulse.sinks.transactions import iso
from micropulse.testing.recorded import Recorded, read, split
from replay.source import Source

EVENTS_MOST = 200_000  # 60 MB and 0.3 s a run; a strategy is run about a hundred times


class Stretch(NamedTuple):
    """The events, and whether the recording goes on behind them."""

    recorded: Recorded
    is_all: bool

    @property
    def events(self) -> Events:
        """One batch."""
        return self.recorded.events

    def part(self, events: Events) -> Recorded:
        """Other events of the same symbol."""
        return self.recorded._replace(events=events)

    def span(self) -> tuple[str, str]:
        """When the first and the last event were received."""
        stamps = [(int(t.ts_recv[0]), int(t.ts_recv[-1])) for t in self.events if len(t.seq)]
        return iso(min(first for first, _ in stamps)), iso(max(last for _, last in stamps))


def first_stretch(source: Source) -> Stretch:
    """The first events of a source. Raises SourceError, TapeError, ValueError for an empty one."""
    batches: list[Events] = []
    for events in source:
        batches.append(events)
        if sum(batch.n for batch in batches) > EVENTS_MOST:
            break
    else:
        return Stretch(read(source), True)
    whole = joined(batches)
    recorded = Recorded(source.name, source.symbol, source.px_decimals, source.qty_decimals, whole)
    end = recorded.seqs()[EVENTS_MOST]
    return Stretch(recorded._replace(events=split(whole, [end])[0]), False)
