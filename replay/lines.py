"""Lines `<receive time> <frame>`: their text to frames and back, compiled."""

from __future__ import annotations

import numpy as np

from micropulse.events import Bytes, Int64s
from micropulse.jit import entry, kernel

# What `tally` counts; STAMP is the last readable receive time, and goes in as well.
LINES, BLANK, BAD, CRLF, STAMP, TALLY_LENGTH = 0, 1, 2, 3, 4, 5

# A receive time is in s below 10^11, in ms below 10^14, in µs below 10^17, else in ns: each
# reaches from the 1970s to beyond 2262, where ns end.
S_END, MS_END, US_END = 10**11, 10**14, 10**17
DIGITS_MAX = 19

_NS_MAX = 2**63 - 1
_ZERO, _NINE, _POINT, _SPACE, _LF, _CR = 48, 57, 46, 32, 10, 13
_ONE = np.uint64(1)


@kernel
def receive_time(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """(ns, where the frame begins) of the line `text[at:end]`; (-1, at) without a receive time.

    Digits, perhaps a point and more digits (exact to the ns, the rest cut), a space, a frame.
    """
    value, here = 0, at
    while here < end and text[here] >= _ZERO and text[here] <= _NINE:
        digit = int(text[here]) - _ZERO
        if value > (_NS_MAX - digit) // 10:
            return -1, at
        value = value * 10 + digit
        here += 1
    unit = 1
    if value < S_END:
        unit = 1_000_000_000
    elif value < MS_END:
        unit = 1_000_000
    elif value < US_END:
        unit = 1_000
    if here == at or value >= _NS_MAX // unit:
        return -1, at
    ns = value * unit
    if here < end and text[here] == _POINT:
        first = here + 1
        here = first
        while here < end and text[here] >= _ZERO and text[here] <= _NINE:
            unit = unit // 10
            ns += (int(text[here]) - _ZERO) * unit
            here += 1
        if here == first:
            return -1, at
    if here + 1 >= end or text[here] != _SPACE:
        return -1, at
    return ns, here + 1


@entry
def split_lines(
    text: Bytes, start: Int64s, stop: Int64s, seq: Int64s, ts: Int64s, tally: Int64s
) -> int:
    """The frames of whole lines; returns how many. A frame's `seq` is the number of its line.

    A line without a receive time is a frame as it stands, received when the one before was.
    """
    n, at, end = 0, 0, len(text)
    while at < end:
        feed, last = np.uint64(at), np.uint64(end)
        while feed < last and text[feed] != _LF:
            feed += _ONE
        stop_at = int(np.int64(feed))
        after = stop_at + 1
        if stop_at > at and text[stop_at - 1] == _CR:
            stop_at -= 1
            tally[CRLF] += 1
        if stop_at == at:
            tally[BLANK] += 1
        else:
            ns, frame = receive_time(text, at, stop_at)
            if ns < 0:
                tally[BAD] += 1
            else:
                tally[STAMP] = ns
            start[n], stop[n] = frame, stop_at
            seq[n], ts[n] = tally[LINES], tally[STAMP]
            n += 1
        tally[LINES] += 1
        at = after
    return n


@entry
def join_lines(text: Bytes, start: Int64s, stop: Int64s, ts: Int64s, out: Bytes) -> tuple[int, int]:
    """Write a line for each frame: (bytes written, -1).

    (-1, n) when frame n cannot stand on a line, or its receive time would be read in another unit.
    """
    at = 0
    for n in range(len(start)):
        length, ns = stop[n] - start[n], ts[n]
        if ns < US_END or length == 0 or text[stop[n] - 1] == _CR:
            return -1, n
        digits, beyond = 18, 10**18
        if ns >= beyond:
            digits = 19
        for k in range(digits):
            out[at + digits - 1 - k] = _ZERO + ns % 10
            ns = ns // 10
        at += digits
        out[at] = _SPACE
        at += 1
        for k in range(start[n], stop[n]):
            if text[k] == _LF:
                return -1, n
            out[at] = text[k]
            at += 1
        out[at] = _LF
        at += 1
    return at, -1
