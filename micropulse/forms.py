"""The documented forms of the wire: which keys a frame had, and when."""

from __future__ import annotations

import re

from micropulse.layout import describe
from micropulse.reading import Reading

# Sets of keys that have been documented, the newest first: `ap` came in March 2026, `st` in June.
FORMS = ("2026", "2026-03", "2024")

_DIGITS = re.compile(r"(?:(?<=<[pqbaPir])|(?<=<ap))[.0-9]+(?=>)")


def standard_layout(
    stream: str, px_decimals: int, qty_decimals: int, form: str = "2026", x: str | None = "MARKET"
) -> str:
    """The layout of a documented form: `form` is one of FORMS, `x` the X of a trade.

    `stream` is `btcusdt@trade`, `btcusdt@depth5@100ms` or `btcusdt@markPrice@1s`; the symbol is
    its first part. An NA trade's price and quantity are a bare 0, whatever the scale; a mark
    price has digits of its own. Raises ValueError for another stream, and for an unknown form.
    """
    if form not in FORMS:
        raise ValueError(f"no form {form!r} of the wire is known; known are {', '.join(FORMS)}")
    layout = _documented(stream, px_decimals, qty_decimals, form, x)
    describe(layout)
    return layout


def is_documented(layout: str, reading: Reading) -> bool:
    """Whether `layout`, that of the frame `reading` is of, has a documented form."""
    forms = (_documented(reading.claim.stream, 0, 0, form, reading.x) for form in FORMS)
    return _DIGITS.sub("", layout) in {_DIGITS.sub("", text) for text in forms}


def _documented(stream: str, px_decimals: int, qty_decimals: int, form: str, x: str | None) -> str:
    symbol = stream.partition("@")[0].upper()
    new = form == "2026"
    text = f'{{"stream":"{stream}","data":{{"e":"'
    if stream.endswith("@trade"):
        px, qty = (0, 0) if x == "NA" else (px_decimals, qty_decimals)
        text += f'trade","E":<E>,"T":<T>,"s":"{symbol}","t":<t>,"p":"<p.{px}>","q":"<q.{qty}>"'
        text += ("" if x is None else f',"X":"{x}"') + ',"m":<m>'
    elif "@markPrice" in stream:
        ap = "" if form == "2024" else '"ap":"<ap.8>",'
        text += f'markPriceUpdate","E":<E>,"s":"{symbol}","p":"<p.8>",{ap}"P":"<P.8>","i":"<i.8>"'
        text += ',"r":"<r.8>","T":<T>'
    else:
        digits = f"{px_decimals}.{qty_decimals}"
        text += f'depthUpdate","E":<E>,"T":<T>,"s":"{symbol}"'
        text += (f',"ps":"{symbol}"' if new else "") + ',"U":<U>,"u":<u>,"pu":<pu>'
        text += f',"b":<b.{digits}>,"a":<a.{digits}>'
    return text + (',"st":1}}' if new else "}}")
