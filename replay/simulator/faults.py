"""What goes wrong between the exchange and us, as settings. All of it was seen on real sockets.

The market does not know of it: the same seed with other faults is the same market.
"""

from __future__ import annotations

from typing import NamedTuple


class Faults(NamedTuple):
    """Each 0 is off. The defaults are what every ordinary day shows; EVERY_FAULT turns all on."""

    na_rows_per_min: float = 9.0  # NA trade rows: p = q = 0, an id is used up; 4 to 15 are real
    late_book_share: float = 0.5  # of the books: held back while trades with a later E pass
    funding_stall_ms: int = 2000  # at 00, 08 and 16 UTC nothing comes for so long, then all at once
    insurance_per_hour: float = 0.0  # INSURANCE_FUND prints, hundreds of ticks off the book
    extra_key_share: float = 0.0  # of the frames: they have a key that nobody has announced
    silences_per_hour: float = 0.0  # 43 seconds without a frame, and no id lost
    drops_per_hour: float = 0.0  # runs of trades that never come: a hole in the ids
    duplicates_per_hour: float = 0.0  # frames that come twice
    pu_breaks_per_hour: float = 0.0  # books that never come: the next one's `pu` is unknown
    clock_slow_ms: int = 0  # the receiver's clock is behind: ts_recv - E is negative


ORDINARY = Faults()
NO_FAULTS = Faults(na_rows_per_min=0.0, late_book_share=0.0, funding_stall_ms=0)
EVERY_FAULT = Faults(
    insurance_per_hour=2.0,
    extra_key_share=0.002,
    silences_per_hour=0.25,
    drops_per_hour=20.0,
    duplicates_per_hour=60.0,
    pu_breaks_per_hour=20.0,
    clock_slow_ms=1300,
)

# What a fault is called by people, and its field.
NAMES = {
    "na": "na_rows_per_min",
    "late": "late_book_share",
    "stall": "funding_stall_ms",
    "insurance": "insurance_per_hour",
    "keys": "extra_key_share",
    "silence": "silences_per_hour",
    "drops": "drops_per_hour",
    "duplicates": "duplicates_per_hour",
    "pu": "pu_breaks_per_hour",
    "clock": "clock_slow_ms",
}


def faults_named(names: str) -> Faults:
    """Those of NAMES in a list as in `stall,duplicates`, at the rates of EVERY_FAULT, and no other.

    `all` is EVERY_FAULT, `none` NO_FAULTS, `ordinary` the default. Raises ValueError otherwise.
    """
    whole = {"all": EVERY_FAULT, "none": NO_FAULTS, "ordinary": ORDINARY}
    if names in whole:
        return whole[names]
    wanted = [name.strip() for name in names.split(",")]
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        known = ", ".join([*whole, *NAMES])
        raise ValueError(f"{unknown[0]!r} is no fault of the simulator; known are {known}")
    fields = [NAMES[name] for name in wanted]
    return NO_FAULTS._replace(**{field: getattr(EVERY_FAULT, field) for field in fields})
