"""The wire: what is decoded is right, and every frame comes back to the byte."""

from __future__ import annotations

import pytest

from micropulse import wire
from micropulse.events import SELL, TRADE_KINDS
from micropulse.layout import describe, program, split
from micropulse.testing.rows import rows_of
from micropulse.wire import LAYOUTS_MAX, Decoder, standard_layout
from tests.oracle import Book, Mark, Trade
from tests.wire_frames import (
    ASKS,
    BIDS,
    IDS,
    SIX,
    VECTORS,
    Vector,
    book,
    check,
    frames_of,
    trade,
    wrap,
)

BTC = ("BTCUSDT", 2, 3)
ODD_COUNTS = ("undecoded", "not_json", "too_many_digits", "other_frames", "other_symbols")


# What becomes of a frame.


GOOD = [v.frame for v in VECTORS if v.becomes in ("book", "trade", "mark", "fallback")]


@pytest.mark.parametrize("learned", [[], GOOD], ids=["first", "learned"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_each_kind_of_frame_becomes_what_it_is(vector: Vector, learned: list[str]) -> None:
    decoder = Decoder(*BTC)
    decoder.decode(frames_of(learned))
    before = dict(decoder.counts)
    decoded = check(frames_of([vector.frame]), decoder)
    counts = {name for name, count in decoder.counts.items() if count > before[name]}
    if vector.becomes in ("book", "trade", "mark"):
        assert counts == {"decoded"}
        kinds = {Book: "book", Trade: "trade", Mark: "mark"}
        assert [kinds[type(row)] for row in rows_of(decoded.events)] == [vector.becomes]
    elif vector.becomes in ODD_COUNTS:
        assert counts == {vector.becomes}
        other = vector.becomes == "other_symbols"
        assert (len(decoded.others), len(decoded.verbatim)) == (int(other), int(not other))
    else:
        slowly = {"fallback"} if not learned or vector.becomes == "inexact" else set()
        assert counts == {"decoded", vector.becomes} - {"fallback"} | slowly
        assert len(decoded.verbatim) == (vector.becomes == "inexact")


def test_a_row_holds_the_numbers_of_its_frame() -> None:
    decoded = Decoder(*BTC).decode(frames_of([VECTORS[0].frame, VECTORS[6].frame], first_seq=7))
    ids = (11622543872680, 11622543895639, 11622543872538)
    times = (1790046434001000000, 1790046434000000000)
    bids, asks = ((8560630, 16972), (8560620, 49)), ((8560640, 94),)
    start = 1_790_000_000_000_000_000
    assert rows_of(decoded.events) == [
        Book(7, start + 7_000, *times, *ids, 1, 5, bids, asks),
        Trade(8, start + 8_000, 1790370834849000000, 1790370834848000000, 8121136411,
              8368000, 1, SELL, "MARKET", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.becomes == "undecoded"])
def test_a_broken_frame_is_kept_and_its_datum_named(vector: Vector) -> None:
    decoder = Decoder(*BTC)
    decoder.decode(frames_of([vector.frame]))
    assert decoder.last_error.startswith("$.")


def test_every_frame_is_fast_once_its_form_is_known() -> None:
    decoder = Decoder(*BTC)
    check(frames_of(GOOD), decoder)
    learned, slowly = list(decoder.layouts), decoder.counts["fallback"]
    decoded = check(frames_of(GOOD * 2), decoder)
    assert (decoder.layouts, decoder.counts["fallback"]) == (learned, slowly)
    assert decoded.events.n == 2 * len(GOOD)
    assert len(decoded.verbatim) == 0


NEAR = ("book 2026", "book without bids", "trade without X", "trade 2026", "trade NA", "mark 2026")


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.name in NEAR], ids=lambda v: v.name)
@pytest.mark.parametrize("change", [b"", b"0", b'"', b"x"])
def test_a_frame_that_differs_in_a_byte_is_not_taken_for_a_known_one(
    vector: Vector, change: bytes
) -> None:
    decoder = Decoder(*BTC)
    frame = vector.frame.encode()
    near = [frame[:at] + change + frame[at + 1 :] for at in range(len(frame))]
    near += [frame[:at] + change + frame[at:] for at in range(len(frame))]
    check(frames_of([frame, *near]), decoder)


