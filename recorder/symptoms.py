"""What a stream's own ids and times say went wrong on its way, segment after segment.

missing_trades, book_chain    frames that never came
duplicates, out_of_order      frames that came twice, or late
stream_silent, stall          one stream, or all of them, said nothing while connected
late, exchange_clock          frames long after their E; E set against the time of receipt
crossed_book                  a best bid at or above the best ask
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from micropulse.events import CONNECT, DISCONNECT, RUN_START, Events
from recorder.findings import Finding

SECOND = 1_000_000_000
REMEMBERED = 65_536  # trade ids, to tell a duplicate from a new one across segments
# A stream is silent after so long, or so many of its usual pauses: trades come when they come.
BOOKS_SILENT_NS, BOOKS_PAUSES = 5 * SECOND // 2, 20
TRADES_SILENT_NS, TRADES_PAUSES = 5 * SECOND, 50
HELD_BACK_NS = 2 * SECOND  # so long after a stall what it held back may still come
LATE_NS = SECOND
CLOCK_JUMP_NS = SECOND // 2
BUCKET_NS = 5 * SECOND


class Watch:
    """See the segments of a tape in their order; each call gives what was found."""

    def __init__(self) -> None:
        self._ids = np.zeros(0, np.int64)  # the last trade ids, sorted
        self._missing: list[tuple[int, int, int, int]] = []  # first, last id, seq, ts behind it
        self._chains: dict[tuple[int, int], int] = {}  # conn, depth -> u
        self._last: dict[str, int] = {}  # stream -> ts of its last frame
        self._offset: int | None = None  # E - ts_recv of the last bucket, at most
        self._outage_from: int | None = None
        self._open: set[int] = set()
        self._last_trade = 0  # the id of the last trade received

    def see(self, events: Events) -> Iterator[Finding]:
        """What a segment's events show."""
        found = [*self._trades(events), *self._books(events)]
        breaks = self._outages(events)
        quiet = list(self._silences(events, breaks))
        found += [one for one, _, _ in quiet]
        found += self._clock(events, [(a, b) for _, a, b in quiet] + breaks)
        return iter(found)

    def end(self) -> Iterator[Finding]:
        """What is final once the tape has ended: ids that nobody brought."""
        for first, last, seq, ts in self._missing:
            n = last - first + 1
            text = f"{n} trade{'s' * (n > 1)} missing: ids {first} to {last} never came."
            yield Finding("missing_trades", True, seq, ts, text)

    def _trades(self, events: Events) -> Iterator[Finding]:
        trades = events.trades
        if not len(trades.seq):
            return
        ids, first_at, times = np.unique(trades.trade_id, return_index=True, return_counts=True)
        twice = ids[(times > 1) | np.isin(ids, self._ids)]
        again = np.isin(trades.trade_id, twice)
        again[first_at[~np.isin(ids, self._ids)]] = False
        for n, at in _runs(trades, np.flatnonzero(again)):
            before = trades.conn[trades.trade_id == trades.trade_id[at]]
            same = len(set(before.tolist())) == 1
            text = f"{n} trade{'s' * (n != 1)} came twice, from id {trades.trade_id[at]}" + (
                "." if same else ": two connections overlapped."
            )
            yield Finding("duplicates", same, *_where(trades, at), text)
        for conn in sorted(set(trades.conn.tolist())):
            mine = np.flatnonzero(trades.conn == conn)
            back = mine[1:][np.diff(trades.trade_id[mine]) < 0]
            back = back[~np.isin(trades.trade_id[back], twice)]
            for n, at in _runs(trades, back):
                text = f"{n} trades out of order, from id {trades.trade_id[at]}."
                yield Finding("out_of_order", True, *_where(trades, at), text)
        self._count_missing(trades, ids, first_at)

    def _count_missing(self, trades: Any, ids: Any, first_at: Any) -> None:
        """Ids that were jumped over; one that comes later is taken off again."""
        still = []
        for first, last, seq, ts in self._missing:
            came = ids[(ids >= first) & (ids <= last)]
            still += [(a, b, seq, ts) for a, b in _without(first, last, came.tolist())]
        known = self._ids[-1:]
        new = ids[ids > known[0]] if len(known) else ids
        at = first_at[len(ids) - len(new) :]
        chain = np.concatenate([known, new])
        for i in np.flatnonzero(np.diff(chain) > 1).tolist():
            row = int(at[i + 1 - len(known)])
            still.append((int(chain[i]) + 1, int(chain[i + 1]) - 1, *_where(trades, row)))
        self._missing = still
        self._ids = np.union1d(self._ids, ids)[-REMEMBERED:]

    def _books(self, events: Events) -> Iterator[Finding]:
        depth = events.depth
        for conn, shown in sorted(set(zip(depth.conn.tolist(), depth.depth.tolist(), strict=True))):
            rows = np.flatnonzero((depth.conn == conn) & (depth.depth == shown))
            known = self._chains.get((conn, shown))
            before = np.concatenate([[known if known else depth.prev_id[rows[0]]],
                                     depth.last_id[rows][:-1]])  # fmt: skip
            self._chains[conn, shown] = int(depth.last_id[rows[-1]])
            same = depth.last_id[rows] == before
            back = depth.last_id[rows] < before
            broken = (depth.prev_id[rows] != before) & ~same
            near = back | np.roll(back, 1) | np.roll(back, -1)
            for what, mask, says in (
                ("duplicates", same, "came twice"),
                ("out_of_order", back, "came out of order"),
                ("book_chain", broken & ~near, "do not follow the one before: others are missing"),
            ):
                for n, at in _runs(depth, rows[mask]):
                    text = f"{n} books of connection {conn} {says}."
                    yield Finding(what, True, *_where(depth, at), text)
        both = (depth.bid_n > 0) & (depth.ask_n > 0)
        crossed = np.flatnonzero(both & (depth.bid_px[0] >= depth.ask_px[0]))
        for n, at in _runs(depth, crossed):
            text = f"{n} books with a best bid at or above the best ask."
            yield Finding("crossed_book", True, *_where(depth, at), text)

    def _outages(self, events: Events) -> list[tuple[int, int]]:
        """(from, to) of each stretch without a connection."""
        found, control = [], events.control
        for kind, conn, ts in zip(
            control.kind.tolist(), control.conn.tolist(), control.ts_recv.tolist(), strict=True
        ):
            if kind == CONNECT:
                if not self._open and self._outage_from is not None:
                    found.append((self._outage_from, ts))
                self._open.add(conn)
            elif kind == DISCONNECT:
                self._open.discard(conn)
                if not self._open:
                    self._outage_from = ts
            elif kind == RUN_START:
                self._open.clear()
                self._outage_from = min(self._last.values(), default=ts)
        return found

    def _silences(
        self, events: Events, outages: list[tuple[int, int]]
    ) -> Iterator[tuple[Finding, int, int]]:
        """(finding, from, to): a stream that stopped; `stall` when all of them did."""
        streams = {f"depth{n}": events.depth.ts_recv[events.depth.depth == n] for n in (5, 10, 20)}
        streams["trade"] = events.trades.ts_recv
        ids = np.concatenate([[self._last_trade], events.trades.trade_id])
        whole = np.diff(ids) == 1  # no trade was made between two that were received
        self._last_trade = int(ids[-1])
        quiet: list[tuple[str, int, int, bool]] = []
        for name, ts in streams.items():
            if not len(ts):
                continue
            ts = np.concatenate([[self._last.get(name, ts[0])], ts])
            self._last[name] = int(ts[-1])
            trades = name == "trade"
            pauses = TRADES_PAUSES if trades else BOOKS_PAUSES
            usual = int(ts[-1] - ts[0]) // max(1, len(ts) - 1)
            least = max(TRADES_SILENT_NS if trades else BOOKS_SILENT_NS, pauses * usual)
            for i in np.flatnonzero(np.diff(ts) >= least).tolist():
                quiet.append((name, int(ts[i]), int(ts[i + 1]), trades and bool(whole[i])))
        spoken = {name for name, ts in streams.items() if len(ts)}
        quiet = [one for one in quiet if not any(_meet(one[1:3], outage) for outage in outages)]
        while quiet:
            name, start, stop, nothing_missing = quiet.pop(0)
            with_it = [one for one in quiet if _meet(one[1:3], (start, stop))]
            all_of_them = len(spoken) > 1 and {name, *(one[0] for one in with_it)} == spoken
            if all_of_them:
                quiet = [one for one in quiet if one not in with_it]
            what = "stall" if all_of_them else "stream_silent"
            who = "Every stream" if all_of_them else f"The stream {name}"
            text = f"{who} said nothing for {(stop - start) / SECOND:.1f} s while connected."
            wrong = all_of_them or not nothing_missing
            text += "" if wrong else " No id is missing: there were no trades."
            yield Finding(what, wrong, _seq_at(events, stop), start, text), start, stop

    def _clock(self, events: Events, excused: list[tuple[int, int]]) -> Iterator[Finding]:
        """E against the time of receipt: a lasting jump, or frames that came long after."""
        seq = np.concatenate([events.depth.seq, events.trades.seq])
        if not len(seq):
            return
        order = np.argsort(seq)
        ts = np.concatenate([events.depth.ts_recv, events.trades.ts_recv])[order]
        offset = np.concatenate([events.depth.ts_event, events.trades.ts_event])[order] - ts
        buckets = ts // BUCKET_NS
        starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
        highest = np.maximum.reduceat(offset, starts)
        for i, at in enumerate(starts.tolist()):
            stop = starts[i + 1] if i + 1 < len(starts) else len(ts)
            level = int(highest[i])
            usual = level if self._offset is None else self._offset
            end = highest[i + 1] if i + 1 < len(highest) else level
            where = int(seq[order][at]), int(ts[at])
            if abs(level - usual) > CLOCK_JUMP_NS and abs(int(end) - usual) > CLOCK_JUMP_NS:
                text = f"E jumped by {(level - usual) / 1e6:+.0f} ms against the time of receipt."
                yield Finding("exchange_clock", True, *where, text)
                usual = level
            rows = np.flatnonzero(offset[at:stop] < usual - LATE_NS) + at
            late = [k for k in rows.tolist() if not _follows(int(ts[k]), excused)]
            if late:
                text = f"{len(late)} frames came more than a second after their E."
                yield Finding("late", True, int(seq[order][late[0]]), int(ts[late[0]]), text)
            self._offset = max(level, usual - SECOND // 20)


def _where(table: Any, row: int) -> tuple[int, int]:
    return int(table.seq[row]), int(table.ts_recv[row])


def _without(first: int, last: int, came: list[int]) -> Iterator[tuple[int, int]]:
    """The stretches of [first, last] that `came`, ascending, leaves."""
    for one in came:
        if one > first:
            yield first, one - 1
        first = one + 1
    if first <= last:
        yield first, last


def _meet(one: Any, other: Any) -> bool:
    return bool(one[0] < other[1] and other[0] < one[1])


def _follows(ts: int, stretches: list[tuple[int, int]]) -> bool:
    """Whether a time lies in one of the stretches or just behind it: what was held back."""
    return any(start <= ts <= stop + HELD_BACK_NS for start, stop in stretches)


def _runs(table: Any, rows: Any) -> Iterator[tuple[int, int]]:
    """(how many, the first) of rows that follow one another within a second."""
    cuts = np.flatnonzero(np.diff(table.ts_recv[rows]) > SECOND) + 1
    for run in np.split(rows, cuts) if len(rows) else ():
        yield len(run), int(run[0])


def _seq_at(events: Events, ts: int) -> int:
    """The seq of the first frame received at `ts` or later."""
    found = []
    for table in (events.depth, events.trades):
        at = int(np.searchsorted(table.ts_recv, ts))
        if at < len(table.seq):
            found.append(int(table.seq[at]))
    return min(found, default=0)
