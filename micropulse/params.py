"""Parameters: one TOML with [features], [strategy] and [execution], `--set`, and their defaults.

Records declare the fields and defaults once; here they become msgspec Structs, which refuse what
they do not know and name the path: "Object contains unknown field `tp_tick` - at `$.exit`".
"""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import msgspec

from micropulse.fees import FEES
from micropulse.instrument import to_units
from micropulse.record import Between, Record
from micropulse.schema import MILLISECOND
from micropulse.settings import ExecutionSettings, FeatureSettings

SECTIONS = ("features", "strategy", "execution")
LATENCY_MS = {"tokyo": 10, "home": 100}
FUNDING_RATE_MAX_E8 = 10**7  # 10 %; the largest that Binance has charged are some percent
JITTER_MS_MAX = 4_000  # so that a draw times it stays within 64 bits
QUEUES = ("pessimistic", "proportional")


class ParamsError(Exception):
    """A parameter that is not known, or has a value it cannot have."""


class Execution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section [execution], as people write it; decimals as text or numbers."""

    latency: str | float = "home"  # tokyo (10 ms), home (100 ms), or milliseconds
    jitter: float = 0.0  # milliseconds: each request is late by a draw from 0 to this
    seed: int = 1  # of the draws
    tape_jitter: bool = False  # add the receive delay of the moment above its minimum of 60 s
    response: float = 0.0  # milliseconds until the strategy learns what became of an order
    tier: str = "vip0"  # whose fees are paid, where no number is given
    taker_fee: str | float = "tier"
    maker_fee: str | float = "tier"
    queue: str = "pessimistic"  # or proportional: what a level that shrinks takes from before us
    funding_rate: str | float = "recorded"  # or what stands in where none was recorded
    order_qty: str | float = "smallest"  # that the exchange takes at the moment, or base units


class Settings(NamedTuple):
    """Resolved parameters: a Struct a section."""

    features: Any
    strategy: Any
    execution: Execution

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they go into run.json and back into a TOML."""
        return {name: msgspec.to_builtins(part) for name, part in self._asdict().items()}


def resolve(
    params: type[Record], file: Path | None = None, sets: list[str] | None = None
) -> Settings:
    """Defaults, then the file, then `--set`. Raises ParamsError with the path of the datum."""
    given: dict[str, Any] = {name: {} for name in SECTIONS}
    if file is not None:
        given |= _read(file)
    for text in sets or []:
        _apply(given, text)
    return settings_of(params, given)


def settings_of(params: type[Record], given: dict[str, Any]) -> Settings:
    """The Settings of a dict of sections, as `as_dict` gives it. Raises ParamsError."""
    shapes = {
        "features": struct_of(FeatureSettings),
        "strategy": struct_of(params),
        "execution": Execution,
    }
    parts = {name: _convert(name, given[name], shapes[name]) for name in SECTIONS}
    return Settings(**parts)


def struct_of(record: type[Record]) -> type[msgspec.Struct]:
    """A frozen Struct with the fields and defaults of a Record, nested ones included."""
    if record in _structs:
        return _structs[record]
    fields: list[Any] = []
    for name, annotated in get_type_hints(record, include_extras=True).items():
        hint, *extras = get_args(annotated) or (annotated,)
        if isinstance(hint, type) and issubclass(hint, Record):
            nested = struct_of(hint)
            fields.append((name, nested, msgspec.field(default_factory=nested)))
        elif hint in (int, float, bool):
            ranges = [msgspec.Meta(ge=b.least, le=b.most) for b in extras if isinstance(b, Between)]
            kind = Annotated[hint, ranges[0]] if ranges else hint
            fields.append((name, kind, getattr(record, name, hint())))
        else:
            raise ParamsError(
                f"{record.__name__}.{name} cannot be a parameter: parameters are i8, f8, flag and "
                "Records of them."
            )
    _structs[record] = msgspec.defstruct(
        record.__name__, fields, frozen=True, forbid_unknown_fields=True
    )
    return _structs[record]


_structs: dict[type[Record], type[msgspec.Struct]] = {}  # one takes a millisecond to make


def write_record(part: Any, record: Any) -> None:
    """Copy a Struct into a record of the same shape."""
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, msgspec.Struct):
            write_record(value, record[name])
        else:
            try:
                record[name] = value
            except OverflowError:
                raise ParamsError(f"{name} is {value}, which is more than 64 bits hold.") from None


