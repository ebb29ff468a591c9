"""Layouts: the text of a frame around its numbers, kept once for all the frames that share it.

A layout is a string, the frame with a slot where each number stands:

    {"stream":"btcusdt@trade","data":{"e":"trade","E":<E>,"T":<T>,"s":"BTCUSDT","t":<t>,
     "p":"<p.2>","q":"<q.3>","X":"MARKET","m":<m>,"st":1}}        (one line, in truth)

    <E> <T> <U> <u> <pu> <t>   whole numbers        <m>        true or false
    <p.2> <q.3>                decimals, with so many digits behind the point
    <b.2.3> <a.2.3>            all levels of a side: [["price","quantity"],...]
    <p.8> <ap.8> <P.8> <i.8>   of a mark price; <r.8>, its rate, may have a minus

Everything else is literal, the stream, the symbol and X included; a literal `<` is written `<<`.
So a layout is exact for yesterday's keys and for tomorrow's, and plain enough to be stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from micropulse.events import MARK_DECIMALS, SELL, Bytes, Int64s, frozen
from micropulse.reading import (
    BOOKS,
    ID_DIGITS,
    MARK_PRICES,
    MARKS,
    NEITHER,
    TIME_MS_MAX,
    TRADES,
    Reading,
    claim_of,
    read,
)

# A program is a row of ops for each layout. An op is a literal, and what stands behind it:
END, NUMBER, FLAG, OPEN, NEXT, SIGN = 0, 1, 2, 3, 4, 5
#   NUMBER  digits, DECIMALS of them behind a point (10^DECIMALS is POINT_UNIT); in its ROW
#           (+ the level), which is in UNITs of the last digit
#   FLAG    true or false
#   OPEN    the list of levels in ROW ends here, and op JUMP is next; or its first level begins
#   NEXT    a level has ended: the list ends too; or there is a comma, and op JUMP is next
#   SIGN    a minus or nothing; the number of the next op, which is in the same ROW, has it
# INT_DIGITS may stand before the point; LIMIT is the largest number, or the most levels.
OP_FIELDS = 10
LIT_START, LIT_STOP, WHAT, ROW, DECIMALS, POINT_UNIT, UNIT, INT_DIGITS, LIMIT, JUMP = range(10)
# The literals begin with these two words, which a FLAG is one of.
TRUE_FALSE, TRUE_STOP, FALSE_STOP = b"truefalse", 4, 9
# Fields of `heads`, a row a layout: SAID is the depth of a book, the kind of a trade, 0 of a mark.
FIRST_OP, TABLE, SAID, BYTES_MAX = range(4)

# Blocks: the tables in a few 2-D arrays, an event column a row (see blocks.py).
# TRADES, BOOKS, MARKS are rows of `layout` and `conn`, and of `small` what a head's SAID is.
# Rows of `wide`: those of a table begin with seq and ts_recv; then come E, T and the rest.
BASE = 7  # times the table: its first row
TRADE_ROWS = {"E": 2, "T": 3, "t": 4, "p": 5, "q": 6}
BOOK_ROWS = {"E": 9, "T": 10, "U": 11, "u": 12, "pu": 13}
MARK_ROWS = {"E": 16, "T": 17, "p": 18, "ap": 19, "P": 20, "i": 21, "r": 22}
TABLE_ROWS = (TRADE_ROWS, BOOK_ROWS, MARK_ROWS)
MARK_AVERAGE, MARK_RATE = MARK_ROWS["ap"], MARK_ROWS["r"]  # what some frames do without
LEVEL_ROW = 23  # the first of the level rows: bid_px…, bid_qty…, ask_px…, ask_qty…
# Rows of `small`.
KIND, SHOWN, SIDE, BID_N, ASK_N = TRADES, BOOKS, 3, 4, 5
SMALL_ROWS = 6
LEVELS_OF = {"b": 0, "a": 1}

AMOUNT_DIGITS = 18  # of a price or quantity at the symbol's scale: it fits an int64
SCALE_MAX = 17  # so that at least one digit stands before the point

_MS = 1_000_000
_NUMBER_BYTES, _LEVEL_BYTES = 20, 48  # at most, of a number and of a level with its comma
_SLOT = re.compile(r"<<|<([A-Za-z]+)((?:\.[0-9]{1,2})*)>")
_CANONICAL = re.compile(r"(?:-(?=.*[1-9]))?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_QUOTED = ("p", "q", "ap", "P", "i", "r")


class Piece(NamedTuple):
    """A literal and the slot behind it; the last piece of a layout has the slot ""."""

    literal: bytes
    slot: str
    decimals: tuple[int, ...]


class Program(NamedTuple):
    """Layouts made ready for the kernels, at one scale."""

    literals: Bytes
    ops: Int64s  # (ops, OP_FIELDS)
    heads: Int64s  # (layouts, 4)


def layout_of(frame: bytes, reading: Reading, px_decimals: int, qty_decimals: int) -> str | None:
    """The layout that gives `frame` back from its numbers, or None when there is none.

    There is none when a number is not written the one way the kernels write it (leading zeros,
    spaces or escapes inside, levels with different digits) or the text is no UTF-8. A side
    without levels has the digits of the other one; without both they are those given.
    """
    decimals = _decimals(reading, px_decimals, qty_decimals)
    if decimals is None:
        return None
    parts, at = [], 0
    for slot, (start, stop) in sorted(reading.spans.items(), key=lambda item: item[1]):
        quote = slot in _QUOTED
        if frame[start:stop] != _written(reading, slot):
            return None
        parts.append(frame[at : start + quote])
        parts.append(".".join([slot, *map(str, decimals.get(slot, ()))]).encode())
        at = stop - quote
    try:
        texts = [part.decode().replace("<", "<<") for part in [*parts, frame[at:]]]
    except UnicodeDecodeError:
        return None
    texts[1::2] = [f"<{slot}>" for slot in texts[1::2]]
    return "".join(texts)


@lru_cache(maxsize=1024)
def split(layout: str) -> tuple[Piece, ...]:
    """The pieces of a layout, in order. Raises ValueError for a `<` that begins no slot."""
    pieces, literal, at = [], "", 0
    for match in _SLOT.finditer(layout):
        literal += _plain(layout[at : match.start()], layout)
        at = match.end()
        if match[1] is None:
            literal += "<"
            continue
        decimals = tuple(int(digits) for digits in match[2].split(".")[1:])
        pieces.append(Piece(literal.encode(), match[1], decimals))
        literal = ""
    literal += _plain(layout[at:], layout)
    return (*pieces, Piece(literal.encode(), "", ()))


@lru_cache(maxsize=1024)
def describe(layout: str) -> tuple[int, int]:
    """(table; levels its stream shows, or the kind of a trade, or 0). Raises ValueError when it
    is no layout.

    Proved rather than parsed: a frame written in the layout must read back to the same layout.
    """
    frame = b"".join(piece.literal + _sample(piece) for piece in split(layout))
    claim = claim_of(frame)
    if claim.table == NEITHER:
        raise ValueError(f"layout {layout[:80]!r} is of no partial book, trade or mark price")
    reading = read(frame, claim)
    if layout_of(frame, reading, 0, 0) != layout:
        raise ValueError(f"layout {layout[:80]!r} has slots where its frame has no numbers")
    return claim.table, claim.depth or reading.kind


def program(layouts: Sequence[str], px_decimals: int, qty_decimals: int, levels: int) -> Program:
    """`layouts` made ready for the kernels, for blocks of `levels` level columns.

    Raises ValueError for a layout that is none, or has more digits than the scale.
    """
    if not (0 <= px_decimals <= SCALE_MAX and 0 <= qty_decimals <= SCALE_MAX):
        raise ValueError(f"scales go from 0 to {SCALE_MAX}, not {px_decimals} and {qty_decimals}")
    literals = bytearray(TRUE_FALSE)
    ops: list[list[int]] = []
    heads: list[list[int]] = []
    for layout in layouts:
        table, said = describe(layout)
        depth, first = said if table == BOOKS else 0, len(ops)
        scales = (px_decimals, qty_decimals) if table != MARKS else (MARK_DECIMALS, MARK_DECIMALS)
        for literal, fields in _ops(layout, TABLE_ROWS[table], depth, scales, levels, first):
            ops.append([len(literals), len(literals) + len(literal), *fields])
            literals += literal
        bytes_max = len(layout.encode()) + _NUMBER_BYTES * (len(ops) - first)
        heads.append([first, table, said, bytes_max + 2 * depth * _LEVEL_BYTES])
    return Program(
        frozen(np.frombuffer(bytes(literals), np.uint8), "u1"),
        frozen(np.array(ops, np.int64).reshape(-1, OP_FIELDS)),
        frozen(np.array(heads, np.int64).reshape(-1, 4)),
    )


def digits_behind(amount: str) -> int:
    """How many digits stand behind the point of a decimal as the wire writes it."""
    return len(amount.partition(".")[2])


def slot_of(row: int, levels: int) -> str:
    """The slot whose numbers stand in a row of `wide`; a FLAG's row is 0."""
    if row >= LEVEL_ROW:
        return "b" if row < LEVEL_ROW + 2 * levels else "a"
    return next((slot for rows in TABLE_ROWS for slot, at in rows.items() if at == row), "m")


