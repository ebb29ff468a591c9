"""Seen: one market and what one variant owns, looked at as if they were one State.

Many variants of a strategy trade in one market. What the market is (book, flow, clock, features)
is computed once; what a variant owns (position, orders, account, …) it has for itself. The kernels
of the simulated exchange know nothing of that: they are compiled a second time for Seen, which
finds each field where it is. So a variant is filled by the very code that fills a single backtest,
and there is no copying to and fro.

    seen = Seen(market, trader, dealings)   # a State, a Trader and a Dealings record
    submit(seen, out)                       # any kernel that takes a State
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.core.datamodel.models import StructModel
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_builtin,
    lower_getattr_generic,
    lower_setattr_generic,
    register_model,
    type_callable,
)

from micropulse.trading import Dealings, Trader

# Where the fields of State lie that are a variant's own.
OWN = dict.fromkeys(Trader.dtype().names or (), "trader")
OWN |= dict.fromkeys(Dealings.dtype().names or (), "dealings")


class Seen:
    """A market, a trader and its dealings as one State; compiled, three pointers."""

    __slots__ = ("dealings", "market", "trader")

    def __init__(self, market: Any, trader: Any, dealings: Any) -> None:
        """Records, not copies: what is written is written to them."""
        for name, record in (("market", market), ("trader", trader), ("dealings", dealings)):
            object.__setattr__(self, name, record)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, OWN.get(name, "market")), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, OWN.get(name, "market")), name, value)


# ---- the same for numba ------------------------------------------------------------------------


class SeenType(types.Type):
    """The compiled Seen."""

    def __init__(self, market: Any, trader: Any, dealings: Any) -> None:
        self.members = {"market": market, "trader": trader, "dealings": dealings}
        super().__init__(name=f"Seen({market.name}, {trader.name}, {dealings.name})")

    def home(self, attribute: str) -> tuple[str, Any]:
        """(name, type) of the member in which a field lies."""
        name = OWN.get(attribute, "market")
        return name, self.members[name]


@register_model(SeenType)
class SeenModel(StructModel):  # type: ignore[misc]
    """Three pointers."""

    def __init__(self, manager: Any, seen: SeenType) -> None:
        super().__init__(manager, seen, list(seen.members.items()))


@type_callable(Seen)  # type: ignore[untyped-decorator]
def _type_seen(_context: Any) -> Any:
    def typer(market: Any, trader: Any, dealings: Any) -> Any:
        return SeenType(market, trader, dealings)

    return typer


@lower_builtin(Seen, types.Record, types.Record, types.Record)  # type: ignore[untyped-decorator]
def _make_seen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    seen = cgutils.create_struct_proxy(signature.return_type)(context, builder)
    seen.market, seen.trader, seen.dealings = arguments
    return seen._getvalue()


@infer_getattr
class SeenAttributes(AttributeTemplate):  # type: ignore[misc]
    """The type of a field is that of the member in which it lies."""

    key = SeenType

    def generic_resolve(self, seen: SeenType, attribute: str) -> Any:
        """None for a field that neither has."""
        _, home = seen.home(attribute)
        return home.typeof(attribute) if attribute in home.fields else None


def _member(context: Any, builder: Any, seen: SeenType, value: Any, attribute: str) -> Any:
    name, home = seen.home(attribute)
    return home, getattr(cgutils.create_struct_proxy(seen)(context, builder, value=value), name)


@lower_getattr_generic(SeenType)  # type: ignore[untyped-decorator]
def _get(context: Any, builder: Any, seen: SeenType, value: Any, attribute: str) -> Any:
    home, member = _member(context, builder, seen, value, attribute)
    return context.get_getattr(home, attribute)(context, builder, home, member, attribute)


@lower_setattr_generic(SeenType)  # type: ignore[untyped-decorator]
def _set(context: Any, builder: Any, signature: Any, arguments: Any, attribute: str) -> Any:
    seen, value_type = signature.args
    home, member = _member(context, builder, seen, arguments[0], attribute)
    typed = signature.replace(args=(home, value_type))
    return context.get_setattr(attribute, typed)(builder, (member, arguments[1]))