def execution_record(execution: Execution, qty_decimals: int) -> ExecutionSettings:
    """[execution] in the core's integers. Raises ParamsError for what cannot be."""
    latency = execution.latency
    if isinstance(latency, str) and latency not in LATENCY_MS:
        raise ParamsError(
            f"execution.latency is {latency!r}; it is one of {', '.join(LATENCY_MS)}, or a number "
            "of milliseconds."
        )
    latency_ms = LATENCY_MS[latency] if isinstance(latency, str) else latency
    if not 0 <= latency_ms <= 60_000:
        raise ParamsError(f"execution.latency is {latency_ms} ms; it is from 0 to 60000.")
    _in_range("jitter", execution.jitter, JITTER_MS_MAX)
    _in_range("response", execution.response, 60_000)
    _in_range("seed", execution.seed, 2**53)
    if execution.queue not in QUEUES:
        raise ParamsError(
            f"execution.queue is {execution.queue!r}; it is one of {', '.join(QUEUES)}."
        )
    given = execution.funding_rate != "recorded"
    rate = _units("funding_rate", execution.funding_rate, 8) if given else 0
    if abs(rate) > FUNDING_RATE_MAX_E8:
        raise ParamsError('execution.funding_rate is a share from -0.1 to 0.1, or "recorded".')
    maker_fee_e8, taker_fee_e8 = fees_e8(execution)
    return ExecutionSettings.new(
        latency_ns=round(latency_ms * MILLISECOND),
        jitter_ns=round(execution.jitter * MILLISECOND),
        seed=execution.seed,
        tape_jitter=execution.tape_jitter,
        response_ns=round(execution.response * MILLISECOND),
        taker_fee_e8=taker_fee_e8,
        maker_fee_e8=maker_fee_e8,
        proportional=execution.queue == "proportional",
        funding_given=given,
        funding_rate_e8=rate,
        order_qty=0
        if execution.order_qty == "smallest"
        else _units("order_qty", execution.order_qty, qty_decimals),
    )


def _in_range(name: str, value: float, most: int) -> None:
    if not 0 <= value <= most:
        raise ParamsError(f"execution.{name} is {value}; it is from 0 to {most}.")


def fees_e8(execution: Execution) -> tuple[int, int]:
    """Maker's and taker's fee in 1e-8: of the tier, or the numbers given. Raises ParamsError."""
    if execution.tier not in FEES:
        raise ParamsError(f"execution.tier is {execution.tier!r}; it is one of {', '.join(FEES)}.")
    of_tier = FEES[execution.tier]
    given = (execution.maker_fee, execution.taker_fee)
    names = ("maker_fee", "taker_fee")
    maker, taker = (
        _units(name, tier if value == "tier" else value, 8)
        for name, tier, value in zip(names, of_tier, given, strict=True)
    )
    if not 0 < taker <= 10**6:
        raise ParamsError(
            "execution.taker_fee is a share from 0 to 0.01, and never 0: fees are paid."
        )
    if not 0 <= maker <= 10**6:
        raise ParamsError("execution.maker_fee is a share from 0 to 0.01; there are no rebates.")
    return maker, taker


def check_features(features: Any) -> None:
    """Raise ParamsError for values no window or wall can have."""
    rules = {
        "spike_window_ms": 0 < features.spike_window_ms <= 600_000,
        "spike_signal": features.spike_signal > 0,
        "wall_k": features.wall_k >= 0,
        "wall_floor": 0 <= features.wall_floor <= 10**9,
        "wall_min_age_ms": 0 <= features.wall_min_age_ms <= 3_600_000,
        "wall_gone_share": 0 < features.wall_gone_share <= 1,
    }
    for name, holds in rules.items():
        if not holds:
            raise ParamsError(
                f"features.{name} is {getattr(features, name)}, which it cannot be; see "
                "docs/features.md for what it means."
            )


def _read(file: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"There is no file {file}. Check the path of --params.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParamsError(f"{file} is no TOML: {error}. Mend the line it names.") from None
    unknown = sorted(set(given) - set(SECTIONS))
    if unknown:
        raise ParamsError(
            f"{file}: unknown section [{unknown[0]}]. The sections are [features], [strategy] and "
            "[execution]."
        )
    return given


def _apply(given: dict[str, Any], text: str) -> None:
    """`exit.tp_ticks=12` is strategy.exit.tp_ticks; a section may be named first."""
    path, equals, value = text.partition("=")
    names = path.strip().split(".")
    if not equals or not all(names):
        raise ParamsError(f"--set {text!r} is no NAME=VALUE, as in --set exit.tp_ticks=12.")
    if names[0] not in SECTIONS:
        names.insert(0, "strategy")
    place = given
    for name in names[:-1]:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise ParamsError(f"--set {text!r}: {name} is a value, not a section.")
    try:
        place[names[-1]] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        place[names[-1]] = value


def _convert(section: str, given: Any, shape: Any) -> Any:
    try:
        return msgspec.convert(given, shape)
    except msgspec.ValidationError as error:
        known = ", ".join(get_args(shape) or shape.__struct_fields__)
        raise ParamsError(f"[{section}] {error}. It has: {known}.") from None


def _units(name: str, value: str | float, decimals: int) -> int:
    try:
        return to_units(Decimal(str(value)), decimals)
    except (InvalidOperation, ValueError) as error:
        raise ParamsError(f"execution.{name} is {value!r}: {error}.") from None
