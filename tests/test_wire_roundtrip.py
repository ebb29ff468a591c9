"""Text and events are two forms of one thing: properties, and the real recordings."""

from __future__ import annotations

import gzip
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.events import BUY, SELL, TRADE_KINDS, Events, frozen
from micropulse.layout import describe, split
from micropulse.reading import BOOKS, MARK_PRICES, MARKS
from micropulse.testing.rows import events_of, rows_of
from micropulse.wire import Decoder, WireError, encode, standard_layout
from tests.oracle import Book, Event, Mark, Trade
from tests.wire_frames import VECTORS, check, frames_of, texts_of, trade

SHARED = Path(__file__).parents[2] / "shared/data"
BTC = ("BTCUSDT", 2, 3)
TRADE_2026 = standard_layout("btcusdt@trade", 2, 3)
LAYOUTS = (
    standard_layout("btcusdt@depth5@100ms", 2, 3),
    standard_layout("btcusdt@depth20", 2, 3, form="2024"),
    standard_layout("btcusdt@depth10@500ms", 1, 0),
    TRADE_2026,
    standard_layout("btcusdt@trade", 2, 3, x="NA"),
    standard_layout("btcusdt@trade", 2, 3, x="INSURANCE_FUND"),
    standard_layout("btcusdt@trade", 0, 3, form="2024", x=None),
    standard_layout("btcusdt@trade", 2, 3, x="NEW"),
    TRADE_2026.replace('"X"', '"a":{"é":"<<E>>"},"X"'),
    TRADE_2026.replace('"E":<E>,', "").replace('"st":1', '"E" : <E>'),
    standard_layout("btcusdt@markPrice@1s", 2, 3),
    standard_layout("btcusdt@markPrice", 2, 3, form="2024").replace(".8>", ".3>"),
    standard_layout("btcusdt@markPrice@1s", 2, 3).replace('"r":"<r.8>",', '"r":"",'),
)
TIMES = st.integers(0, (2**63 - 1) // 10**6).map(lambda ms: ms * 10**6)
IDS = st.integers(0, 10**18 - 1)


def amounts(digits: int, scale: int) -> st.SearchStrategy[int]:
    """Numbers at `scale` that can be said with `digits` behind the point."""
    unit = 10 ** (scale - digits)
    return st.integers(0, (10**18 - 1) // unit).map(lambda value: value * unit)


@st.composite
def rows(draw: Any, seq: int) -> tuple[Event, int]:
    """An event that one of LAYOUTS can say, and which one."""
    layout = draw(st.integers(0, len(LAYOUTS) - 1))
    table, said = describe(LAYOUTS[layout])
    digits = {piece.slot: piece.decimals for piece in split(LAYOUTS[layout])}
    times = [draw(TIMES) for _ in range(3)]
    conn = draw(st.integers(-(2**15), 2**15 - 1))
    if table == MARKS:
        prices = [draw(amounts(*digits.get(slot, (0,)), 8)) for slot in ("p", "ap", "P", "i")]
        rate = draw(st.sampled_from((1, -1))) * draw(amounts(*digits.get("r", (0,)), 8))
        shown = [px if slot in digits else 0 for slot, px in zip(MARK_PRICES, prices, strict=True)]
        return Mark(seq, *times, *shown, rate if "r" in digits else 0, conn), layout
    if table == BOOKS:
        px, qty = digits["b"]
        side = st.lists(st.tuples(amounts(px, 2), amounts(qty, 3)), max_size=said).map(tuple)
        ids = [draw(IDS) for _ in range(3)]
        return Book(seq, *times, *ids, conn, said, draw(side), draw(side)), layout
    px, qty = draw(amounts(digits["p"][0], 2)), draw(amounts(digits["q"][0], 3))
    side = draw(st.sampled_from((BUY, SELL)))
    return Trade(seq, *times, draw(IDS), px, qty, side, TRADE_KINDS[said], conn), layout


@st.composite
def batches(draw: Any) -> Events:
    """Events with layouts, at (2, 3)."""
    made = [draw(rows(seq)) for seq in draw(st.lists(st.integers(0, 99), unique=True).map(sorted))]
    events = events_of([row for row, _ in made])
    layouts = {row.seq: layout for row, layout in made}
    return Events(
        *(
            table._replace(layout=frozen([layouts[seq] for seq in table.seq.tolist()], "i4"))
            for table in events[:3]
        ),
        events.control,
    )


def said(events: Events, layouts: list[str]) -> dict[int, str]:
    """The layout of each row, by seq, less the digits of levels: an empty book shows none."""
    rows = [row for table in events[:3] for row in zip(table.seq, table.layout, strict=True)]
    shown = {int(seq): layouts[n] if n >= 0 else "" for seq, n in rows}
    return {seq: re.sub("<([ab])[^>]+>", "<\\1>", layout) for seq, layout in shown.items()}


@given(batches())
def test_any_events_written_and_read_are_the_same_events(events: Events) -> None:
    frames = encode(events, LAYOUTS, 2, 3)
    decoder = Decoder(*BTC)
    decoded = check(frames, decoder)
    assert rows_of(decoded.events) == rows_of(events)
    assert said(decoded.events, decoder.layouts) == said(events, list(LAYOUTS))
    assert texts_of(encode(decoded.events, decoder.layouts, 2, 3)) == texts_of(frames)


ALPHABET = st.sampled_from(list(b'0123456789.,:"[]{}-+eE <>truefalsnXmNA\\u\x00\xff@'))


@st.composite
def mutants(draw: Any) -> bytes:
    """A frame that was something once."""
    frame = bytearray(draw(st.sampled_from(VECTORS)).frame.encode())
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(frame)))
        stop = min(len(frame), start + draw(st.integers(0, 4)))
        what = draw(st.sampled_from(("write", "cut", "double", "end")))
        if what == "write":
            frame[start:stop] = bytes(draw(st.lists(ALPHABET, max_size=3)))
        elif what == "cut":
            del frame[start:stop]
        elif what == "double":
            frame[start:start] = frame[start:stop]
        else:
            del frame[start:]
    return bytes(frame)


