"""Names and forms of the figures, the same on the page and on the terminal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

THESE_DAYS = "these days only"

# key -> name, unit, meaning
HEADLINE = {
    "net": ("net", "money", "gross − fees of the round trips"),
    "gross": ("gross", "money", "before fees; slippage is already in it"),
    "fees": ("fees", "money", "of the round trips"),
    "slippage": ("slippage", "money", "lost against the mid at the decision"),
    "trades": ("round trips", "", "from flat to flat"),
    "hit_rate": ("hit rate", "%", "round trips with a net above zero"),
    "profit_factor": ("profit factor", "×", "what winners made / what losers lost"),
    "expectancy": ("a trade, net", "money", "mean net of a round trip"),
    "expectancy_ticks": ("a trade, ticks", "ticks", "mean net in ticks of the quantity"),
    "expectancy_bps": ("a trade, bps", "bps", "mean net in basis points of what was paid"),
    "max_drawdown": ("max drawdown", "money", "deepest fall of the sum of net, trade by trade"),
    "exposure": ("exposure", "%", "share of the time in a position"),
    "fees_of_gross": (
        "fees of gross",
        "×",
        "fees / what the mids at the decisions would pay",
    ),
    "slippage_of_gross": ("slippage of gross", "×", "slippage / the same"),
    "sharpe": ("Sharpe, a year", "", "daily net, mean / deviation × √365"),
}

COLUMNS = {
    "trades": "trades",
    "hit_rate": "hit rate",
    "net": "net",
    "ticks_per_trade": "ticks a trade",
    "median_hold_s": "median hold",
}

UNITS = {"ticks": " ticks", "bps": " bps", "s": " s", "ms": " ms", "": "", "money": "", "×": " ×"}


def shown(value: Any, unit: str) -> str:
    """A figure for people; `—` where it is undefined."""
    if value is None:
        return "—"
    if unit == "money":
        return money(value)
    if isinstance(value, str):
        return value
    if unit == "%":
        return f"{round(100 * value, 1) + 0.0:.1f} %"  # + 0.0: no "-0.0"
    digits = 0 if isinstance(value, int) or abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    if 0 < abs(value) < 0.01:
        return f"{value:.2g}{UNITS[unit]}"
    if unit in ("", "s") and float(value).is_integer():
        digits = 0
    return f"{value:,.{digits}f}{UNITS[unit]}"


def money(value: Any) -> str:
    """Decimal text or a number with four digits behind the point, all of them where it is small."""
    amount = Decimal(str(value))
    if 0 < abs(amount) < Decimal("0.01"):
        return f"{amount.normalize():f}"
    return f"{amount:,.4f}"


def bounds(figure: dict[str, Any], unit: str) -> str:
    """The interval, with what it covers; or why there is none."""
    if figure["low"] is None and figure["high"] is None:
        return "undefined" if figure["value"] is None else "too few for an interval"
    low, high = (shown(figure[end], unit) for end in ("low", "high"))
    return f"{low} … {'∞' if figure['high'] is None else high}"


def plain(card: dict[str, Any]) -> list[tuple[str, str]]:
    """The run card as (name, text)."""
    source = card["source"]
    events = card["events"]
    rows = [
        ("symbol", card["symbol"]),
        ("strategy", f"{card['strategy']['name']}, sha256 {card['strategy']['sha256']}"),
        ("made by", f"{card['kind']}, micropulse {card['versions']['micropulse']}, code "
                    f"{card['code']}, {card['versions']['with']}, {card['platform']}"),
        ("source", source["name"]),
        ("source sha256", source.get("sha256", "none: it is made from its seed")),
        ("events", ", ".join(f"{n:,} {name}" for name, n in events.items())),
        ("oddities", _odd(card["odd"])),
        ("gaps", f"{len(card['gaps'])}" if card["gaps"] else "none"),
        ("fee", f"taker {card['taker_fee']}, maker {card['maker_fee']} of the notional"),
        ("latency", _latency(card["latency"])),
        ("funding", card["funding"]),
        ("exchange limits", f"as of {card['limits']}"),
        ("market seed", card["market_seed"] or "none: it was recorded"),
        ("variants tried", "unknown" if card["variants_tried"] is None
                           else f"{card['variants_tried']:,} on this data"),
        ("digest", card["digest"]),
        ("input digest", card["input_digest"]),
    ]  # fmt: skip
    return rows + [("problem", text) for text in card["problems"]]


def duration(ns: int) -> str:
    """As in 2.5 s, 3 min 20 s, 4 h 10 min."""
    seconds = ns / 1e9
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _odd(odd: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in odd.items()) or "none"


def _latency(latency: Any) -> str:
    return f"{latency} ms" if isinstance(latency, int | float) else str(latency)
