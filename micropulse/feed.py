"""What the frames and the recorder say about the feed itself: connections, chains, duplicates.

Derived from the events alone, by the same code live and in replay: nothing here is journaled.
"""

from micropulse.events import CLOCK_STEP, CONNECT, DISCONNECT, RUN_START, RUN_STOP
from micropulse.execution import forget_clock, lose_connection
from micropulse.features.extract import forget_feed, settle_missing
from micropulse.jit import kernel
from micropulse.outbox import (
    Outbox,
)
from micropulse.state import (
    CONNECTIONS,
    State,
)


@kernel
def is_new_book(state: State, conn: int, depth: int, last_id: int, prev_id: int) -> bool:
    """Whether this book is newer than all before it (by `u`); checks its connection's chain.

    A partial book heals itself, so a break in the chain is a figure of quality, not a reset.
    """
    stream = 0 if depth <= 5 else (1 if depth <= 10 else 2)
    chain = state.feed.chains[stream * CONNECTIONS + conn % CONNECTIONS]
    if chain.known and chain.conn == conn and prev_id != chain.last_id:
        state.counts.pu_breaks += 1
    chain.known = True
    chain.conn = conn
    chain.last_id = last_id
    if state.book.books > 0 and last_id <= state.book.last_id:
        state.counts.duplicate_books += 1
        return False
    state.book.last_id = last_id
    return True


@kernel
def control(state: State, kind: int, conn: int, out: Outbox) -> None:
    """Act on what only the recorder can know. A tick has no other meaning than its time."""
    feed, counts = state.feed, state.counts
    counts.controls += 1
    if kind == CONNECT:
        _open(state, conn)
    elif kind == DISCONNECT:
        counts.disconnects += 1
        _close(state, conn)
        if feed.open <= 1:
            settle_missing(state)
        if feed.open == 0:
            _lose_feed(state, out)
    elif kind == RUN_START or kind == RUN_STOP:
        feed.open = 0
        settle_missing(state)
        _lose_feed(state, out)
    elif kind == CLOCK_STEP:
        counts.clock_steps += 1
        forget_clock(state)


@kernel
def set_aside(state: State, conn: int, out: Outbox) -> None:
    """A mark price came by `conn`. A connection that has shown one and no book is none of the
    feed's: the exchange serves books and trades on another path, and it must not stand in for
    them when they are lost."""
    feed = state.feed
    for i in range(len(feed.chains)):
        if feed.chains[i].known and feed.chains[i].conn == conn:
            return
    before = feed.open
    _close(state, conn)
    if feed.open < before:
        if feed.open <= 1:
            settle_missing(state)
        if feed.open == 0:
            _lose_feed(state, out)


@kernel
def _open(state: State, conn: int) -> None:
    """Remember an open connection, once."""
    feed = state.feed
    for i in range(feed.open):
        if feed.conns[i] == conn:
            return
    if feed.open == CONNECTIONS:
        state.counts.connections_full += 1
        return
    feed.conns[feed.open] = conn
    feed.open += 1


@kernel
def _close(state: State, conn: int) -> None:
    """Forget a connection and its chains: its number may come again, they do not go on."""
    feed = state.feed
    for i in range(feed.open):
        if feed.conns[i] == conn:
            feed.open -= 1
            feed.conns[i] = feed.conns[feed.open]
            break
    for i in range(len(feed.chains)):
        if feed.chains[i].conn == conn:
            feed.chains[i].known = False


@kernel
def _lose_feed(state: State, out: Outbox) -> None:
    """Nobody is listening any more: what depends on an unbroken feed ends."""
    forget_feed(state)
    lose_connection(state, out)
    for i in range(len(state.feed.chains)):
        state.feed.chains[i].known = False