@given(st.lists(mutants(), max_size=12), st.booleans())
def test_a_mutated_frame_is_decoded_rightly_or_kept(frames: list[bytes], learned: bool) -> None:
    decoder = Decoder(*BTC) if learned else Decoder()
    if learned:
        decoder.decode(frames_of([vector.frame for vector in VECTORS]))
    check(frames_of(frames), decoder)


@given(st.lists(mutants(), max_size=20), st.sets(st.integers(0, 20)))
def test_any_split_into_batches_gives_the_same(frames: list[bytes], cuts: set[int]) -> None:
    whole, parted = Decoder(), Decoder()
    once = whole.decode(frames_of(frames))
    borders = [0, *sorted(cut for cut in cuts if cut <= len(frames)), len(frames)]
    rows, kept, others, layouts = [], [], [], {}
    for first, stop in pairwise(borders):
        decoded = parted.decode(frames_of(frames[first:stop], first_seq=first))
        rows += rows_of(decoded.events)
        kept += [first + n for n in decoded.verbatim.tolist()]
        others += [first + n for n in decoded.others.tolist()]
        layouts |= said(decoded.events, parted.layouts)
    assert rows == rows_of(once.events)
    assert (kept, others) == (once.verbatim.tolist(), once.others.tolist())
    assert layouts == said(once.events, whole.layouts)
    assert (parted.layouts, parted.counts) == (whole.layouts, whole.counts)
    assert (parted.symbol, parted.px_decimals) == (whole.symbol, whole.px_decimals)


@pytest.mark.parametrize(
    ("change", "datum"),
    [
        ({"px": -1}, "p"),
        ({"qty": 10**18}, "q"),
        ({"trade_id": -1}, "t"),
        ({"trade_id": 10**18}, "t"),
        ({"ts_event": 1}, "E"),
        ({"ts_txn": -(10**6)}, "T"),
        ({"side": 0}, "m"),
    ],
)
def test_a_row_that_its_layout_cannot_say_is_refused(change: dict[str, int], datum: str) -> None:
    row = Trade(3, 4, 10**9, 10**9, 7, 100, 1, BUY, "MARKET", 0)._replace(**change)
    with pytest.raises(WireError, match=rf"^\$\.data\.{datum}: seq 3"):
        encode(events_of([row]), [TRADE_2026], 2, 3)


