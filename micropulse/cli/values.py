"""What people write behind an option -> what the program needs; mistakes are usage errors."""

from __future__ import annotations

import typer


def time_ns(option: str, text: str | None) -> int | None:
    """ISO time -> ns; UTC where it names no zone."""
    if text is None:
        return None
    from datetime import UTC, datetime, timedelta

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no ISO time, as in 2026-11-22T18:43:42.5Z", param_hint=option
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(microseconds=1)) * 1_000


def sample_every(text: str) -> int:
    """`event` is 0, `depth` is -1, `100ms` and `1s` are ns: what Core calls `sample_every`."""
    if text in ("event", "depth"):
        return 0 if text == "event" else -1
    for unit, ns in (("ms", 1_000_000), ("s", 1_000_000_000)):
        number = text.removesuffix(unit)
        if number != text and number.isdigit() and int(number) > 0:
            return int(number) * ns
    raise typer.BadParameter(
        f"{text!r} is not event, depth, or a time as in 100ms", param_hint="--every"
    )


def speed_factor(text: str) -> float:
    """`2.5` is two and a half times as fast as it was recorded."""
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise typer.BadParameter(
            f"{text!r} is neither max nor a number above 0", param_hint="--speed"
        )
    return speed


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def duration_s(option: str, text: str) -> float:
    """`90s`, `30m`, `8h`, `1.5d` in seconds."""
    return _with_unit(option, text, _SECONDS, "a time as in 90s, 30m, 8h or 2d")


def size_bytes(option: str, text: str) -> int:
    """`500MB`, `1GiB` in bytes."""
    return int(_with_unit(option, text, _BYTES, "a size as in 500MB or 1GiB"))


def _with_unit(option: str, text: str, units: dict[str, int], what: str) -> float:
    number = text.rstrip("BKMGTibkdhms")
    try:
        value = float(number) * units[text[len(number) :].strip()]
    except (ValueError, KeyError):
        value = -1.0
    if not 0 <= value < float("inf"):
        raise typer.BadParameter(f"{text!r} is not {what}", param_hint=option)
    return value
