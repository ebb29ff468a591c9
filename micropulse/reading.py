"""Reading one frame by name: slow, for any JSON, and exact about where each number stands.

The fast path (`scan`) knows only the texts it has been shown. Everything else comes here: a first
frame of a stream, a new key, another order of keys, a broken frame. What is found out here is
learned as a layout, so that the next such frame is fast.

A frame has two owners in its errors: what is no partial book, trade or mark price is somebody
else's (`Claim.stream` says whose); what says it is one and is not raises WireError.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
import numpy as np

from micropulse.events import BUY, MARKET, OTHER, SELL, TRADE_KINDS

# What a frame can say it is: a row of which table.
TRADES, BOOKS, MARKS, NEITHER = 0, 1, 2, -1
ABSENT = msgspec.Raw(b"")
ID_DIGITS = 18  # so that every id fits an int64
TIME_MS_MAX = (2**63 - 1) // 1_000_000  # the year 2262: later times do not fit in nanoseconds

_STREAM = re.compile(r"[^@]+@(?:(trade)|depth(5|10|20)(?:@[0-9]+ms)?|(markPrice)(?:@1s)?)")
_INT = re.compile(rb"0|[1-9][0-9]*")
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_RATE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_BARE_STREAM = b'{"stream":'

TRADE_SLOTS = ("E", "T", "t", "p", "q", "m")
BOOK_SLOTS = ("E", "T", "U", "u", "pu", "b", "a")
MARK_SLOTS = ("E", "T", "p", "ap", "P", "i", "r")
MARK_PRICES = ("p", "ap", "P", "i")
SLOTS = (TRADE_SLOTS, BOOK_SLOTS, MARK_SLOTS)  # by table
EVENTS = ("trade", "depthUpdate", "markPriceUpdate")  # what `e` says, by table


class WireError(ValueError):
    """A frame that says it is a book, trade or mark and is not; begins with the datum's path.

    Raised, too, by `encode` for rows that no frame of their layout can say.
    """


class NotJsonError(WireError):
    """A frame that is no JSON at all, so that there is no telling what it says it is."""


class Claim(NamedTuple):
    """What a frame says it is."""

    stream: str  # "" when it is not in the wrapped form
    symbol: str | None  # upper case; None when the frame names none
    table: int  # TRADES, BOOKS, MARKS, or NEITHER
    depth: int  # levels the stream shows; 0 for what is no book
    data: msgspec.Raw
    head: bytes  # `{"stream":"<name>","data":`, when the frame begins with just that


class Reading(NamedTuple):
    """A frame read by name: the numbers as the wire has them, and where each of them stands."""

    claim: Claim
    kind: int  # what X says; MARKET when there is none, and for books
    x: str | None  # X itself
    numbers: dict[str, int]  # E T U u pu t in milliseconds and ids; m is BUY or SELL
    prices: dict[str, list[str]]  # p, or b and a, or p, ap, P, i: as they are written
    sizes: dict[str, list[str]]  # q, or b and a, or r
    spans: dict[str, tuple[int, int]]  # slot -> bytes of the frame that are its value


class _Envelope(msgspec.Struct):
    stream: msgspec.Raw = ABSENT
    data: msgspec.Raw = ABSENT
    s: msgspec.Raw = ABSENT
    symbol: msgspec.Raw = ABSENT


class _Book(msgspec.Struct):
    e: msgspec.Raw = ABSENT
    s: msgspec.Raw = ABSENT
    E: msgspec.Raw = ABSENT
    T: msgspec.Raw = ABSENT
    U: msgspec.Raw = ABSENT
    u: msgspec.Raw = ABSENT
    pu: msgspec.Raw = ABSENT
    b: msgspec.Raw = ABSENT
    a: msgspec.Raw = ABSENT


class _Trade(msgspec.Struct):
    e: msgspec.Raw = ABSENT
    s: msgspec.Raw = ABSENT
    E: msgspec.Raw = ABSENT
    T: msgspec.Raw = ABSENT
    t: msgspec.Raw = ABSENT
    p: msgspec.Raw = ABSENT
    q: msgspec.Raw = ABSENT
    X: msgspec.Raw = ABSENT
    m: msgspec.Raw = ABSENT


class _Mark(msgspec.Struct):
    e: msgspec.Raw = ABSENT
    s: msgspec.Raw = ABSENT
    E: msgspec.Raw = ABSENT
    T: msgspec.Raw = ABSENT
    p: msgspec.Raw = ABSENT
    ap: msgspec.Raw = ABSENT
    P: msgspec.Raw = ABSENT
    i: msgspec.Raw = ABSENT
    r: msgspec.Raw = ABSENT


_envelope = msgspec.json.Decoder(_Envelope)
_data: Any = tuple(msgspec.json.Decoder(shape) for shape in (_Trade, _Book, _Mark))  # by table
_string = msgspec.json.Decoder(str)
_levels = msgspec.json.Decoder(list[tuple[str, str]])


def claim_of(frame: bytes) -> Claim:
    """What `frame` says it is. Raises NotJsonError, and WireError when it says two things."""
    try:
        envelope = _envelope.decode(frame)
    except msgspec.ValidationError:  # JSON, but no object: a REST body
        return Claim("", None, NEITHER, 0, ABSENT, b"")
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotJsonError(f"$: no JSON ({error})") from None
    stream = _text_or_none(envelope.stream)
    if stream is None or not bytes(envelope.data):
        named = _text_or_none(envelope.s) or _text_or_none(envelope.symbol)
        return Claim("", named and named.upper(), NEITHER, 0, ABSENT, b"")
    at = _offset(frame, envelope.stream)
    head = b""
    if frame.startswith(_BARE_STREAM):
        if at != len(_BARE_STREAM):
            raise WireError("$.stream: named twice")
        if frame.startswith(b',"data":', at + len(bytes(envelope.stream))):
            head = frame[: at + len(bytes(envelope.stream)) + len(b',"data":')]
    name = stream.partition("@")[0]
    symbol = None if name.startswith("!") or not name else name.upper()
    match = _STREAM.fullmatch(stream)
    if match is None or symbol is None:
        return Claim(stream, symbol, NEITHER, 0, envelope.data, head)
    table = TRADES if match[1] else MARKS if match[3] else BOOKS
    return Claim(stream, symbol, table, int(match[2] or 0), envelope.data, head)


def read(frame: bytes, claim: Claim) -> Reading:
    """The fields of a frame whose claim is one of the tables'. Raises WireError.

    An `ap` that is not there and an `r` that is empty (a contract without funding) are no slots.
    """
    try:
        data: Any = _data[claim.table].decode(claim.data)
    except msgspec.ValidationError as error:
        raise WireError(f"$.data: {error}") from None
    event, symbol = _string_at("e", data.e), _text_or_none(data.s)
    if event != EVENTS[claim.table]:
        raise WireError(f"$.data.e: {event!r} in a frame of {claim.stream}")
    if bytes(data.s) and symbol != claim.symbol:
        raise WireError(f"$.data.s: {symbol!r} in a frame of {claim.stream}")
    numbers: dict[str, int] = {}
    prices: dict[str, list[str]] = {}
    sizes: dict[str, list[str]] = {}
    slots = [slot for slot in SLOTS[claim.table] if not _is_left_out(slot, data)]
    for slot in slots:
        raw = getattr(data, slot)
        if slot in ("a", "b"):
            prices[slot], sizes[slot] = _levels_at(slot, raw, claim.depth)
        elif slot in MARK_PRICES:
            prices[slot] = [_decimal_at(slot, _string_at(slot, raw))]
        elif slot in ("q", "r"):
            shape = _DECIMAL if slot == "q" else _RATE
            sizes[slot] = [_decimal_at(slot, _string_at(slot, raw), shape)]
        elif slot == "m":
            numbers[slot] = _side_at(slot, raw)
        else:
            numbers[slot] = _int_at(slot, raw)
    kind, x = MARKET, None
    if claim.table == TRADES and bytes(data.X):
        x = _string_at("X", data.X)
        kind = TRADE_KINDS.index(x) if x in TRADE_KINDS else OTHER
    spans = {slot: _span(frame, getattr(data, slot)) for slot in slots}
    return Reading(claim, kind, x, numbers, prices, sizes, spans)


def _is_left_out(slot: str, data: Any) -> bool:
    """Whether a mark frame does without a slot that others of its kind have."""
    return (slot == "ap" and not bytes(data.ap)) or (slot == "r" and bytes(data.r) == b'""')


def _offset(frame: bytes, raw: msgspec.Raw) -> int:
    """Where `raw` stands in `frame`: msgspec's Raw is a view of the bytes it was read from."""
    whole, part = np.frombuffer(frame, np.uint8), np.frombuffer(raw, np.uint8)
    return int(part.__array_interface__["data"][0] - whole.__array_interface__["data"][0])


