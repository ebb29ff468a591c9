"""A real local exchange for tests: see replay.server.background."""

from __future__ import annotations

from replay.server.background import RunningServer, running_server

__all__ = ["RunningServer", "running_server"]
