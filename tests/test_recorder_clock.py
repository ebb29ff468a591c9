"""ts_recv never goes back, whatever is done to the machine's clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.clock import STEP_NS, Stamps

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.mono, self.set_by = 5 * SECOND, 0

    def wall(self) -> int:
        return START + self.mono - 5 * SECOND + self.set_by

    def monotonic(self) -> int:
        return self.mono


def test_stamps_are_the_wall_clock_when_nobody_sets_it() -> None:
    clock = SetClock()
    stamps = Stamps(clock)
    assert stamps.now() == START
    clock.mono += 1234
    assert stamps.now() == START + 1234
    assert stamps.step() == 0
    assert stamps.offset_ns == 0


def test_a_step_back_is_told_once_and_stamps_go_on() -> None:
    clock = SetClock()
    stamps = Stamps(clock)
    clock.mono += SECOND
    clock.set_by = -2 * SECOND
    assert stamps.step() == -2 * SECOND
    assert stamps.step() == 0
    assert stamps.now() == START + SECOND
    assert stamps.offset_ns == -2 * SECOND


def test_a_step_forward_is_told_and_stamps_go_on_from_the_wall_clock() -> None:
    clock = SetClock()
    stamps = Stamps(clock)
    clock.set_by = 3 * SECOND
    assert stamps.step() == 3 * SECOND
    assert stamps.now() == START + 3 * SECOND
    assert stamps.offset_ns == 0


def test_setting_it_back_and_forth_changes_nothing() -> None:
    clock = SetClock()
    stamps = Stamps(clock)
    clock.set_by = -SECOND
    assert stamps.step() == -SECOND
    clock.set_by = 0
    assert stamps.step() == SECOND
    assert stamps.now() == START
    assert stamps.offset_ns == 0


def test_noise_is_no_step_but_adds_up() -> None:
    clock = SetClock()
    stamps = Stamps(clock)
    clock.set_by = STEP_NS
    assert stamps.step() == 0
    clock.set_by = STEP_NS + 1
    assert stamps.step() == STEP_NS + 1


def test_a_run_goes_on_behind_the_last_one() -> None:
    last = START + 60 * SECOND
    clock = SetClock()
    stamps = Stamps(clock, last)
    assert stamps.now() == last + 1
    assert stamps.offset_ns == -60 * SECOND - 1
    clock.mono += SECOND
    assert stamps.now() == last + 1 + SECOND
    assert stamps.step() == 0


@given(
    st.lists(st.tuples(st.integers(0, 2 * SECOND), st.integers(-5 * SECOND, 5 * SECOND))),
    st.integers(0, START * 2),
)
def test_stamps_never_go_back_and_the_original_can_be_had(
    moves: list[tuple[int, int]], after: int
) -> None:
    clock = SetClock()
    stamps = Stamps(clock, after)
    last, offset = after, stamps.offset_ns
    for elapsed, step in moves:
        clock.mono += elapsed
        clock.set_by += step
        told = stamps.step()
        if told:
            offset = min(0, offset + told)
        now = stamps.now()
        assert now >= last
        assert offset == stamps.offset_ns
        assert abs(now + offset - clock.wall()) <= STEP_NS
        last = now
