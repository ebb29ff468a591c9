"""The slow, obvious version of the features: docs/features.md word for word, in plain Python.

It shares no line with `micropulse/features/`, so that a mistake must be made twice, by two people,
to go unseen. Speed is no aim here; that each sentence of the page can be found again is.

Events are rows of integers at the instrument's scale, in `seq` order, times in ns.
"""

from __future__ import annotations

from replay.audit.rows import BUY, SELL, Book, Control, Event, Level, Mark, Trade

__all__ = ["BUY", "SELL", "Book", "Control", "Event", "Level", "Mark", "Trade"]
