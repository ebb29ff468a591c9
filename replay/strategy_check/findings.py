"""One thing that was found about a strategy."""

from __future__ import annotations

from typing import Any, NamedTuple


class Finding(NamedTuple):
    """`what` kind, whether it is `wrong` (else a note), `where` it shows, what it `means`, what
    `to_do`. `seq` is the event, where there is one."""

    what: str
    wrong: bool
    where: str
    means: str
    to_do: str
    seq: int | None = None

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return self._asdict()
