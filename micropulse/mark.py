"""The mark price: what the exchange itself says the contract is worth, and what that bounds.

It is known only where the tape has frames of `<symbol>@markPrice`, and only for as long as they
come: FRESH_NS after the last one it is not known any more.
"""

from micropulse.events import MARK_DECIMALS
from micropulse.jit import kernel
from micropulse.schema import SECOND
from micropulse.state import State

FRESH_NS = 60 * SECOND  # they come every 1 or 3 s
UNITS = 10**MARK_DECIMALS


@kernel
def take_mark(state: State, event_ts: int, next_funding_ts: int, px: int, rate: int) -> bool:
    """Keep a mark frame's numbers, unless a later one has come: whether they were kept.

    Two connections show the same frames for a moment, and the old one may be behind. An E that
    lies back further than FRESH_NS is another clock, and is followed.
    """
    mark, counts = state.mark, state.counts
    counts.marks += 1
    if event_ts < mark.event_ts < event_ts + FRESH_NS:
        counts.late_marks += 1
        return False
    mark.known = px > 0
    mark.px = px
    mark.rate = rate
    mark.next_funding_ts = next_funding_ts
    mark.event_ts = event_ts
    mark.ts = state.clock.now
    return True


@kernel
def is_mark_known(state: State) -> bool:
    """Whether there is a mark price, not older than FRESH_NS of log time."""
    return state.mark.known and state.clock.now - state.mark.ts <= FRESH_NS


@kernel
def outside_band(state: State, px: int, side: int) -> bool:
    """Whether the exchange takes no order of `side` (1 buys, -1 sells) at `px`: PERCENT_PRICE.

    A buy is bounded above, by mark x multiplierUp; a sale below, by mark x multiplierDown. `px` is
    in the instrument's units and may have as many decimals as mark prices have, which is eight.
    Without a mark price nothing is outside, and `counts.band_unknown` grows.
    """
    instrument = state.instrument
    share = instrument.band_up_e8 if side > 0 else instrument.band_down_e8
    if share == 0 or not is_mark_known(state):
        state.counts.band_unknown += 1
        return False
    px_whole, px_rest = divmod(px, instrument.px_scale)
    px_e8 = px_whole * UNITS + px_rest * UNITS // instrument.px_scale
    # mark x share / 10^8 exactly, without the product, which would not fit.
    whole, rest = divmod(state.mark.px, UNITS)
    if side > 0:
        return bool(px_e8 > whole * share + rest * share // UNITS)
    return bool(px_e8 < whole * share - (-rest * share // UNITS))
