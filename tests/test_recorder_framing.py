"""RFC 6455, the receiving half: any split of the bytes gives the same messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.framing import CHUNK_BYTES, MESSAGE_BYTES_MAX, Inbox


def framed(payload: bytes, opcode: int = 1, final: bool = True, length_form: int = 0) -> bytes:
    """A server's frame; `length_form` 2 or 8 writes the length longer than it must be."""
    first = opcode | (0x80 if final else 0)
    size = len(payload)
    if size < 126 and not length_form:
        return bytes((first, size)) + payload
    if size < 65536 and length_form != 8:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def received(wire: bytes, cuts: list[int]) -> tuple[list[bytes], Inbox]:
    """Feed the bytes cut at these places."""
    inbox, messages = Inbox(), []
    places = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    for start, stop in pairwise(places):
        while start < stop:
            room = inbox.space()
            n = min(len(room), stop - start)
            room[:n] = wire[start : start + n]
            messages += inbox.take(n)
            start += n
    return messages, inbox


PAYLOADS = st.one_of(
    st.binary(max_size=200),
    st.integers(100, 70_000).map(lambda n: bytes(range(256)) * (n // 256) + b"x" * (n % 256)),
)
PINGS = st.binary(max_size=125)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[bytes], list[bytes]]:
    """(wire, messages, pings): whole messages, messages in parts, pings anywhere."""
    wire, messages, pings = b"", [], []
    for payload in draw(st.lists(PAYLOADS, max_size=5)):
        parts = draw(st.integers(1, 4))
        cuts = sorted(draw(st.integers(0, len(payload))) for _ in range(parts - 1))
        opcode, form = draw(st.sampled_from((1, 2))), draw(st.sampled_from((0, 2, 8)))
        for k, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(payload)], strict=True)):
            if draw(st.booleans()):
                pings.append(draw(PINGS))
                wire += framed(pings[-1], 9)
            wire += framed(payload[a:b], 0 if k else opcode, k == parts - 1, form)
        messages.append(payload)
    return wire, messages, pings


@given(conversations(), st.lists(st.integers(0, 10**6), max_size=12))
def test_any_split_gives_the_same_messages(
    said: tuple[bytes, list[bytes], list[bytes]], cuts: list[int]
) -> None:
    wire, messages, pings = said
    got, inbox = received(wire, cuts)
    assert got == messages
    assert inbox.pings == pings
    assert inbox.broken == "" and inbox.closed is None


@given(st.lists(PAYLOADS.filter(lambda p: len(p) < 2000), min_size=1, max_size=4))
def test_byte_by_byte_is_the_same(payloads: list[bytes]) -> None:
    wire = b"".join(framed(payload) for payload in payloads)
    assert received(wire, list(range(len(wire))))[0] == payloads


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_garbage_raises_nothing_and_any_split_ends_alike(wire: bytes, cuts: list[int]) -> None:
    whole, split = received(wire, []), received(wire, cuts)
    assert whole[0] == split[0]
    assert whole[1].broken == split[1].broken and whole[1].closed == split[1].closed


def test_a_large_message_grows_the_buffer_for_its_own_length_only() -> None:
    large = bytes(3 * CHUNK_BYTES)
    got, inbox = received(framed(large) + framed(b"next"), [5])
    assert got == [large, b"next"]
    assert len(inbox.space()) <= CHUNK_BYTES


def test_messages_before_a_close_are_given_and_nothing_behind_it() -> None:
    wire = framed(b"a") + framed((1001).to_bytes(2, "big") + b"bye", 8) + framed(b"b")
    got, inbox = received(wire, [])
    assert got == [b"a"]
    assert inbox.closed == (1001, "bye")


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"\x81\x85abcd", "masked"),
        (b"\x81\x7f" + (MESSAGE_BYTES_MAX + 1).to_bytes(8, "big"), "allowed"),
        (framed(b"x", 0), "out of order"),
        (framed(b"x", 1, final=False) + framed(b"y", 1), "out of order"),
        (b"\xc1\x01x", "extension"),
        (framed(b"x", 3), "opcode 3"),
        (framed(b"x", 11), "opcode 11"),
        (framed(b"x", 9, final=False), "control frame"),
        (framed(bytes(126), 9), "control frame"),
    ],
)
def test_what_is_no_websocket_is_named(wire: bytes, why: str) -> None:
    got, inbox = received(framed(b"before") + wire, [])
    assert got == [b"before"]
    assert why in inbox.broken


def test_endless_empty_parts_do_not_fill_memory() -> None:
    wire = framed(b"", 1, final=False) + framed(b"", 0, final=False) * 5_000 + framed(b"x", 0)
    got, inbox = received(wire, [])
    assert got == [b"x"]
    assert inbox.broken == ""
