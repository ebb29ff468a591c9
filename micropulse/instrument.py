"""What one symbol looks like to the exchange: scales, tick, step and limits, all as integers.

Prices are integers of 10^-px_decimals, quantities of 10^-qty_decimals (the wire's own
digits), money of 10^-money_decimals. One price unit times one quantity unit is exactly
`notional_unit` money units, an even number, so that half a spread is whole money too.
"""

from __future__ import annotations

from decimal import Decimal

from micropulse.record import Record, i8


class Instrument(Record):
    """The integers the core needs of a symbol. Make one with `instrument()`."""

    px_scale: i8  # price units in 1 of quote
    qty_scale: i8  # quantity units in 1 of base
    notional_unit: i8  # money units in one price unit x one quantity unit
    fee_divisor: i8  # rate (1e-8) x price x quantity / this = money
    tick: i8  # price units
    step: i8  # quantity units
    min_qty: i8
    max_qty: i8  # of a limit order; 0: none known
    max_market_qty: i8
    min_notional: i8  # price units x quantity units
    band_up_e8: i8  # a buy above so many mark prices is outside the band; 0: no band is known
    band_down_e8: i8  # a sale below so many


# (px digits, qty digits): what a symbol's frames have shown; never below this.
KNOWN_DECIMALS = {"BTCUSDT": (2, 3)}

# tick, step, min qty, max qty, max market qty, min notional, as exchangeInfo said on 2026-09-30.
LIMITS_DATE = "2026-09-30"
KNOWN_LIMITS = {"BTCUSDT": ("0.10", "0.001", "0.001", "1000", "120", "50")}

# PERCENT_PRICE: multiplierUp and multiplierDown, as exchangeInfo said on LIMITS_DATE.
KNOWN_BANDS = {"BTCUSDT": ("1.05", "0.95")}


def decimals_of_money(px_decimals: int, qty_decimals: int) -> int:
    """Digits money is kept with: USDT's eight, more where price x quantity needs more."""
    return max(8, px_decimals + qty_decimals + 1)


def instrument(symbol: str, px_decimals: int, qty_decimals: int) -> tuple[Instrument, bool]:
    """The Instrument of `symbol` at these digits, and whether its limits are known.

    An unknown symbol gets one price unit as tick, one quantity unit as step and least quantity,
    no largest quantity, 5 of quote as least notional and no price band.
    """
    known = symbol in KNOWN_LIMITS
    one_px, one_qty = Decimal(1).scaleb(-px_decimals), Decimal(1).scaleb(-qty_decimals)
    unknown = (str(one_px), str(one_qty), str(one_qty), "0", "0", "5")
    tick, step, min_qty, max_qty, max_market_qty, min_notional = KNOWN_LIMITS.get(symbol, unknown)
    band_up, band_down = KNOWN_BANDS.get(symbol, ("0", "0"))
    unit = 10 ** (decimals_of_money(px_decimals, qty_decimals) - px_decimals - qty_decimals)
    made = Instrument.new(
        px_scale=10**px_decimals,
        qty_scale=10**qty_decimals,
        notional_unit=unit,
        fee_divisor=10**8 // unit,
        tick=to_units(tick, px_decimals),
        step=to_units(step, qty_decimals),
        min_qty=to_units(min_qty, qty_decimals),
        max_qty=to_units(max_qty, qty_decimals),
        max_market_qty=to_units(max_market_qty, qty_decimals),
        min_notional=to_units(min_notional, px_decimals + qty_decimals),
        band_up_e8=to_units(band_up, 8),
        band_down_e8=to_units(band_down, 8),
    )
    return made, known


def to_units(text: str | Decimal, decimals: int) -> int:
    """`'0.10'` with two decimals is 10. Raises ValueError when digits would be lost."""
    scaled = Decimal(text).scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{text} has more than {decimals} decimals; round it to what is traded")
    return int(scaled)


def to_text(units: int, decimals: int) -> str:
    """The decimal text of an integer at a scale: (6180020, 2) is '61800.20'."""
    return f"{Decimal(int(units)).scaleb(-decimals):f}"