def _span(frame: bytes, raw: msgspec.Raw) -> tuple[int, int]:
    start = _offset(frame, raw)
    return start, start + len(bytes(raw))


def _text_or_none(raw: msgspec.Raw) -> str | None:
    try:
        return _string.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _string_at(path: str, raw: msgspec.Raw) -> str:
    text = _text_or_none(raw)
    if text is None:
        raise WireError(f"$.data.{path}: {_shown(raw)} where a string should be")
    return text


def _int_at(slot: str, raw: msgspec.Raw) -> int:
    digits = bytes(raw)
    if not _INT.fullmatch(digits) or len(digits) > ID_DIGITS:
        what = f"a whole number of up to {ID_DIGITS} digits"
        raise WireError(f"$.data.{slot}: {_shown(raw)} where {what} should be")
    number = int(digits)
    if slot in ("E", "T") and number > TIME_MS_MAX:
        raise WireError(f"$.data.{slot}: {number} ms is beyond the year 2262")
    return number


def _side_at(slot: str, raw: msgspec.Raw) -> int:
    if bytes(raw) not in (b"true", b"false"):
        raise WireError(f"$.data.{slot}: {_shown(raw)} where true or false should be")
    return SELL if bytes(raw) == b"true" else BUY


def _decimal_at(path: str, text: str, shape: re.Pattern[str] = _DECIMAL) -> str:
    if not shape.fullmatch(text):
        raise WireError(f"$.data.{path}: {text[:40]!r} where a plain decimal should be")
    return text


def _levels_at(slot: str, raw: msgspec.Raw, depth: int) -> tuple[list[str], list[str]]:
    if not bytes(raw):
        raise WireError(f"$.data.{slot}: missing")
    try:
        levels = _levels.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"$.data.{slot}: {error}") from None
    if len(levels) > depth:
        raise WireError(f"$.data.{slot}: {len(levels)} levels in a stream of {depth}")
    prices = [_decimal_at(f"{slot}[{k}][0]", level[0]) for k, level in enumerate(levels)]
    return prices, [_decimal_at(f"{slot}[{k}][1]", level[1]) for k, level in enumerate(levels)]


def _shown(raw: msgspec.Raw) -> str:
    return bytes(raw)[:40].decode("utf-8", "replace") or "nothing"
