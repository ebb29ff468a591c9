"""A replay that is served by this process, for tests of the page: a minute of `sim:7`."""

from __future__ import annotations

import http.client
import json
import threading
from functools import cache
from pathlib import Path
from typing import Any

from micropulse.events import (
    Events,
    joined,
)
from micropulse.params import resolve
from micropulse.schema import MILLISECOND
from micropulse.strategy import load_strategy
from replay.backtest import Session
from replay.page.miniature import Miniature
from replay.page.player import Player
from replay.page.server import OURS, PageServer, listen
from replay.source import open_source
from tests.test_live import EAGER

MINUTE_END = 1_767_571_260_000  # ms, a minute into sim:7
START_MS = MINUTE_END - 60_000


def session(strategy: str | Path = EAGER, to_ns: int = MINUTE_END * MILLISECOND) -> Session:
    """At the beginning of a minute of the simulated market."""
    module = load_strategy(str(strategy))
    return Session(open_source("sim:7", to_ns=to_ns), module, resolve(module.Params))


@cache
def minute() -> Events:
    """All events of the minute."""
    return joined(list(session().source))


class Served:
    """A replay that is served by this process."""

    def __init__(self, report: Path | None = None) -> None:
        self.miniature = Miniature(session, lambda: None)
        self.miniature.make()
        self.player = Player(session, self.miniature, 1.0)
        made = listen(0)
        self.port = made.getsockname()[1]
        self.server = PageServer(made, {"BTCUSDT": self.player.channel}, self.control, report)
        threading.Thread(target=self.player.loop, daemon=True).start()

    def control(self, query: dict[str, str]) -> dict[str, Any]:
        return self.player.control(query)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, headers=named)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def do(self, **query: object) -> dict[str, Any]:
        words = "&".join(f"{name}={value}" for name, value in query.items())
        status, body, _ = self.ask(f"/control?{words}", **{OURS: "1"})
        assert status == 200, body
        said: dict[str, Any] = json.loads(body)
        return said

    def shown(self) -> dict[str, Any]:
        """What a viewer that comes now is told."""
        viewer = self.player.channel.come()
        assert viewer is not None
        message = viewer.queue.get(timeout=5)
        self.player.channel.go(viewer)
        assert message is not None
        said: dict[str, Any] = json.loads(message)
        return said
