"""The REST answers: the market's time, the rules of its symbols, and their books.

What the source holds is used first: a recorded depth snapshot is the answer to /depth, to the
byte, until a later partial book of the symbol has gone by, which then stands for it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from micropulse.instrument import KNOWN_DECIMALS, KNOWN_LIMITS
from replay.server.feed import MarketFrame
from replay.server.routes import kind_of

LEVELS = 500  # how many levels a side Binance shows when nobody says

_EVENT_TIME = re.compile(rb'"E":(\d+)')
_SHOWN_BOOK = re.compile(r"depth\d+")
_QUOTES = ("USDT", "USDC", "BUSD", "BTC")
# Of symbols whose rules we do not know: least quantity, largest market quantity, least notional.
_LARGEST_QTY, _LEAST_NOTIONAL = "1000", "5"


class Answer(NamedTuple):
    """An HTTP answer: its status and its JSON text."""

    status: int
    body: bytes


class Desk:
    """What REST answers are made of: the last frames of each kind, as the market goes by."""

    def __init__(self) -> None:
        self.time_ms_shift = 0  # after a jump of the clock
        self._last = b""  # the last frame that has an event time
        self._books: dict[str, MarketFrame] = {}  # symbol -> its last partial book
        self._trades: dict[str, MarketFrame] = {}
        self._snapshots: dict[str, bytes] = {}
        self._streams: dict[str, tuple[str, str]] = {}  # stream -> (symbol, what it is)

    def look_ahead(self, frame: MarketFrame) -> None:
        """Before the market starts: its first frames are what REST speaks of until they come.

        The first of each kind is kept, not the last.
        """
        if not frame.stream:
            if not self._snapshots:
                self._see_body(frame.wrapped)
            return
        symbol, kind = _meaning(frame.stream)
        places = {"book": self._books, "trade": self._trades}.get(kind)
        if places is None or symbol not in places:
            last = self._last
            self.see(frame)
            self._last = last or self._last

    def see(self, frame: MarketFrame) -> None:
        """Keep what a later answer may need of a frame."""
        if not frame.stream:
            self._see_body(frame.wrapped)
            return
        known = self._streams.get(frame.stream)
        if known is None:
            known = self._streams[frame.stream] = _meaning(frame.stream)
        symbol, kind = known
        self._last = frame.inner
        if kind == "book":
            self._books[symbol] = frame
        elif kind == "trade":
            self._trades[symbol] = frame

    def answer(self, target: str) -> Answer | None:
        """The answer to a request target; None when it is no REST path."""
        address = urlsplit(target)
        if not address.path.startswith("/fapi/"):
            return None
        given = dict(parse_qsl(address.query))
        match address.path:
            case "/fapi/v1/ping":
                return Answer(200, b"{}")
            case "/fapi/v1/time":
                return _said({"serverTime": self.time_ms})
            case "/fapi/v1/exchangeInfo":
                return _said(self._exchange_info())
            case "/fapi/v1/depth":
                return self._depth(given)
        return _error(404, -5000, f"Path {address.path}, Method GET is invalid")

    @property
    def time_ms(self) -> int:
        """The market's time: E of the frame that went by last, in ms."""
        found = _EVENT_TIME.search(self._last)
        return int(found[1]) + self.time_ms_shift if found else 0

    @property
    def symbols(self) -> list[str]:
        """The symbols whose frames went by."""
        named = {symbol: None for symbol, _ in self._streams.values() if symbol}
        return list(named)

    def _see_body(self, text: bytes) -> None:
        """A frame without a stream that is a depth snapshot is the first symbol's."""
        body = _decoded(text) if b'"lastUpdateId"' in text[:64] else {}
        if {"lastUpdateId", "bids", "asks"} <= set(body):
            self._snapshots[self.symbols[0] if self.symbols else ""] = text

    def _depth(self, given: dict[str, str]) -> Answer:
        symbol, limit = given.get("symbol", "").upper(), given.get("limit", str(LEVELS))
        if not symbol:
            missing = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            return _error(400, -1102, missing)
        if symbol not in self.symbols:
            return _error(400, -1121, "Invalid symbol.")
        if not limit.isdecimal() or not int(limit):
            return _error(400, -4021, f"{limit} is not valid depth limit")
        # A snapshot that went by before any frame named a symbol is the first symbol's.
        first = self._snapshots.get("", b"") if symbol == self.symbols[0] else b""
        snapshot = self._snapshots.get(symbol, first)
        body, book = _decoded(snapshot), _decoded(self._book_of(symbol))
        if book.get("u", -1) > body.get("lastUpdateId", -1):
            body, snapshot = _body_of(book), b""
        if not body:
            time = {"E": self.time_ms, "T": self.time_ms}
            return _said({"lastUpdateId": 0, **time, "bids": [], "asks": []})
        if snapshot and max(len(body["bids"]), len(body["asks"])) <= int(limit):
            return Answer(200, snapshot)
        return _said(body | {side: body[side][: int(limit)] for side in ("bids", "asks")})

    def _book_of(self, symbol: str) -> bytes:
        return self._books[symbol].inner if symbol in self._books else b""

    def _exchange_info(self) -> dict[str, Any]:
        return {
            "timezone": "UTC",
            "serverTime": self.time_ms,
            "futuresType": "U_MARGINED",
            "rateLimits": [],
            "exchangeFilters": [],
            "assets": [],
            "symbols": [self._rules(symbol) for symbol in self.symbols],
        }

    def _rules(self, symbol: str) -> dict[str, Any]:
        px, qty = KNOWN_DECIMALS.get(symbol) or self._digits(symbol)
        one_px, one_qty = (str(Decimal(1).scaleb(-digits)) for digits in (px, qty))
        unknown = (one_px, one_qty, one_qty, _LARGEST_QTY, _LARGEST_QTY, _LEAST_NOTIONAL)
        tick, step, least, most_limit, most, notional = KNOWN_LIMITS.get(symbol, unknown)
        quote = next((name for name in _QUOTES if symbol.endswith(name)), "")
        lot = {"minQty": least, "stepSize": step}
        return {
            "symbol": symbol,
            "pair": symbol,
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": symbol.removesuffix(quote),
            "quoteAsset": quote,
            "marginAsset": quote,
            "pricePrecision": px,
            "quantityPrecision": qty,
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick, "minPrice": tick,
                 "maxPrice": "4529764"},
                {"filterType": "LOT_SIZE", **lot, "maxQty": most_limit},
                {"filterType": "MARKET_LOT_SIZE", **lot, "maxQty": most},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MIN_NOTIONAL", "notional": notional},
            ],
        }  # fmt: skip

    def _digits(self, symbol: str) -> tuple[int, int]:
        """The digits behind the point that the symbol's last book or trade has."""
        book = _decoded(self._book_of(symbol))
        trade = _decoded(self._trades[symbol].inner if symbol in self._trades else b"")
        prices = [trade.get("p", "0"), *(px for px, _ in book.get("b", []) + book.get("a", []))]
        sizes = [trade.get("q", "0"), *(qty for _, qty in book.get("b", []) + book.get("a", []))]
        px, qty = (max(len(n.partition(".")[2]) for n in shown) for shown in (prices, sizes))
        return px, qty


def _meaning(stream: str) -> tuple[str, str]:
    kind = kind_of(stream)
    symbol = "" if stream.startswith("!") else stream.partition("@")[0].upper()
    if _SHOWN_BOOK.fullmatch(kind):
        return symbol, "book"
    return symbol, "trade" if kind == "trade" else ""


def _decoded(text: bytes) -> dict[str, Any]:
    """The object; empty when there is none: recorded frames may be broken."""
    try:
        read = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _body_of(book: dict[str, Any]) -> dict[str, Any]:
    """A depth body of a partial book."""
    return {
        "lastUpdateId": book["u"],
        "E": book.get("E"),
        "T": book.get("T"),
        "bids": book.get("b", []),
        "asks": book.get("a", []),
    }


def _said(body: dict[str, Any]) -> Answer:
    return Answer(200, msgspec.json.encode(body))


def _error(status: int, code: int, why: str) -> Answer:
    return Answer(status, msgspec.json.encode({"code": code, "msg": why}))
