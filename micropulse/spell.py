"""Columns to frame text: the inverse of `scan`, from the same programs.

A number that its slot cannot say (a negative quantity, a time between two milliseconds, a price
with more digits than the layout) is refused: a wrong text is worse than none.
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
    JUMP,
    LEVEL_ROW,
    LIMIT,
    LIT_START,
    LIT_STOP,
    NUMBER,
    OPEN,
    POINT_UNIT,
    ROW,
    SAID,
    SIDE,
    SIGN,
    TABLE,
    TRUE_STOP,
    UNIT,
    WHAT,
)
from micropulse.reading import BOOKS, MARKS, TRADES

_ZERO, _POINT, _COMMA, _MINUS, _CLOSE = 48, 46, 44, 45, 93
LAST_SEQ = 2**63 - 1  # behind every event


@kernel
def put(
    out: Bytes,
    at: int,
    literals: Bytes,
    ops: Int64s,
    op: int,
    wide: Int64s,
    small: Int8s,
    i: int,
) -> tuple[int, int]:
    """Write event `i` of the blocks in the layout that begins at `op`: (where it ends, -1).

    (-1, op) when that op has a number it cannot say. One loop that calls nothing, as `match` is.
    """
    here, one, level, sign = np.uint64(at), np.uint64(1), 0, 1
    while True:
        what, row = ops[op, WHAT], ops[op, ROW]
        for k in range(ops[op, LIT_START], ops[op, LIT_STOP]):
            out[here] = literals[k]
            here += one
        if what == NUMBER:
            value, unit, decimals = sign * wide[row + level, i], ops[op, UNIT], ops[op, DECIMALS]
            if unit > 1:
                if value % unit != 0:
                    return -1, op
                value = value // unit
            if value < 0 or value > ops[op, LIMIT]:
                return -1, op
            digits, beyond = decimals + 1, 10 * ops[op, POINT_UNIT]
            while value >= beyond:
                digits, beyond = digits + 1, beyond * 10
            rest = np.uint64(value)
            back = here = here + np.uint64(digits + (decimals > 0))
            for k in range(digits):
                if k == decimals and k > 0:
                    back -= one
                    out[back] = _POINT
                back -= one
                out[back] = np.uint64(_ZERO) + rest % np.uint64(10)
                rest = rest // np.uint64(10)
            op, sign = op + 1, 1
        elif what == END:
            return int(np.int64(here)), -1
        elif what == FLAG:
            if small[SIDE, i] != SELL and small[SIDE, i] != BUY:
                return -1, op
            start, stop = (0, TRUE_STOP) if small[SIDE, i] == SELL else (TRUE_STOP, FALSE_STOP)
            for k in range(start, stop):
                out[here] = literals[k]
                here += one
            op += 1
        elif what == SIGN:
            sign = -1 if wide[row, i] < 0 else 1
            out[here] = _MINUS  # written over when there is none
            here, op = here + np.uint64(sign < 0), op + 1
        else:  # OPEN, NEXT
            n = int(small[BID_N if row == LEVEL_ROW else ASK_N, i])
            if n < 0 or n > ops[op, LIMIT] or n > (len(wide) - LEVEL_ROW) // 4:
                return -1, op
            level += what != OPEN
            if level == n:
                out[here] = _CLOSE
                here, level = here + one, 0
                op = ops[op, JUMP] if what == OPEN else op + 1
            elif what == OPEN:
                op += 1
            else:
                out[here] = _COMMA
                here, op = here + one, ops[op, JUMP]


@entry
def spell(
    out: Bytes,
    start: Int64s,
    stop: Int64s,
    seq: Int64s,
    ts_recv: Int64s,
    conn: Int16s,
    literals: Bytes,
    ops: Int64s,
    heads: Int64s,
    wide: Int64s,
    small: Int8s,
    layouts: Int32s,
    conns: Int16s,
    trades: int,
    books: int,
    marks: int,
    failed: Int64s,
) -> int:
    """The frames of all events with a layout, in the order of `seq`; returns how many.

    On an event that its layout cannot say: -1, and `failed` is (seq, layout, op), the op -1 when
    the layout is another table's, another kind's or another depth's.
    """
    trade, book, mark, n, at = 0, 0, 0, 0, 0
    while trade < trades or book < books or mark < marks:
        trade_seq = wide[0, trade] if trade < trades else LAST_SEQ
        book_seq = wide[BASE, book] if book < books else LAST_SEQ
        if mark < marks and wide[BASE * MARKS, mark] < min(trade_seq, book_seq):
            table, i = MARKS, mark
            mark += 1
        elif book_seq < trade_seq:
            table, i = BOOKS, book
            book += 1
        else:
            table, i = TRADES, trade
            trade += 1
        layout = int(layouts[table, i])
        if layout < 0:
            continue
        failed[0], failed[1], failed[2] = wide[BASE * table, i], layout, -1
        if layout >= len(heads) or heads[layout, TABLE] != table:
            return -1
        if heads[layout, SAID] != small[table, i]:
            return -1
        start[n] = at
        at, failed[2] = put(out, at, literals, ops, heads[layout, FIRST_OP], wide, small, i)
        if at < 0:
            return -1
        stop[n], conn[n] = at, conns[table, i]
        seq[n], ts_recv[n] = wide[BASE * table, i], wide[BASE * table + 1, i]
        n += 1
    return n