def test_nothing_is_left_of_a_frame_that_did_not_match() -> None:
    full = book(f'{IDS},"b":[{SIX[:-15]}],"a":[{SIX[:-15]}]')
    one = book(f'{IDS},"b":[["2.00","1.000"]],"a":[]')
    decoder = Decoder(*BTC)
    check(frames_of([full, one]), decoder)
    decoded = check(frames_of([full + "}", one, full + "}", one.replace("2.00", "02.00")]), decoder)
    assert decoded.events.depth.bid_n.tolist() == [1, 1]


def test_a_frame_that_is_kept_as_text_deepens_the_columns_too() -> None:
    decoder = Decoder(*BTC)
    five = book(f"{IDS},{BIDS},{ASKS}")
    spaced = book(f'{IDS},{BIDS},"a":[["9.00", "1.000"]]', "depth20")
    check(frames_of([five, spaced, five]), decoder)
    assert len(decoder.layouts) == 1


@pytest.mark.parametrize("form", ["2026", "2024"])
def test_the_documented_forms_are_known_beforehand(form: str) -> None:
    decoder = Decoder()
    layouts = [standard_layout(f"btcusdt@depth{depth}@0ms", 2, 3, form) for depth in (5, 10, 20)]
    layouts += [standard_layout("btcusdt@trade", 2, 3, form, x) for x in (*TRADE_KINDS, None)]
    layouts += [standard_layout(f"btcusdt@markPrice{pace}", 2, 3, form) for pace in ("", "@1s")]
    samples = {"b": '[["2.00","1.000"]]', "a": "[]", "p": "3.50", "q": "1.000", "m": "false"}
    marked = dict.fromkeys(("p", "ap", "P", "i"), "3.50000000") | {"r": "-0.00000001"}
    for layout in layouts:
        values = samples | ({"p": "0", "q": "0"} if '"NA"' in layout else {})
        values |= marked if "@markPrice" in layout else {}
        pieces = [(p.literal.decode(), values.get(p.slot, "7")) for p in split(layout)]
        frame = "".join(literal + value for literal, value in pieces)[:-1]
        check(frames_of([frame]), decoder)
    assert (decoder.layouts, decoder.counts["decoded"]) == (layouts, len(layouts))
    assert decoder.counts["fallback"] == 0


# The symbol and its scales.


def test_the_symbol_is_the_first_that_a_decodable_frame_names() -> None:
    eth = trade('"p":"2.50","q":"1.000","m":true', "ethusdt@trade").replace("BTC", "ETH")
    broken = eth.replace('"t":', '"tt":')
    decoder = Decoder()
    ticker = wrap("ethusdt@bookTicker", '"u":1')
    decoded = check(frames_of([broken, ticker, VECTORS[6].frame, eth, ticker, ticker]), decoder)
    assert decoder.symbol == "BTCUSDT"
    assert decoded.others.tolist() == [3, 4, 5]
    assert decoded.verbatim.tolist() == [0, 1]
    assert decoder.counts["other_symbols"] == 3


def priced(px: str, qty: str, symbol: str = "BTCUSDT") -> str:
    frame = trade(f'"p":"{px}","q":"{qty}","X":"MARKET","m":true', f"{symbol.lower()}@trade")
    return frame.replace("BTCUSDT", symbol)


@pytest.mark.parametrize(
    ("frames", "scales"),
    [
        ([priced("61800.20", "0.001")], (2, 3)),
        ([priced("61800.2", "1")], (2, 3)),  # never below what is known
        ([priced("61800.20", "0.0010")], (2, 4)),  # the testnet's quantities
        ([priced("0.0044478", "10403", "1000PEPEUSDT")], (7, 0)),
        ([priced("0", "0", "XUSDT")], (None, None)),
        ([book('"U":1,"u":1,"pu":1,"b":[],"a":[]')], (None, None)),
        ([priced("0", "0", "XUSDT"), priced("1.5", "2", "XUSDT")], (1, 0)),
        ([priced("1.5", "2", "XUSDT"), priced("1.25", "2", "XUSDT")], (1, 0)),
    ],
)
def test_scales_come_from_the_first_real_digits(
    frames: list[str], scales: tuple[int | None, int | None]
) -> None:
    decoder = Decoder()
    check(frames_of(frames), decoder)
    assert (decoder.px_decimals, decoder.qty_decimals) == scales


