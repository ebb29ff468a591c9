"""What a path means: the form of the frames, the streams asked for, and which of them will speak.

Since April 2026 market data is split by path. A stream that is asked for on the wrong one is
accepted all the same, and stays silent for ever.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

PUBLIC, MARKET = "public", "market"

_PATH = re.compile(r"/(?:(public|market)/)?(stream|ws)(?:/(.*))?")
_PUBLIC_KIND = re.compile(r"depth\d*|rpiDepth|bookTicker|trade")
_KIND = re.compile(
    r"depth\d*|rpiDepth|bookTicker|trade|aggTrade|markPrice|kline_\w+|continuousKline_\w+"
    r"|(mini)?[tT]icker|forceOrder|compositeIndex|contractInfo|assetIndex|tradingSession"
)


class Route(NamedTuple):
    """What a client gets on its path."""

    group: str  # PUBLIC or MARKET: the streams that speak here; the legacy paths are PUBLIC
    combined: bool  # frames in their wrapper; otherwise the inner object alone
    streams: tuple[str, ...]  # asked for in the address itself


def route_of(target: str) -> Route | None:
    """The route of a request target, `/public/stream?streams=a/b`; None when there is none."""
    address = urlsplit(target)
    found = _PATH.fullmatch(address.path.rstrip("/"))
    if found is None:
        return None
    combined, below = found[2] == "stream", found[3] or ""
    if combined and below:
        return None
    if combined:
        # Not parse_qs: in a stream's name a `+` is a plus.
        given = (part.partition("=") for part in address.query.split("&"))
        below = next((value for name, _, value in given if name == "streams"), "")
    streams = tuple(dict.fromkeys(name for name in unquote(below).split("/") if name))
    return Route(found[1] or PUBLIC, combined, streams)


def kind_of(stream: str) -> str:
    """`depth5` of `btcusdt@depth5@100ms`, `forceOrder` of `!forceOrder@arr`."""
    if stream.startswith("!"):
        return stream[1:].partition("@")[0]
    return stream.partition("@")[2].partition("@")[0]


def is_stream(name: str) -> bool:
    """Whether the exchange has streams of this kind; others it refuses by name."""
    return _KIND.fullmatch(kind_of(name)) is not None


def speaks(group: str, stream: str) -> bool:
    """Whether the frames of a stream are sent on the paths of a group."""
    return (_PUBLIC_KIND.fullmatch(kind_of(stream)) is not None) == (group == PUBLIC)
