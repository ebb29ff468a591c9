"""`micropulse replay --page`: a recording on a page, until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from replay.backtest import Session
from replay.page.miniature import Miniature
from replay.page.player import SPEED_MOST, Player
from replay.page.server import PageServer


def replay_on_page(
    opened: Callable[[], Session],
    made: socket.socket,
    speed: float | None,
    report: Path | None = None,
) -> None:
    """Serve a recording until Ctrl-C. `opened` makes a session at its beginning, each time;
    without a speed it goes as fast as a page can."""
    players: list[Player] = []
    miniature = Miniature(opened, lambda: players[0].channel.say(miniature=miniature.said))
    player = Player(
        opened,
        miniature,
        min(SPEED_MOST, speed or SPEED_MOST),
        report is not None and report.exists(),
    )
    players.append(player)
    symbol = str(player.channel.hello["symbol"])
    server = PageServer(made, {symbol: player.channel}, player.control, report)
    try:
        miniature.start()
        player.loop()
    finally:
        server.close()