def _ops(
    layout: str,
    rows: dict[str, int],
    depth: int,
    scales: tuple[int, int],
    levels: int,
    at: int,
) -> Iterator[tuple[bytes, list[int]]]:
    """(literal, fields from WHAT on) of each op of a layout whose first op is op `at`."""
    for literal, slot, digits in split(layout):
        row = rows.get(slot, 0)
        if slot in LEVELS_OF:
            px = LEVEL_ROW + 2 * levels * LEVELS_OF[slot]
            yield literal + b"[", [OPEN, px, 0, 1, 1, 0, depth, at + 4]
            yield b'["', _amount(layout, px, digits[0], scales[0])
            yield b'","', _amount(layout, px + levels, digits[1], scales[1])
            yield b'"]', [NEXT, px, 0, 1, 1, 0, depth, at + 1]
            at += 3
        elif slot == "r":
            yield literal, [SIGN, row, 0, 1, 1, 0, 0, 0]
            yield b"", _amount(layout, row, digits[0], scales[1])
            at += 1
        elif slot == "q" or slot in MARK_PRICES:
            yield literal, _amount(layout, row, digits[0], scales[slot == "q"])
        elif slot in ("E", "T"):
            yield literal, [NUMBER, row, 0, 1, _MS, len(str(TIME_MS_MAX)), TIME_MS_MAX, 0]
        elif slot in rows:
            yield literal, [NUMBER, row, 0, 1, 1, ID_DIGITS, 10**ID_DIGITS - 1, 0]
        else:
            yield literal, [FLAG if slot else END, 0, 0, 1, 1, 0, 0, 0]
        at += 1


