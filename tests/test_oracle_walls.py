"""The oracle's walls on logs small enough to work out by hand, by the steps of docs/features.md.

The quiet book has 10 at each level, so that the baseline is 10 and wall size, at five times that,
is 50; `wall_floor` is 2000, above every quiet level. Walls are warm from 60 s on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.oracle import BUY, SELL
from tests.oracle.log import MS, QUIET_ASKS, QUIET_BIDS, Log, S

WARM = 60 * S
REMOVED = ("removed_wall_side", "removed_wall_px", "removed_wall_qty", "removed_wall_kind")
BID_WALL = ("bid_wall_px", "bid_wall_qty", "bid_wall_age_s")


def warm_log(**parameters: Any) -> Log:
    """Books at 0 and 30 s; the second keeps the baseline at 10."""
    log = Log()
    log.parameters = replace(log.parameters, **parameters)
    return log.book(0).book(30 * S)


def bids(**levels: int) -> dict[int, int]:
    """The quiet bids with other quantities: bids(p98=60)."""
    return QUIET_BIDS | {int(name[1:]): qty for name, qty in levels.items()}


def asks(**levels: int) -> dict[int, int]:
    return QUIET_ASKS | {int(name[1:]): qty for name, qty in levels.items()}


def standing(qty: int = 100) -> Log:
    """A bid wall of `qty` at 98, born at 60 s, standing from 60.5 s on."""
    log = warm_log().book(WARM, bids(p98=qty)).book(WARM + S // 2, bids(p98=qty))
    assert log.last("bid_wall_px") == 98.0
    return log


# 1 and 2: baseline and wall size.


@pytest.mark.parametrize(("qty", "wall"), [(49, None), (50, 98.0)])
def test_a_wall_is_wall_k_times_the_baseline(qty: int, wall: float | None) -> None:
    log = warm_log().book(WARM, bids(p98=qty)).book(WARM + S, bids(p98=qty))
    assert log.last("bid_wall_px") == wall


@pytest.mark.parametrize(("floor", "wall"), [(5881, None), (5880, 98.0)])
def test_a_wall_is_worth_the_floor(floor: int, wall: float | None) -> None:
    log = warm_log(wall_floor=floor).book(WARM, bids(p98=60)).book(WARM + S, bids(p98=60))
    assert log.last("bid_wall_px") == wall  # 98 x 60 = 5880


@pytest.mark.parametrize(("qty", "wall"), [(179, None), (180, 98.0)])
def test_the_baseline_is_the_mean_of_all_levels_seen(qty: int, wall: float | None) -> None:
    # Four levels of 10 at 30 s and four of 50 at 40 s, which are no walls at six times 10: the
    # mean is 30, wall size 180.
    log = warm_log(wall_k=6.0, wall_min_age_ms=0).book(40 * S, dict.fromkeys(QUIET_BIDS, 50))
    assert log.book(89 * S, bids(p98=qty)).last("bid_wall_px") == wall


@pytest.mark.parametrize(("t", "wall"), [(90 * S - 1, 98.0), (90 * S, None)])
def test_the_baseline_reaches_back_sixty_buckets(t: int, wall: float | None) -> None:
    # Second 30 is the oldest of the sixty up to second 89. In second 90 the baseline has no
    # level, and nothing is of wall size.
    log = warm_log(wall_min_age_ms=0).book(t, bids(p98=60))
    assert log.last("bid_wall_px") == wall


def test_the_baseline_is_taken_before_the_books_own_levels() -> None:
    # Wall size is 5 x 10. With the three 49 of this book it would be above 100.
    log = warm_log(wall_min_age_ms=0).book(WARM, bids(p99=49, p98=50, p97=49, p96=49))
    assert log.last("bid_wall_px") == 98.0


def test_the_best_level_is_not_in_the_baseline() -> None:
    # With the best ones it would be (9 x 10 + 49) / 10 and wall size above 69.
    log = warm_log(wall_min_age_ms=0).book(40 * S, bids(p100=49)).book(WARM, bids(p98=50))
    assert log.last("bid_wall_px") == 98.0


def test_levels_at_wall_size_and_tracked_ones_are_left_out_of_the_baseline() -> None:
    # If the wall were in the baseline it would be (7 x 10 + 100 ...) / 8 > 20: 60 were no wall.
    log = standing().book(WARM + S, bids(p98=40, p96=60)).book(WARM + 2 * S, bids(p98=40, p96=60))
    assert log.last("bid_wall_px") == 96.0
    # 98 at 40 is below wall size, yet a wall (40 % of its peak), and left out.
    log.book(WARM + 3 * S, bids(p98=40, p97=50)).book(WARM + 4 * S, bids(p98=40, p97=50))
    assert log.last("bid_wall_px") == 97.0


def test_the_best_level_is_no_wall_unless_asked() -> None:
    for at_best, wall in ((False, None), (True, 100.0)):
        log = warm_log(wall_at_best=at_best).book(WARM, bids(p100=90))
        assert log.book(WARM + S, bids(p100=90)).last("bid_wall_px") == wall


# 3: candidates.


@pytest.mark.parametrize(("born", "wall"), [(WARM - 1, None), (WARM, 98.0)])
def test_no_candidates_before_sixty_seconds(born: int, wall: float | None) -> None:
    log = warm_log(wall_min_age_ms=0).book(born, bids(p98=90))
    assert log.last("bid_wall_px") == wall


def test_a_disconnect_keeps_the_baseline_warm() -> None:
    log = warm_log(wall_min_age_ms=0).control(31 * S, "DISCONNECT").book(WARM, bids(p98=50))
    assert log.last("bid_wall_px") == 98.0


@pytest.mark.parametrize(("age", "wall"), [(500 * MS - 1, None), (500 * MS, 98.0)])
def test_a_candidate_stands_when_old_enough_at_a_book(age: int, wall: float | None) -> None:
    log = warm_log().book(WARM, bids(p98=60)).book(WARM + age, bids(p98=60))
    assert log.last("bid_wall_px") == wall
    assert log.trade(WARM + S).last("bid_wall_px") == wall  # not at a trade


@pytest.mark.parametrize(
    "between",
    [
        {100: 10, 99: 10},  # out of view
        {100: 10, 99: 10, 97: 10},  # in view, not shown
        {98: 90, 97: 10},  # the best
        bids(p98=49),  # no longer of wall size
        {},  # an empty side
    ],
)
def test_a_candidate_that_fails_once_is_forgotten(between: dict[int, int]) -> None:
    log = warm_log().book(WARM, bids(p98=90)).book(WARM + S // 4, between)
    log.book(WARM + S // 2, bids(p98=90))
    assert log.last("bid_wall_px") is None
    assert log.book(WARM + S, bids(p98=90)).last(*BID_WALL) == (98.0, 90.0, 0.5)
    assert log.last("removed_wall_side") is None


def test_the_age_counts_from_birth_and_grows_between_books() -> None:
    assert standing().trade(WARM + 1500 * MS).last("bid_wall_age_s") == 1.5


def test_a_standing_wall_stays_one_as_the_best_level_and_below_wall_size() -> None:
    log = standing().book(WARM + S, {98: 40, 97: 10, 96: 10})
    assert log.last(*BID_WALL) == (98.0, 40.0, 1.0)


# 4 and 6: peak, eaten and cancelled.


@pytest.mark.parametrize(("qty", "removed"), [(30, False), (29, True)])
def test_a_wall_is_gone_below_a_share_of_its_peak(qty: int, removed: bool) -> None:
    log = standing().book(WARM + S, bids(p98=qty))
    assert (log.last("bid_wall_px") is None) is removed
    assert log.last(*REMOVED)[0] == ("bid" if removed else None)


def test_a_removal_tells_what_it_was_and_stays_told() -> None:
    log = standing(80).book(WARM + S, bids(p98=120)).book(WARM + 2 * S).trade(WARM + 9 * S)
    assert log.last(*REMOVED) == ("bid", 98.0, 120.0, "cancelled")  # its peak
    assert log.last("removed_wall_age_s", "removed_wall_ts") == (2.0, WARM + 2 * S)


@pytest.mark.parametrize(("eaten", "kind"), [(44, "cancelled"), (45, "eaten")])
def test_eaten_when_prints_explain_half_of_what_vanished(eaten: int, kind: str) -> None:
    log = standing().trade(WARM + S, eaten, SELL, 98).book(WARM + 2 * S)  # 100 -> 10
    assert log.last("removed_wall_kind") == kind


@pytest.mark.parametrize(("side", "px"), [(BUY, 98), (SELL, 99), (SELL, 97)])
def test_only_opposing_prints_at_the_price_eat(side: int, px: int) -> None:
    log = standing().trade(WARM + S, 90, side, px).book(WARM + 2 * S)
    assert log.last("removed_wall_kind") == "cancelled"


@pytest.mark.parametrize(
    ("txn", "kind"),
    [
        (WARM + S // 2, "cancelled"),  # as old as the book that showed the peak
        (WARM + S // 2 + 1, "eaten"),
        (WARM + 2 * S, "eaten"),  # as old as the book that removes it
        (WARM + 2 * S + 1, "cancelled"),  # waits for the next book, which comes too late
    ],
)
def test_prints_count_between_the_peak_and_the_book(txn: int, kind: str) -> None:
    log = standing().trade(WARM + S, 90, SELL, 98, txn=txn).book(WARM + 2 * S)
    assert log.last("removed_wall_kind") == kind


def test_a_print_ahead_of_its_book_counts_at_the_next_one() -> None:
    log = standing().trade(WARM + S, 90, SELL, 98, txn=WARM + 3 * S)
    log.book(WARM + 2 * S, bids(p98=40)).book(WARM + 3 * S)
    assert log.last("removed_wall_kind") == "eaten"


def test_a_print_received_before_the_wall_was_born_counts_if_younger() -> None:
    log = warm_log().trade(59 * S, 90, SELL, 98, txn=WARM + 1)
    log.book(WARM, bids(p98=100))  # the peak; T = 60 s
    log.book(WARM + S // 2, bids(p98=90)).book(WARM + S)
    assert log.last("removed_wall_kind") == "eaten"


def test_showing_the_peak_again_renews_it() -> None:
    log = standing().trade(WARM + S, 90, SELL, 98).book(WARM + 2 * S, bids(p98=100))
    assert log.book(WARM + 3 * S).last("removed_wall_kind") == "cancelled"


def test_a_print_is_counted_once() -> None:
    log = standing().trade(WARM + S, 40, SELL, 98)
    log.book(WARM + 2 * S, bids(p98=60)).book(WARM + 3 * S, bids(p98=60)).book(WARM + 4 * S)
    assert log.last("removed_wall_kind") == "cancelled"  # 2 x 40 < 100 - 10


def test_ask_walls_are_the_mirror() -> None:
    log = warm_log().book(WARM, asks=asks(p103=100)).book(WARM + S, asks=asks(p103=90))
    assert log.last("ask_wall_px", "ask_wall_qty", "ask_wall_age_s") == (103.0, 90.0, 1.0)
    log.trade(WARM + 2 * S, 80, BUY, 103).book(WARM + 3 * S)
    assert log.last(*REMOVED) == ("ask", 103.0, 100.0, "eaten")


def test_the_removal_with_the_largest_peak_is_told() -> None:
    wall_books = [(bids(p98=a, p97=b), asks(p103=c)) for a, b, c in [(60, 70, 70), (60, 70, 70)]]
    log = warm_log().book(WARM, *wall_books[0]).book(WARM + S, *wall_books[1]).book(WARM + 2 * S)
    assert log.last(*REMOVED)[:2] == ("bid", 97.0)  # bids before asks when equal
    log = warm_log().book(WARM, bids(p98=70, p97=70)).book(WARM + S, bids(p98=70, p97=70))
    assert log.book(WARM + 2 * S).last("removed_wall_px") == 98.0  # better prices first


def test_the_largest_wall_is_shown_and_the_better_price_when_equal() -> None:
    log = warm_log().book(WARM, bids(p98=60, p97=70)).book(WARM + S, bids(p98=60, p97=70))
    assert log.last(*BID_WALL) == (97.0, 70.0, 1.0)
    assert log.book(WARM + 2 * S, bids(p98=70, p97=70)).last("bid_wall_px") == 98.0


# 5 and 6: in view, slid out, disconnected.


def test_a_wall_that_price_went_through_is_removed() -> None:
    log = standing().trade(WARM + S, 100, SELL, 98).book(WARM + S, {97: 10, 96: 10})
    assert log.last(*REMOVED) == ("bid", 98.0, 100.0, "eaten")


ABOVE = {103: 10, 102: 10, 101: 10, 100: 10, 99: 10}


def test_a_wall_out_of_view_has_slid_out_and_comes_back_the_same() -> None:
    log = standing().book(WARM + S, ABOVE, {104: 10})
    assert log.last(*BID_WALL) == (None, None, None)
    log.book(WARM + 2 * S, bids(p98=30))
    assert log.last(*BID_WALL) == (98.0, 30.0, 2.0)
    assert log.last("removed_wall_side") is None


def test_a_wall_back_with_less_is_forgotten_without_a_removal() -> None:
    log = standing().book(WARM + S, ABOVE, {104: 10}).book(WARM + 2 * S, bids(p98=29))
    log.book(WARM + 3 * S, bids(p98=29)).book(WARM + 4 * S)
    assert log.last(*BID_WALL) == (None, None, None)
    assert log.last("removed_wall_side") is None


def test_prints_are_counted_while_a_wall_is_out_of_view() -> None:
    log = standing().book(WARM + S, ABOVE, {104: 10}).trade(WARM + S, 60, SELL, 98, txn=WARM + S)
    log.book(WARM + 2 * S, bids(p98=40)).book(WARM + 3 * S)
    assert log.last("removed_wall_kind") == "eaten"  # 2 x 60 >= 100 - 10


def test_with_an_empty_side_a_wall_has_slid_out() -> None:
    log = standing().book(WARM + S, {})
    assert log.last("bid_wall_px", "removed_wall_side") == (None, None)
    assert log.book(WARM + 2 * S, bids(p98=90)).last(*BID_WALL) == (98.0, 90.0, 2.0)


def test_a_disconnect_forgets_walls_and_candidates() -> None:
    log = standing().book(WARM + S, bids(p98=100, p97=90)).control(WARM + S, "DISCONNECT")
    assert log.trade(WARM + S).last("bid_wall_px", "removed_wall_side") == (None, None)
    log.book(WARM + 2 * S, bids(p98=100, p97=90))
    assert log.last("bid_wall_px") is None  # born anew
    assert log.book(WARM + 3 * S, bids(p98=100)).last("bid_wall_age_s") == 1.0


# 7: at most 32.


def walls_at(first: int, n: int) -> dict[int, int]:
    """A best level of 10 at `first` and `n` walls of 100 behind it."""
    return {first: 10} | {first - 1 - level: 100 for level in range(n)}


def test_a_new_level_takes_the_place_of_the_wall_that_slid_out_longest_ago() -> None:
    log, far = warm_log(), {9000: 10}
    # 16 walls at 984 … 999 slide out first, then 16 at 1984 … 1999; a 33rd displaces the best
    # priced of the first ones, 999, and 998 … 984 are still known.
    for second, first in ((60, 1000), (62, 2000)):
        for step in range(2):
            log.book((second + step) * S, walls_at(first, 16), far)
    log.book(64 * S, walls_at(3000, 1), far)
    log.book(65 * S, walls_at(3000, 1), far)
    assert log.last("bid_wall_px") == 2999.0
    log.book(66 * S, walls_at(1000, 16), far)
    assert log.last(*BID_WALL) == (998.0, 100.0, 6.0)


def test_a_level_is_not_tracked_when_all_32_are_in_view() -> None:
    # The level that finds no room enters the baseline; at half of it the walls stay walls.
    log, far = warm_log(wall_k=0.5), {9000: 10}
    for second in (60, 61):
        log.book(second * S, walls_at(1000, 33), far)
    log.book(62 * S, walls_at(1000, 33) | {967: 500}, far)
    assert log.book(63 * S, walls_at(1000, 33) | {967: 500}, far).last("bid_wall_px") == 999.0
