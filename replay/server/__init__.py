"""A local Binance over a recording: its sockets, its REST, its pace, and its faults on request.

    script = read_script("faults.toml")
    async with Exchange(frames_of("night.gz"), speed=10.0, script=script) as exchange:
        await exchange.over.wait()

What a path means (routes.py), what a client may say (subscriptions.py), frames with their streams
(feed.py), when they are sent (market.py) and to whom (floor.py, line.py), what goes wrong
(script.py, faults.py), what REST answers (rest.py), all on one port (exchange.py). For users:
docs/serve.md.
"""

from __future__ import annotations

from replay.server.exchange import Exchange, ServeError
from replay.server.script import Fault, ScriptError, read_script
from replay.server.until_stopped import Listen, serve_until_stopped
from replay.source_frames import frames_of

__all__ = [
    "Exchange",
    "Fault",
    "Listen",
    "ScriptError",
    "ServeError",
    "frames_of",
    "read_script",
    "serve_until_stopped",
]