def _amount(layout: str, row: int, digits: int, scale: int) -> list[int]:
    if digits > scale:
        raise ValueError(f"layout {layout[:80]!r} has more digits than the scale of {scale}")
    before, unit = AMOUNT_DIGITS - scale, 10 ** (scale - digits)
    limit = 10 ** (before + digits) - 1
    return [NUMBER, row, digits, 10**digits, unit, before, limit, 0]


def _plain(text: str, layout: str) -> str:
    if "<" in text:
        raise ValueError(f"layout {layout[:80]!r} has a < that begins no slot; write << for a <")
    return text


def _decimals(
    reading: Reading, px_decimals: int, qty_decimals: int
) -> dict[str, tuple[int, ...]] | None:
    """Slot -> digits behind the point; None when its numbers do not agree on them."""
    found: dict[str, tuple[int, ...]] = {}
    for amounts, default in ((reading.prices, px_decimals), (reading.sizes, qty_decimals)):
        every = [text for texts in amounts.values() for text in texts]
        if not all(_CANONICAL.fullmatch(text) for text in every):
            return None
        for slot, texts in amounts.items():
            digits = {digits_behind(text) for text in texts or every[:1]} or {default}
            if len(digits) > 1:
                return None
            found[slot] = (*found.get(slot, ()), *digits)
    return found


def _written(reading: Reading, slot: str) -> bytes:
    """How the kernels write the value of `slot`, from its canonical numbers."""
    if slot == "m":
        text = "true" if reading.numbers["m"] == SELL else "false"
    elif slot in reading.numbers:
        text = str(reading.numbers[slot])
    elif slot in LEVELS_OF:
        levels = zip(reading.prices[slot], reading.sizes[slot], strict=True)
        text = "[" + ",".join(f'["{px}","{qty}"]' for px, qty in levels) + "]"
    else:
        text = f'"{(reading.prices.get(slot) or reading.sizes[slot])[0]}"'
    return text.encode()


def _sample(piece: Piece) -> bytes:
    """A value for the slot of `piece`, with its digits."""
    amounts = ["0." + "0" * digits if digits else "0" for digits in (*piece.decimals, 0, 0)]
    if piece.slot in LEVELS_OF:
        return f'[["{amounts[0]}","{amounts[1]}"]]'.encode()
    if piece.slot in _QUOTED:
        return amounts[0].encode()
    return {"m": b"true", "": b""}.get(piece.slot, b"0")
