"""Which sockets are opened for which streams, and what is said of a doubtful URL."""

from __future__ import annotations

import pytest

from recorder.rest import rest_host
from recorder.streams import STREAMS_A_SOCKET, Endpoint, StreamsError, plan

PAIR = "btcusdt@depth5@100ms/btcusdt@trade"
ROUTED = "wss://fstream.binance.com/public/stream?streams=" + PAIR


def test_streams_go_to_the_path_they_live_on() -> None:
    made = plan(["BTCUSDT"], "depth5@100ms,trade,aggTrade,markPrice@1s,!forceOrder@arr")
    assert made.endpoints == (
        Endpoint(
            "public",
            "wss://fstream.binance.com/public/stream?streams=btcusdt@depth5@100ms/btcusdt@trade",
            ("btcusdt@depth5@100ms", "btcusdt@trade"),
        ),
        Endpoint(
            "market",
            "wss://fstream.binance.com/market/stream?streams="
            "btcusdt@aggTrade/btcusdt@markPrice@1s/!forceOrder@arr",
            ("btcusdt@aggTrade", "btcusdt@markPrice@1s", "!forceOrder@arr"),
        ),
    )
    assert made.warnings == ()


@pytest.mark.parametrize(
    "url",
    [
        None,
        "wss://fstream.binance.com",
        "wss://fstream.binance.com/",
        "wss://fstream.binance.com/public",
        "wss://fstream.binance.com/public/stream",
        "wss://fstream.binance.com/market/",
        ROUTED,
    ],
)
def test_the_new_path_is_the_default(url: str | None) -> None:
    made = plan(["btcusdt"], url=url)
    assert [endpoint.url for endpoint in made.endpoints] == [ROUTED]
    assert made.symbols == ("BTCUSDT",)
    assert made.warnings == ()


@pytest.mark.parametrize("tail", ["/stream", "/stream?streams=" + PAIR])
def test_the_old_path_is_taken_with_a_warning(tail: str) -> None:
    made = plan(["BTCUSDT"], url="wss://fstream.binance.com" + tail)
    assert made.endpoints[0].url == "wss://fstream.binance.com/stream?streams=" + PAIR
    assert len(made.warnings) == 1 and "old path" in made.warnings[0]
    local = plan(["BTCUSDT"], url="ws://127.0.0.1:9" + tail)
    assert local.warnings == ()


def test_a_stream_that_the_old_path_does_not_serve_is_named() -> None:
    made = plan(["BTCUSDT"], "trade,aggTrade", "wss://fstream.binance.com/stream")
    assert any("btcusdt@aggTrade live on /market" in text for text in made.warnings)


def test_many_streams_take_several_sockets() -> None:
    symbols = [f"S{k}USDT" for k in range(STREAMS_A_SOCKET + 1)]
    made = plan(symbols, "trade")
    assert [endpoint.name for endpoint in made.endpoints] == ["public", "public-2"]
    assert sum(len(endpoint.streams) for endpoint in made.endpoints) == len(symbols)


def test_each_stream_is_asked_for_once() -> None:
    made = plan(["BTCUSDT", "btcusdt"], "trade/trade btcusdt@trade")
    assert made.endpoints[0].streams == ("btcusdt@trade",)


@pytest.mark.parametrize(
    ("symbols", "streams", "url", "why"),
    [
        ([], None, None, "No symbol"),
        (["BTC/USDT"], None, None, "no symbol"),
        (["BTCUSDT"], "ethusdt@trade", None, "add the symbol"),
        (["BTCUSDT"], "trade", ROUTED, "give one"),
        (["BTCUSDT", "ETHUSDT"], None, ROUTED, "no stream of ETHUSDT"),
        (["BTCUSDT"], None, "https://fstream.binance.com", "no WebSocket URL"),
        (["BTCUSDT"], None, "wss://fstream.binance.com/ws", "told apart"),
    ],
)
def test_what_does_not_go_together_is_refused(
    symbols: list[str], streams: str | None, url: str | None, why: str
) -> None:
    with pytest.raises(StreamsError, match=why):
        plan(symbols, streams, url)


def test_rest_is_asked_of_the_same_exchange() -> None:
    assert rest_host(ROUTED) == "https://fapi.binance.com"
    assert rest_host("wss://fstream.binancefuture.com/public") == (
        "https://testnet.binancefuture.com"
    )
    assert rest_host("ws://127.0.0.1:9000/public") == "http://127.0.0.1:9000"
