"""What the tests of the local exchange serve, and a client that keeps all it hears."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import websocket

START_NS = 1_767_600_000_000_000_000
TRADES, BOOKS, MARKS = "btcusdt@trade", "btcusdt@depth5@100ms", "btcusdt@markPrice@1s"
BOTH = f"/public/stream?streams={TRADES}/{BOOKS}"
CLOSE = websocket.ABNF.OPCODE_CLOSE


def trade(n: int, ms: int) -> str:
    return (
        f'{{"stream":"{TRADES}","data":{{"e":"trade","E":{START_NS // 10**6 + ms},'
        f'"T":{START_NS // 10**6 + ms - 1},"s":"BTCUSDT","t":{1000 + n},"p":"85000.10",'
        '"q":"0.003","X":"MARKET","m":true,"st":1}}'
    )


def book(n: int, ms: int) -> str:
    return (
        f'{{"stream":"{BOOKS}","data":{{"e":"depthUpdate","E":{START_NS // 10**6 + ms},'
        f'"T":{START_NS // 10**6 + ms - 2},"s":"BTCUSDT","ps":"BTCUSDT","U":{n * 10},'
        f'"u":{n * 10 + 9},"pu":{n * 10 - 1},"b":[["85000.00","{n}.500"],["84999.90","1.000"]],'
        '"a":[["85000.10","2.000"],["85000.20","0.100"]],"st":1}}'
    )


def mark(ms: int) -> str:
    return (
        f'{{"stream":"{MARKS}","data":{{"e":"markPriceUpdate","E":{START_NS // 10**6 + ms},'
        '"s":"BTCUSDT","p":"85000.00000000","T":1767628800000,"st":1}}'
    )


def market(seconds: int = 2) -> list[tuple[int, str]]:
    """(ms, frame): a trade each 20 ms, a book each 100 ms, a mark price each second."""
    frames = []
    for n in range(seconds * 50):
        if n % 5 == 0:
            frames.append((n * 20, book(n // 5, n * 20)))
        if n % 50 == 0:
            frames.append((n * 20, mark(n * 20)))
        frames.append((n * 20, trade(n, n * 20)))
    return frames


def frames_file(path: Path, frames: Iterable[tuple[int, str]]) -> Path:
    lines = (f"{START_NS + ms * 10**6} {text}\n" for ms, text in frames)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def texts(frames: Iterable[tuple[int, str]], *streams: str) -> list[str]:
    """The frames of these streams."""
    return [text for _, text in frames if text.split('"')[3] in streams]


class Client:
    """A client of `websocket-client` that answers nothing by itself but pings."""

    def __init__(self, address: str, timeout_s: float = 10.0) -> None:
        self.socket = websocket.create_connection(address, timeout=timeout_s)

    def say(self, **message: object) -> None:
        self.socket.send(json.dumps(message))

    def hear(self) -> str | int:
        """The next message; the code of a close frame."""
        opcode, frame = self.socket.recv_data_frame(control_frame=False)
        if opcode == CLOSE:
            return int.from_bytes(frame.data[:2], "big")
        return bytes(frame.data).decode()

    def to_the_end(self) -> tuple[list[str], int]:
        """All that comes, and how it ends: the code of the close frame, 1006 without one."""
        heard: list[str] = []
        while True:
            try:
                said = self.hear()
            except (websocket.WebSocketConnectionClosedException, ConnectionError):
                return heard, 1006
            if isinstance(said, int):
                return heard, said
            heard.append(said)

    def is_silent(self, for_s: float) -> bool:
        self.socket.settimeout(for_s)
        try:
            self.hear()
        except websocket.WebSocketTimeoutException:
            return True
        return False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.shutdown()