def test_fewer_digits_are_scaled_up_and_more_are_kept_as_text() -> None:
    decoder = Decoder()
    texts = [priced("1.50", "2.000"), priced("1.5", "2"), priced("1.505", "2"), priced("1", "2.5")]
    decoded = check(frames_of(texts), decoder)
    assert decoded.events.trades.px.tolist() == [150, 150, 100]
    assert decoded.events.trades.qty.tolist() == [2000, 2000, 2500]
    assert decoded.verbatim.tolist() == [2]
    assert decoder.counts["too_many_digits"] == 1


def test_scales_that_are_given_stay() -> None:
    decoder = Decoder("btcusdt", 1, 3)
    check(frames_of([priced("1.50", "2.000"), priced("1.5", "2.000")]), decoder)
    assert (decoder.px_decimals, decoder.counts["too_many_digits"]) == (1, 1)


def test_a_deeper_stream_deepens_the_columns() -> None:
    decoder = Decoder(*BTC)
    five, twenty = VECTORS[1].frame, VECTORS[2].frame
    assert len(check(frames_of([five]), decoder).events.depth.bid_px) == 5
    assert len(check(frames_of([five, twenty, five]), decoder).events.depth.bid_px) == 20
    empty = decoder.decode(frames_of([])).events
    assert (empty.n, len(empty.depth.bid_px)) == (0, 20)


# Layouts.


def test_layouts_are_bounded_and_what_finds_no_room_is_kept() -> None:
    decoder = Decoder(*BTC)
    forms = [trade(f'"p":"1.00","q":"1.000","n{k}":1,"m":true') for k in range(LAYOUTS_MAX + 5)]
    forms.append(trade(f'"p":"1.00","q":"1.000","m":true,"long":"{"x" * 5000}"'))
    decoded = check(frames_of(forms), decoder)
    assert len(decoder.layouts) == LAYOUTS_MAX
    assert decoded.events.n == len(forms)
    assert decoder.counts["layouts_full"] == len(decoded.verbatim) == 6


def test_heads_of_other_streams_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEADS_MAX", 8)
    decoder = Decoder(*BTC)
    streams = [wrap(f"s{k}@x", '"e":1') for k in range(20)]
    assert len(check(frames_of(streams * 2), decoder).others) == 40
    assert len(decoder._heads) == 8
    assert decoder.counts["other_symbols"] == 40


@pytest.mark.parametrize(
    "layout",
    [
        "",
        "no frame",
        standard_layout("btcusdt@trade", 2, 3).replace("<t>", "7"),
        standard_layout("btcusdt@trade", 2, 3).replace("<t>", '"<t>"'),
        standard_layout("btcusdt@trade", 2, 3).replace("<p.2>", "<p>"),
        standard_layout("btcusdt@trade", 2, 3).replace("<p.2>", "<p.02>"),
        standard_layout("btcusdt@trade", 2, 3).replace("<p.2>", "<zz.2>"),
        standard_layout("btcusdt@trade", 2, 3).replace('"st":1', '"st":"<"'),
        standard_layout("btcusdt@trade", 2, 3).replace('"X"', '"Y":<E>,"X"'),
        standard_layout("btcusdt@trade", 2, 3).replace("@trade", "@aggTrade"),
        standard_layout("btcusdt@depth5", 2, 3).replace("<b.2.3>", "<b.2>"),
    ],
)
def test_a_text_that_is_no_layout_is_refused(layout: str) -> None:
    with pytest.raises(ValueError, match=r"layout|\$"):
        describe(layout)


def test_a_layout_of_more_digits_than_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="more digits"):
        program([standard_layout("btcusdt@trade", 2, 3)], 1, 3, 5)
    with pytest.raises(ValueError, match="scales"):
        program([], 18, 3, 5)


def test_standard_layouts_know_their_forms() -> None:
    with pytest.raises(ValueError, match="2026, 2026-03, 2024"):
        standard_layout("btcusdt@trade", 2, 3, form="1999")
    with pytest.raises(ValueError, match="no partial book"):
        standard_layout("btcusdt@depth", 2, 3)
