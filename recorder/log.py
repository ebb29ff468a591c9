"""Log lines that can be read at three in the morning: time, how bad, who, what, what to do.

    2026-11-22 03:12:44Z  WARNING  btcusdt@trade: no frame within 10 s of connecting. ...

In JSON one object a line: `ts`, `level`, `who`, `text`, and the numbers the text names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from recorder.clock import MachineClock

INFO, WARNING, ERROR = "info", "WARNING", "ERROR"


class Log:
    """Where the recorder says what happens. Counts its lines by level in `said`."""

    def __init__(
        self, write: Callable[[str], object], clock: MachineClock, as_json: bool = False
    ) -> None:
        self.said = {INFO: 0, WARNING: 0, ERROR: 0}
        self._write = write
        self._clock = clock
        self._as_json = as_json

    def say(self, who: str, text: str, **numbers: Any) -> None:
        """Something that is as it should be."""
        self._say(INFO, who, text, numbers)

    def caution(self, who: str, text: str, **numbers: Any) -> None:
        """Something to look into by day: recording goes on."""
        self._say(WARNING, who, text, numbers)

    def alarm(self, who: str, text: str, **numbers: Any) -> None:
        """Something that is not being recorded."""
        self._say(ERROR, who, text, numbers)

    def _say(self, level: str, who: str, text: str, numbers: dict[str, Any]) -> None:
        self.said[level] += 1
        now = datetime.fromtimestamp(self._clock.wall() / 1e9, UTC)
        if self._as_json:
            about = {"ts": now.isoformat(timespec="milliseconds"), "level": level.lower()}
            self._write(json.dumps(about | {"who": who, "text": text} | numbers) + "\n")
        else:
            self._write(f"{now:%Y-%m-%d %H:%M:%S}Z  {level:<7}  {who}: {text}\n")
