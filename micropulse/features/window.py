"""Rings in fixed memory: what is inside (t - W, t].

A ring position is a count that only grows; its slot is the count modulo the ring's length, a
power of two. Totals are kept *before* each entry, so that a window is the difference of two and
integers leave no residue. Minima are maxima of the negated value: one queue serves both.
"""

from micropulse.jit import kernel
from micropulse.record import Array
from micropulse.state import (
    Mark,
    Print,
    Queue,
)


@kernel
def first_inside(ring: Array[Mark] | Array[Print], tail: int, head: int, start: int) -> int:
    """Position of the first entry later than `start`, from `tail` on; `head` when there is none."""
    mask = len(ring) - 1
    while tail < head and ring[tail & mask].ts <= start:
        tail += 1
    return tail


@kernel
def push_max(queue: Queue, ring: Array[Mark], ts: int, value: int) -> int:
    """Add a value to a window maximum. Returns 1 when the oldest had to go for want of room.

    Monotone queue: values it can never again lose to are dropped at once, so the largest of the
    window stands at `queue.tail`.
    """
    mask = len(ring) - 1
    head = queue.head
    while head > queue.tail and ring[(head - 1) & mask].before <= value:
        head -= 1
    dropped = 0
    if head - queue.tail > mask:
        queue.tail += 1
        dropped = 1
    ring[head & mask].ts = ts
    ring[head & mask].before = value
    queue.head = head + 1
    return dropped


@kernel
def drop_before(queue: Queue, ring: Array[Mark], start: int) -> None:
    """Let go of what is not later than `start`."""
    queue.tail = first_inside(ring, queue.tail, queue.head, start)


@kernel
def is_empty(queue: Queue) -> bool:
    """Whether the window holds nothing."""
    return queue.head == queue.tail


@kernel
def maximum(queue: Queue, ring: Array[Mark]) -> int:
    """The largest value of a window that is not empty."""
    return ring[queue.tail & (len(ring) - 1)].before
