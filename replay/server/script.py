"""A fault script: TOML -> what is to go wrong, and when. Every mistake in it is said by name.

    [[fault]]
    kind = "drop"
    at = 12.5                     # seconds of market time after the first subscription
    count = 3
    stream = "btcusdt@trade"

What each kind does, and what a recorder sees of it: docs/serve.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WHEN = ("at", "at_frame")
_WHICH = (*_WHEN, "for_s", "count", "stream", "every", "share", "seed")

# kind -> (keys it must have, keys it may have)
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "drop": ((), _WHICH),
    "duplicate": ((), _WHICH),
    "reorder": ((), _WHICH),
    "delay": (("seconds",), _WHICH),
    "garbage": ((), _WHICH),
    "half": ((), _WHICH),
    "huge": (("bytes",), _WHICH),
    "silence": (("stream",), (*_WHEN, "for_s")),
    "stall": (("for_s",), _WHEN),
    "close": (("code",), _WHEN),
    "cut": ((), _WHEN),
    "refuse": ((), (*_WHEN, "for_s", "count")),
    "slow": (("for_s", "bytes", "seconds"), _WHEN),
    "clock_jump": (("ms",), (*_WHEN, "for_s")),
}
ON_FRAMES = ("drop", "duplicate", "reorder", "delay", "garbage", "half", "huge")

_NUMBERS = ("at", "for_s", "share", "seconds")  # fractions may be; the rest are whole
HUGE_BYTES_MIN, HUGE_BYTES_MAX = 256, 256 * 1024 * 1024


class ScriptError(Exception):
    """A fault script that cannot be read, or asks for what there is not."""


@dataclass(frozen=True)
class Fault:
    """One table of the script. Times are seconds of market time."""

    table: int  # which table of the file it is, from 1
    kind: str
    at: float = 0.0
    at_frame: int = -1  # instead of `at`: the number of a frame of the market, from 0
    for_s: float = float("inf")
    count: int = -1  # how many frames or connections are hit at most; -1: no such limit
    stream: str = ""  # only frames of this stream; empty: of any
    every: int = 1  # each n-th of the frames that fit
    share: float = 1.0  # of the frames that fit
    seed: int = 0  # of the chance behind `share`
    seconds: float = 0.0  # delay: how late; slow: the pause between two pieces (real time)
    code: int = 0  # of the close frame
    bytes: int = 0  # huge: of the frame; slow: of one piece
    ms: int = 0  # clock_jump: by how much, forward or back


def read_script(path: str | Path) -> list[Fault]:
    """The faults of a script, in its order. Raises ScriptError."""
    try:
        with Path(path).open("rb") as file:
            read = tomllib.load(file)
    except OSError as error:
        raise ScriptError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path} is no TOML: {error}.") from None
    strange = sorted(set(read) - {"fault"})
    tables = read.get("fault", [])
    if strange or not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        what = f"has {strange[0]!r}" if strange else "has a `fault` that is no list of tables"
        raise ScriptError(f"{path} {what}. A fault script holds [[fault]] tables, nothing else.")
    return [_fault(table, number, f"{path}") for number, table in enumerate(tables, 1)]


def _fault(table: dict[str, Any], number: int, path: str) -> Fault:
    where = f"{path}, [[fault]] number {number}"
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        said = "has no `kind`" if kind is None else f"has the kind {kind!r}, which there is not"
        raise ScriptError(f"{where} {said}. There are {', '.join(KINDS)}.")
    must, may = KINDS[kind]
    for key in table:
        if key != "kind" and key not in (*must, *may):
            known = ", ".join((*must, *may))
            raise ScriptError(f"{where} ({kind}): it has no key `{key}`. It may have {known}.")
    for key in must:
        if key not in table:
            raise ScriptError(f"{where} ({kind}): the key `{key}` is missing.")
    given = {key: value for key, value in table.items() if key != "kind"}
    for key, value in given.items():
        why = _wrong(key, value, kind)
        if why:
            raise ScriptError(f"{where} ({kind}): `{key}` is {value!r}; {why}.")
    if "at" in given and "at_frame" in given:
        raise ScriptError(f"{where} ({kind}): `at` and `at_frame` both say when. Keep one.")
    if kind == "refuse" and not {"for_s", "count"} & set(given):
        raise ScriptError(f"{where} (refuse): say how long: `for_s`, or `count` of connections.")
    if kind in ON_FRAMES and not {"for_s", "count", "every", "share"} & set(given):
        given["count"] = 1
    return Fault(number, kind, **given)


def _wrong(key: str, value: object, kind: str) -> str:
    """What a value should be; empty when it is."""
    if key == "stream":
        return "" if isinstance(value, str) and value else "it is a stream's name, as in the frames"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "it is a number"
    if key not in _NUMBERS and not isinstance(value, int):
        return "it is a whole number"
    if key == "share" and not 0.0 < value <= 1.0:
        return "it is above 0 and at most 1"
    if key in ("count", "every", "for_s", "seconds") and not 0 < value < float("inf"):
        return "it is above 0"
    if key in ("at", "at_frame", "seed") and not 0 <= value < float("inf"):
        return "it is 0 or more"
    if key == "bytes" and kind == "huge" and not HUGE_BYTES_MIN <= value <= HUGE_BYTES_MAX:
        return f"a frame has {HUGE_BYTES_MIN} to {HUGE_BYTES_MAX:,} bytes"
    if key == "bytes" and value < 1:
        return "a piece has at least 1 byte"
    if key == "code" and not _may_be_sent(int(value)):
        return "a close frame holds 1000-1003, 1007-1014 or 3000-4999 (1006 is `cut`)"
    return ""


def _may_be_sent(code: int) -> bool:
    return code in (*range(1000, 1004), *range(1007, 1015)) or 3000 <= code <= 4999
