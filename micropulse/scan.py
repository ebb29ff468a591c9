"""Frame text to columns: each frame is held against the known layouts, byte for byte.

Strict enough that what is accepted can be written back exactly: every literal byte must be the
layout's, every number must be written the one canonical way (no leading zeros, just so many
digits). A number goes straight from the text into its column; a row that turns out not to match
is simply written over by the next one.

Some of this is written for numba, and measured. With a function for each number a frame took
860 ns, most of it spent on counting the references of arrays up and down at each call; as one loop
that calls only what is small enough to vanish, 470. With unsigned positions (a signed index is
first tested for being negative), and `match` called only when a frame's head is right, 260.
"""

from __future__ import annotations

import numpy as np

from micropulse.events import BUY, SELL, Bytes, Int8s, Int16s, Int32s, Int64s
from micropulse.jit import entry, kernel
from micropulse.layout import (
    ASK_N,
    BASE,
    BID_N,
    DECIMALS,
    END,
    FALSE_STOP,
    FIRST_OP,
    FLAG,
    INT_DIGITS,
    JUMP,
    LEVEL_ROW,
    LIMIT,
    LIT_START,
    LIT_STOP,
    MARK_AVERAGE,
    MARK_RATE,
    NUMBER,
    OPEN,
    ROW,
    SAID,
    SIDE,
    SIGN,
    TABLE,
    TRUE_STOP,
    UNIT,
    WHAT,
)
from micropulse.reading import MARKS

# What `cursor` counts behind TRADES, BOOKS and MARKS: indices noted, frames passed by their head
# (first ours, then those of other symbols).
VERBATIM, OTHERS, PASSED, CURSOR_LENGTH = 3, 4, 5, 7
# Columns of `passes`: heads of frames that are not for us, and whose they are.
PASS_START, PASS_STOP, PASS_OTHER, PASS_COLUMNS = 0, 1, 2, 3

_ZERO, _POINT, _COMMA, _MINUS, _CLOSE, _T = 48, 46, 44, 45, 93, 116
_ONE = np.uint64(1)


@kernel
def same(text: Bytes, at: np.uint64, end: np.uint64, known: Bytes, start: int, stop: int) -> bool:
    """Whether `text[at:end]` begins with `known[start:stop]`."""
    if np.int64(end - at) < stop - start:
        return False
    for k in range(start, stop):
        if text[at] != known[k]:
            return False
        at += _ONE
    return True


@kernel
def end_side(wide: Int64s, small: Int8s, i: int, row: int, n: int) -> None:
    """The side that begins at `row` has `n` levels: write that, and zeros for the others."""
    levels = (len(wide) - LEVEL_ROW) // 4
    small[BID_N if row == LEVEL_ROW else ASK_N, i] = n
    for k in range(n, levels):
        wide[row + k, i] = 0
        wide[row + levels + k, i] = 0


@kernel
def match(
    text: Bytes,
    at: np.uint64,
    end: np.uint64,
    done: int,
    literals: Bytes,
    ops: Int64s,
    op: int,
    wide: Int64s,
    small: Int8s,
    i: int,
) -> bool:
    """Whether the frame `text[at:end]` has the layout that begins at `op`, less its first `done`
    bytes. Its numbers go to column `i` of the blocks."""
    level, sign = 0, 1
    while True:
        what, row = ops[op, WHAT], ops[op, ROW]
        start, stop, done = ops[op, LIT_START] + done, ops[op, LIT_STOP], 0
        if not same(text, at, end, literals, start, stop):
            return False
        at += np.uint64(stop - start)
        if what == END or at == end:
            return bool(what == END and at == end)
        if what == NUMBER:
            first, value, decimals = at, 0, ops[op, DECIMALS]
            while at < end:
                digit = int(text[at]) - _ZERO
                if digit < 0 or digit > 9:
                    break
                value = value * 10 + digit
                at += _ONE
            digits = np.int64(at - first)
            zero_first = digits > 1 and text[first] == _ZERO
            if digits == 0 or digits > ops[op, INT_DIGITS] or zero_first:
                return False
            if decimals:
                if np.int64(end - at) <= decimals or text[at] != _POINT:
                    return False
                for _ in range(decimals):
                    at += _ONE
                    digit = int(text[at]) - _ZERO
                    if digit < 0 or digit > 9:
                        return False
                    value = value * 10 + digit
                at += _ONE
            if value > ops[op, LIMIT] or (sign < 0 and value == 0):
                return False
            wide[row + level, i] = sign * value * ops[op, UNIT]
            op, sign = op + 1, 1
        elif what == FLAG:
            true = text[at] == _T
            start, stop = (0, TRUE_STOP) if true else (TRUE_STOP, FALSE_STOP)
            if not same(text, at, end, literals, start, stop):
                return False
            at, op = at + np.uint64(stop - start), op + 1
            small[SIDE, i] = SELL if true else BUY
        elif what == SIGN:
            sign = -1 if text[at] == _MINUS else 1
            at, op = at + np.uint64(sign < 0), op + 1
        else:  # OPEN, NEXT
            level += what != OPEN
            if text[at] == _CLOSE:
                end_side(wide, small, i, row, level)
                at, level, op = at + _ONE, 0, ops[op, JUMP] if what == OPEN else op + 1
            elif what == OPEN:
                op += 1
            elif text[at] == _COMMA and level < ops[op, LIMIT]:
                at, op = at + _ONE, ops[op, JUMP]
            else:
                return False


@entry
def scan(
    text: Bytes,
    start: Int64s,
    stop: Int64s,
    seq: Int64s,
    ts_recv: Int64s,
    conn: Int16s,
    first: int,
    literals: Bytes,
    ops: Int64s,
    heads: Int64s,
    passes: Int64s,
    wide: Int64s,
    small: Int8s,
    layouts: Int32s,
    conns: Int16s,
    odd: Int64s,
    cursor: Int64s,
) -> int:
    """Frames from `first` on into the blocks, up to the first one that no layout and no head fits.

    Returns that frame's index, or their number. `odd[0]` takes the indices of frames to be kept
    as text, `odd[1]` those of other symbols; `cursor` is moved.
    """
    for n in range(first, len(start)):
        at, end = np.uint64(start[n]), np.uint64(stop[n])
        found = -1
        for k in range(len(heads)):
            op, table = heads[k, FIRST_OP], heads[k, TABLE]
            head, head_stop = ops[op, LIT_START], ops[op, LIT_STOP]
            if not same(text, at, end, literals, head, head_stop):
                continue
            i, done = cursor[table], head_stop - head
            after = at + np.uint64(done)
            if table == MARKS:
                wide[MARK_AVERAGE, i] = wide[MARK_RATE, i] = 0
            if match(text, after, end, done, literals, ops, op, wide, small, i):
                wide[BASE * table, i], wide[BASE * table + 1, i] = seq[n], ts_recv[n]
                small[table, i] = heads[k, SAID]
                layouts[table, i], conns[table, i] = k, conn[n]
                cursor[table] += 1
                found = k
                break
        if found >= 0:
            continue
        for k in range(len(passes)):
            if same(text, at, end, literals, passes[k, PASS_START], passes[k, PASS_STOP]):
                other = passes[k, PASS_OTHER]
                odd[other, cursor[VERBATIM + other]] = n
                cursor[VERBATIM + other] += 1
                cursor[PASSED + other] += 1
                found = k
                break
        if found < 0:
            return n
    return len(start)
