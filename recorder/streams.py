"""Which streams are wanted, on which path of the exchange they live, and the URLs to connect to.

Since 2026-04-23 Binance splits market data by path: books and trades live on `/public`, all else
on `/market`. A stream asked for on the wrong path is acknowledged and then silent for ever.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

EXCHANGE = "wss://fstream.binance.com"
STREAMS = "depth5@100ms,trade"
PUBLIC, MARKET = "public", "market"
STREAMS_A_SOCKET = 200  # the exchange allows 1,024; a URL of so many stays below 8 kB
MOVED = ("fstream.binance.com",)  # hosts where the path without a route is being given up

_LIVE_ON_PUBLIC = re.compile(r"depth(\d+)?(@\d+ms)?|rpiDepth(@\d+ms)?|bookTicker|trade", re.ASCII)
_SYMBOL = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_STREAM = re.compile(r"!?[A-Za-z0-9_@!]{1,128}", re.ASCII)

# Streams that speak when something happens, which can take hours; the others are expected to.
_RARE = re.compile(r"forceOrder|contractInfo|tradingSession", re.ASCII)


class StreamsError(Exception):
    """Symbols, streams and a URL that do not go together."""


class Endpoint(NamedTuple):
    """One socket to hold open."""

    name: str  # for people: public, market, public-2
    url: str
    streams: tuple[str, ...]


class Plan(NamedTuple):
    """What to connect to, and what to tell the user of it."""

    symbols: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    warnings: tuple[str, ...]


def plan(symbols: list[str], streams: str | None = None, url: str | None = None) -> Plan:
    """The sockets for these symbols. Raises StreamsError.

    `streams` are applied to each symbol (`depth5@100ms,trade`), or are whole names
    (`btcusdt@aggTrade`, `!forceOrder@arr`). `url` may be the exchange's host, a path of it, or a
    whole URL with `?streams=`, which is then used as it is.
    """
    wanted = tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
    for symbol in wanted:
        if not _SYMBOL.fullmatch(symbol):
            raise StreamsError(f"{symbol!r} is no symbol: they look like BTCUSDT.")
    if not wanted:
        raise StreamsError("No symbol is given: name one, as in BTCUSDT.")
    parts = urlsplit(url or EXCHANGE)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise StreamsError(f"{url!r} is no WebSocket URL: they look like {EXCHANGE}/public.")
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    if path.split("/")[-1] == "ws" or "/ws/" in path:
        raise StreamsError(
            f"{url} gives frames without the name of their stream: they could not be told apart. "
            f"Use {base}{path.partition('/ws')[0]}/stream."
        )
    if "streams" in parse_qs(parts.query):
        if streams is not None:
            raise StreamsError("Both --streams and the URL's ?streams= name streams: give one.")
        return _as_given(wanted, url or EXCHANGE)
    names = stream_names(wanted, streams or STREAMS)
    head, _, last = path.rpartition("/")
    routed = path if last != "stream" else head  # with a route, or none
    unrouted = last == "stream" and not routed.endswith((f"/{PUBLIC}", f"/{MARKET}"))
    if unrouted:
        endpoints = _endpoints("stream", f"{base}{routed}/stream", names)
    else:
        for route in (PUBLIC, MARKET):
            routed = routed.removesuffix(f"/{route}")
        endpoints = tuple(
            endpoint
            for route in (PUBLIC, MARKET)
            for endpoint in _endpoints(
                route, f"{base}{routed}/{route}/stream", [n for n in names if route_of(n) == route]
            )
        )
    return Plan(wanted, endpoints, tuple(_warnings(endpoints)))


def _as_given(symbols: tuple[str, ...], url: str) -> Plan:
    names = tuple(dict.fromkeys(parse_qs(urlsplit(url).query)["streams"][0].split("/")))
    named = {symbol_of(name) for name in names}
    if missing := [symbol for symbol in symbols if symbol not in named]:
        raise StreamsError(
            f"The URL names no stream of {', '.join(missing)}: nothing of it would be recorded. "
            "Add its streams to the URL, or leave ?streams= out."
        )
    path = urlsplit(url).path
    route = next((route for route in (PUBLIC, MARKET) if f"/{route}/" in path), "stream")
    endpoints = (Endpoint(route, url, names),)
    strays = [name for name in names if symbol_of(name) not in symbols]
    said = [f"{name}: none of the symbols' tapes takes it: kept in _session." for name in strays]
    return Plan(symbols, endpoints, (*_warnings(endpoints), *said))


def stream_names(symbols: tuple[str, ...], streams: str) -> list[str]:
    """The exchange's names of the streams: each once, in the order given. Raises StreamsError."""
    names: dict[str, None] = {}
    for word in re.split(r"[,/\s]+", streams.strip()):
        if not _STREAM.fullmatch(word):
            raise StreamsError(f"{word!r} is no stream: they look like depth5@100ms, or trade.")
        symbol, at, rest = word.partition("@")
        if word.startswith("!"):
            names[word] = None
        elif at and symbol.upper() in symbols:
            names[f"{symbol.lower()}@{rest}"] = None
        elif at and not re.match(r"\d+(ms|s)$", rest):
            raise StreamsError(
                f"{word} belongs to {symbol.upper()}, which is not recorded: add the symbol."
            )
        else:
            names |= dict.fromkeys(f"{symbol.lower()}@{word}" for symbol in symbols)
    return list(names)


def route_of(stream: str) -> str:
    """`public` or `market`: the path a stream lives on. `!bookTicker` is on public, too."""
    kind = stream.lstrip("!") if stream.startswith("!") else stream.partition("@")[2]
    return PUBLIC if _LIVE_ON_PUBLIC.fullmatch(kind) else MARKET


def symbol_of(stream: str) -> str:
    """BTCUSDT of `btcusdt@trade`; empty for a stream of the whole market."""
    return "" if stream.startswith("!") else stream.partition("@")[0].upper()


def is_rare(stream: str) -> bool:
    """Whether hours of silence are ordinary for it."""
    return bool(_RARE.search(stream))


def _endpoints(name: str, url: str, streams: list[str]) -> tuple[Endpoint, ...]:
    parts = [streams[k : k + STREAMS_A_SOCKET] for k in range(0, len(streams), STREAMS_A_SOCKET)]
    return tuple(
        Endpoint(f"{name}-{k}" if k > 1 else name, f"{url}?streams={'/'.join(part)}", tuple(part))
        for k, part in enumerate(parts, 1)
    )


def _warnings(endpoints: tuple[Endpoint, ...]) -> list[str]:
    said = []
    for name, url, streams in endpoints:
        route = name.partition("-")[0]
        strays = [s for s in streams if route_of(s) != (route if route == MARKET else PUBLIC)]
        if route == "stream" and urlsplit(url).hostname in MOVED:
            said.append(
                f"{url.partition('?')[0]} is the exchange's old path: it serves books and trades "
                f"only, and is announced to go away. {EXCHANGE}/{PUBLIC} is the new one."
            )
        if strays and (route != "stream" or urlsplit(url).hostname in MOVED):
            lives = MARKET if route != MARKET else PUBLIC
            said.append(
                f"{', '.join(strays)} live on /{lives}: asked for on this path the exchange "
                "acknowledges them and then says nothing. Leave ?streams= out of the URL, and each "
                "goes to its own path."
            )
    return said
