"""What a position is worth while it is open, and where its strategy would leave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from micropulse.account import equity


class Limits(NamedTuple):
    """Where a strategy leaves, in ticks from the entry; None where it has no such parameter."""

    tp_ticks: int | None
    sl_ticks: int | None


def limits_of(params: Mapping[str, Any]) -> Limits:
    """The take profit and stop loss of a strategy's parameters (`tp_ticks`, `sl_ticks`, wherever
    they stand); None where it has none, or where a flag beside it switches it off."""

    def find(name: str, flag: str, values: Mapping[str, Any]) -> int | None:
        if name in values:
            return int(values[name]) if values.get(flag, True) else None
        inner = [find(name, flag, value) for value in values.values() if isinstance(value, Mapping)]
        return next((found for found in inner if found is not None), None)

    rules = params.get("strategy", {})
    return Limits(find("tp_ticks", "take_profit", rules), find("sl_ticks", "stop_loss", rules))


def unrealised(state: Any) -> int:
    """What leaving at the mid would bring, before fees, in money; 0 when flat."""
    account = state.account
    if not account.qty:
        return 0
    realised = int(account.gross) - int(account.fees)
    return int(getattr(equity, "py_func", equity)(state)) - realised
