"""One thing that was found in a tape."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """`what` kind, whether it is `wrong`, where (`seq`, `ts_recv` or None), and a sentence."""

    what: str
    wrong: bool
    seq: int
    ts: int | None
    text: str