def test_a_book_that_its_layout_cannot_say_is_refused() -> None:
    good = Book(3, 4, 10**9, 10**9, 1, 2, 0, 0, 5, ((10, 100),), ((20, 100),))
    layout = standard_layout("btcusdt@depth5", 1, 1)
    assert len(encode(events_of([good]), [layout], 2, 3).seq) == 1
    for wrong, datum in (
        (good._replace(bids=((10, 1),)), "b"),
        (good._replace(asks=((20, 100), (-10, 100))), "a"),
        (good._replace(prev_id=-1), "pu"),
    ):
        with pytest.raises(WireError, match=rf"^\$\.data\.{datum}: seq 3"):
            encode(events_of([wrong]), [layout], 2, 3)


def test_a_row_of_another_layout_is_refused() -> None:
    row = Trade(3, 4, 10**9, 10**9, 7, 100, 1, BUY, "MARKET", 0)
    with pytest.raises(WireError, match="layout 0 is none of the 0"):
        encode(events_of([row]), [], 2, 3)
    for other in (standard_layout("btcusdt@trade", 2, 3, x="NA"), LAYOUTS[0]):
        with pytest.raises(WireError, match="another table, kind or depth"):
            encode(events_of([row]), [other], 2, 3)
    unsaid = events_of([row])
    unsaid = unsaid._replace(trades=unsaid.trades._replace(layout=frozen([-1], "i4")))
    assert len(encode(unsaid, [], 2, 3).seq) == 0


# The real ones.


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not here: the hand-written frames say the same")
    return path


def test_the_collected_vectors_become_what_they_are() -> None:
    vectors = [json.loads(line) for line in shared("vectors.jsonl").read_text().splitlines()]
    assert len(vectors) == 39
    for vector in vectors:
        partial = vector["kind"].startswith(("depth5@", "depth20@"))
        mark = vector["kind"].startswith("markPrice")
        is_trade = vector["kind"] == "trade" and vector["raw"].startswith('{"stream"')
        decoder = Decoder()
        decoded = check(frames_of([vector["raw"]]), decoder)
        assert len(decoded.events.depth.seq) == partial, vector["id"]
        assert len(decoded.events.trades.seq) == is_trade, vector["id"]
        assert len(decoded.events.marks.seq) == mark, vector["id"]
        assert decoded.events.n + len(decoded.verbatim) == 1, vector["id"]
        assert decoder.counts["fallback"] == decoder.counts["undecoded"] == 0, vector["id"]


@pytest.mark.parametrize(
    ("name", "decoded", "books"),
    [
        ("btcusdt_usdm_20240808_235415_depth5_trade.gz", 24_746, 3_438),
        ("btcusdt_usdm_20240808_235415_raw.gz", 21_313, 0),
    ],
)
def test_every_frame_of_a_recording_comes_back(name: str, decoded: int, books: int) -> None:
    lines = gzip.decompress(shared(name).read_bytes()).splitlines()
    frames = frames_of([line.partition(b" ")[2] for line in lines])
    decoder = Decoder()
    if books:
        batch = check(frames, decoder)
    else:  # json is slow, and this file is large
        batch = decoder.decode(frames)
        back = encode(batch.events, decoder.layouts, 2, 3)
        texts = texts_of(frames)
        assert texts_of(back) == [texts[seq] for seq in back.seq.tolist()]
        assert len(back.seq) + len(batch.verbatim) == len(texts)
    assert (batch.events.n, len(batch.events.depth.seq)) == (decoded, books)
    assert decoder.counts["decoded"] == decoded
    assert decoder.counts["fallback"] == decoder.counts["inexact"] == 0
    assert (decoder.symbol, decoder.px_decimals, decoder.qty_decimals) == BTC


def test_a_frame_is_fast_although_a_key_appears_overnight() -> None:
    old, new = (
        trade('"p":"1.00","q":"1.000","m":true'),
        trade('"p":"1.00","q":"1.000","k":"v","m":true'),
    )
    decoder = Decoder()
    check(frames_of([old] * 3 + [new] * 1_000 + [old]), decoder)
    assert (decoder.counts["fallback"], decoder.counts["decoded"]) == (1, 1_004)
