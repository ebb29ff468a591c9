"""The paths of the local exchange, and what its REST answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from binance.um_futures import UMFutures

from micropulse.instrument import KNOWN_LIMITS
from replay.server.routes import MARKET, PUBLIC, Route, route_of, speaks
from tests.served_frames import BOOKS, START_NS, Client, book, frames_file, market
from tests.server_process import running_server


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frames_file(tmp_path_factory.mktemp("served") / "market.jsonl", market())


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/stream?streams=a@trade/b@trade", Route(PUBLIC, True, ("a@trade", "b@trade"))),
        ("/public/stream?streams=a@trade", Route(PUBLIC, True, ("a@trade",))),
        ("/market/ws/a@aggTrade", Route(MARKET, False, ("a@aggTrade",))),
        ("/market/stream", Route(MARKET, True, ())),
        ("/ws", Route(PUBLIC, False, ())),
        ("/ws/", Route(PUBLIC, False, ())),
        ("/stream?streams=%21forceOrder%40arr", Route(PUBLIC, True, ("!forceOrder@arr",))),
        ("/private/ws", None),
        ("/streams", None),
        ("/", None),
    ],
)
def test_a_path_is_a_route(target: str, route: Route | None) -> None:
    assert route_of(target) == route


def test_each_kind_speaks_on_one_group_of_paths() -> None:
    public = ["depth", "depth@100ms", "depth5", "depth20@500ms", "bookTicker", "trade"]
    markets = ["aggTrade", "markPrice@1s", "kline_1m", "ticker", "miniTicker", "forceOrder"]
    assert all(speaks(PUBLIC, f"btcusdt@{kind}") for kind in [*public, "rpiDepth@500ms"])
    assert all(speaks(MARKET, f"btcusdt@{kind}") for kind in markets)
    assert not any(speaks(MARKET, f"btcusdt@{kind}") for kind in public)
    assert speaks(MARKET, "!forceOrder@arr") and speaks(PUBLIC, "!bookTicker")


def test_rest_speaks_of_the_market_before_it_starts(source: Path) -> None:
    with running_server(source) as server:
        rest = UMFutures(base_url=server.rest_url)
        assert rest.ping() == {}
        assert rest.time() == {"serverTime": START_NS // 10**6}
        depth = rest.depth("BTCUSDT", limit=5)
        assert (depth["lastUpdateId"], depth["bids"][0]) == (9, ["85000.00", "0.500"])
        (symbol,) = rest.exchange_info()["symbols"]
        rules = {rule["filterType"]: rule for rule in symbol["filters"]}
        tick, step, least, most_limit, most, notional = KNOWN_LIMITS["BTCUSDT"]
        assert rules["PRICE_FILTER"]["tickSize"] == tick
        assert [rules["LOT_SIZE"][key] for key in ("stepSize", "minQty", "maxQty")] == [
            step,
            least,
            most_limit,
        ]
        assert rules["MARKET_LOT_SIZE"]["maxQty"] == most
        assert rules["MIN_NOTIONAL"]["notional"] == notional


def test_a_recorded_snapshot_is_the_answer_until_a_later_book_has_come(tmp_path: Path) -> None:
    snapshot = '{"lastUpdateId":15,"E":1,"T":1,"bids":[["1.0","2"],["0.9","3"]],"asks":[]}'
    frames = [(0, book(0, 0)), (10, snapshot), (20, book(1, 20)), (3000, book(2, 3000))]
    with running_server(frames_file(tmp_path / "with", frames[:2]), speed=50) as server:
        ask = f"{server.rest_url}/fapi/v1/depth?symbol=BTCUSDT&limit="
        assert requests.get(ask + "1000", timeout=5).text == snapshot
        assert requests.get(ask + "1", timeout=5).json()["bids"] == [["1.0", "2"]]
        with Client(f"{server.url}/ws/{BOOKS}") as client:
            client.to_the_end()
        assert server.over.wait(5)
        assert [note for note in server.notes if note.startswith("1 frames of the source")]
    with running_server(frames_file(tmp_path / "later", frames)) as server:
        with Client(f"{server.url}/ws/{BOOKS}") as client:
            client.to_the_end()
        ask = f"{server.rest_url}/fapi/v1/depth?symbol=BTCUSDT"
        assert requests.get(ask, timeout=5).json()["lastUpdateId"] == 29


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("depth", 400, -1102),
        ("depth?symbol=DOGEUSDT", 400, -1121),
        ("depth?symbol=BTCUSDT&limit=all", 400, -4021),
        ("nothing", 404, -5000),
    ],
)
def test_a_wrong_request_is_answered_as_one(
    source: Path, path: str, status: int, code: int
) -> None:
    with running_server(source) as server:
        said = requests.get(f"{server.rest_url}/fapi/v1/{path}", timeout=5)
        assert (said.status_code, said.json()["code"]) == (status, code)
        assert requests.get(f"{server.rest_url}/elsewhere", timeout=5).status_code == 404
