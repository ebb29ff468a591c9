"""`micropulse serve`: an exchange that runs until it is told to stop, and says what it does."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from replay.server.exchange import Exchange
from replay.server.script import read_script
from replay.source_frames import frames_of

Say = Callable[[str], None]


class Listen(NamedTuple):
    """What the command line says about the exchange."""

    host: str
    port: int  # 0 is any free one
    speed: float | None  # None: as fast as clients read
    faults: Path | None  # a fault script
    loop: bool


def serve_until_stopped(
    source: str,
    part: tuple[str | None, int | None, int | None],
    listen: Listen,
    say: Say,
    data: Say | None,
) -> None:
    """Serve a source until SIGTERM, or Ctrl-C, which is raised.

    `part` of it is a symbol (None: all), and receive times from and to, in ns. `say` gets sentences
    for people; `data`, when there is one, a line of JSON for each thing that happens. Raises
    SourceError, ScriptError, ServeError.
    """
    script = read_script(listen.faults) if listen.faults else []
    batches = frames_of(source, *part)

    def tell(event: str, told: dict[str, Any], sentence: str) -> None:
        if data is not None:
            data(json.dumps({"event": event, **told}))
        else:
            say(sentence)

    async def run() -> None:
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        exchange = Exchange(
            batches,
            symbol=part[0],
            speed=listen.speed,
            script=script,
            loop=listen.loop,
            host=listen.host,
            port=listen.port,
            report=lambda entry: tell("fault", entry, f"fault: {json.dumps(entry)}"),
            note=lambda text: tell("note", {"text": text}, f"note: {text}"),
        )
        async with exchange:
            at = {"url": exchange.url, "rest_url": exchange.rest_url}
            tell(
                "listening",
                at,
                f"{source} is served at {exchange.url}, REST at {exchange.rest_url}. Its time "
                "starts at the first subscription. Ctrl-C ends it.",
            )
            over = asyncio.create_task(exchange.over.wait())
            end = asyncio.create_task(stopped.wait())
            await asyncio.wait((over, end), return_when=asyncio.FIRST_COMPLETED)
            if exchange.failed is not None:
                return  # leaving the exchange raises it
            if exchange.over.is_set():
                said = f"The market is over: {exchange.frames:,} frames. Ctrl-C ends its REST, too."
                tell("over", {"frames": exchange.frames}, said)
            await end
            over.cancel()

    asyncio.run(run())
