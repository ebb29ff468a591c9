"""Funding: at its stamps a position pays, or receives, quantity x mark price x rate.

The stamp is the T of the mark frames (the next funding time); without them 00, 08 and 16 UTC. All
of it is on the exchange's clock: a stamp has passed with the first book, trade or mark price whose
E is not before it, and before that event is matched. What we pay is rounded up to the money unit,
what we receive is rounded down.
"""

from micropulse.jit import cold, kernel
from micropulse.mark import FRESH_NS, UNITS
from micropulse.schema import SECOND
from micropulse.state import MarkPrice, State

EIGHT_HOURS_NS = 8 * 3600 * SECOND
DIVISOR = UNITS * UNITS  # of mark price x rate


@kernel
def pass_stamps(state: State, event_ts: int) -> None:
    """The exchange's clock shows `event_ts`: settle the stamps that have passed."""
    clock = state.clock
    if event_ts < clock.funding_stamp:
        return
    if clock.funding_stamp != 0:
        settle(state, clock.funding_stamp, event_ts, state.mark, state.book.known_mid2)
        clock.funding_passed = event_ts
    clock.funding_stamp = (event_ts // EIGHT_HOURS_NS + 1) * EIGHT_HOURS_NS


@kernel
def expect_stamp(state: State, next_funding_ts: int) -> None:
    """A mark frame says when funding is due next; what has passed is not expected again."""
    if next_funding_ts > max(state.clock.funding_passed, state.mark.event_ts):
        state.clock.funding_stamp = next_funding_ts


@cold
def settle(state: State, stamp: int, event_ts: int, mark: MarkPrice, mid2: int) -> None:
    """Book what the position pays at a stamp that `event_ts` has passed, and at those eight hours
    each behind it: after a long silence more than one is due. `mark` and `mid2`: the last mark
    price and twice the last mid before.

    The recorded rate is that of the last frame that names this stamp, when it is not older than
    FRESH_NS; a frame without a stamp is of a contract without funding. Else the given rate counts,
    on the last mid. Without either nothing is booked, and the stamp is counted as unknown.
    """
    execution = state.execution
    if state.account.qty == 0:
        return
    left = 1 + (event_ts - stamp) // EIGHT_HOURS_NS
    if mark.known and stamp - mark.event_ts <= FRESH_NS:
        if mark.next_funding_ts == 0:
            return
        if mark.next_funding_ts == stamp:
            _book(state, mark.px, mark.rate)
            left -= 1
    if not execution.funding_given:
        state.counts.funding_unknown += left
        return
    per_quote = 2 * state.instrument.px_scale
    whole, rest = divmod(mid2, per_quote)
    for _ in range(left):
        _book(state, whole * UNITS + rest * UNITS // per_quote, execution.funding_rate_e8)


@kernel
def _book(state: State, px_e8: int, rate_e8: int) -> None:
    """One payment: a long pays a positive rate, a short receives it."""
    account, instrument = state.account, state.instrument
    due = 1 if (account.qty > 0) == (rate_e8 > 0) else -1  # 1: we pay
    paid = quotient_of(
        px_e8, abs(account.qty), abs(rate_e8), instrument.px_scale * instrument.notional_unit, due
    )
    account.cash -= due * paid
    account.funding -= due * paid
    account.open.funding -= due * paid
    state.counts.fundings += 1


@kernel
def quotient_of(a: int, b: int, c: int, d: int, up: int) -> int:
    """a x b x c x d / 10^16, exact, rounded up (`up` 1) or down (-1); all are at least 0.

    The product has up to 40 digits. So it is kept as a whole number and a rest of the divisor,
    and multiplied by doubling and adding: only the quotient has to fit 63 bits.
    """
    whole, rest = divmod(a, DIVISOR)
    for factor in (b, c, d):
        whole, rest = _times(whole, rest, factor)
    if up > 0 and rest > 0:
        whole += 1
    return int(whole)


@kernel
def _times(whole: int, rest: int, factor: int) -> tuple[int, int]:
    """(whole + rest / DIVISOR) x factor, in the same form."""
    sum_whole, sum_rest = 0, 0
    left = factor
    while left > 0:
        if left % 2 == 1:
            sum_whole, sum_rest = sum_whole + whole, sum_rest + rest
            if sum_rest >= DIVISOR:
                sum_whole, sum_rest = sum_whole + 1, sum_rest - DIVISOR
        left //= 2
        if left > 0:
            whole, rest = 2 * whole, 2 * rest
            if rest >= DIVISOR:
                whole, rest = whole + 1, rest - DIVISOR
    return sum_whole, sum_rest
