"""Frames of the wire for tests: what each kind looks like, and what must become of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from micropulse.events import DepthTable, Frames, frozen
from micropulse.testing.rows import rows_of
from micropulse.wire import Decoded, Decoder, encode
from tests.oracle import Event, reading

BIDS, ASKS = '"b":[["85606.30","16.972"],["85606.20","0.049"]]', '"a":[["85606.40","0.094"]]'
IDS = '"U":11622543872680,"u":11622543895639,"pu":11622543872538'
PRICE, SOLD = '"p":"83680.00","q":"0.001"', '"X":"MARKET","m":true'


class Vector(NamedTuple):
    """A frame; `becomes` is "book", "trade" or "mark", or the count of a Decoder it is found in."""

    name: str
    becomes: str
    frame: str


def wrap(stream: str, data: str) -> str:
    return f'{{"stream":"{stream}","data":{{{data}}}}}'


def book(data: str, stream: str = "depth5@100ms") -> str:
    start = '"e":"depthUpdate","E":1790046434001,"T":1790046434000,"s":"BTCUSDT"'
    return wrap(f"btcusdt@{stream}", f"{start},{data}")


def trade(data: str, stream: str = "btcusdt@trade") -> str:
    start = '"e":"trade","E":1790370834849,"T":1790370834848,"s":"BTCUSDT","t":8121136411'
    return wrap(stream, f"{start},{data}")


def unwrapped(frame: str) -> str:
    return frame.partition('"data":')[2][:-1]


def turned(frame: str) -> str:
    stream, _, data = frame[1:-1].partition(',"data":')
    return f'{{"data":{data},{stream}}}'


def mark(data: str, stream: str = "btcusdt@markPrice@1s") -> str:
    return wrap(stream, f'"e":"markPriceUpdate","E":1791044809001,"s":"BTCUSDT",{data}')


MARK = '"p":"84756.35776087","P":"84830.21202428","i":"84788.51847826"'
AVERAGE = MARK.replace('"P"', '"ap":"84750.00000001","P"')
DUE = '"r":"-0.00005353","T":1791072000000'

SALE = trade(f"{PRICE},{SOLD}")
SIX = ",".join(f'["{px}.00","1.000"]' for px in range(16, 10, -1))

VECTORS = (
    Vector("book 2026", "book", book(f'"ps":"BTCUSDT",{IDS},{BIDS},{ASKS},"st":1')),
    Vector("book 2024", "book", book(f"{IDS},{BIDS},{ASKS}")),
    Vector("book of 20", "book", book(f"{IDS},{BIDS},{ASKS}", "depth20@500ms")),
    Vector("book of 10 without a pace", "book", book(f"{IDS},{BIDS},{ASKS}", "depth10")),
    Vector("empty book", "book", book(f'{IDS},"b":[],"a":[]')),
    Vector("book without bids", "book", book(f'{IDS},"b":[],{ASKS}')),
    Vector("trade 2026", "trade", trade(f'{PRICE},{SOLD},"st":1')),
    Vector("trade 2024", "trade", trade(f"{PRICE},{SOLD}")),
    Vector("trade without X", "trade", trade(f'{PRICE},"m":false')),
    Vector("trade NA", "trade", trade('"p":"0","q":"0","X":"NA","m":true,"st":1')),
    Vector("trade RPI", "trade", trade(f'{PRICE},"X":"RPI","m":false,"st":1')),
    Vector("trade of a fund", "trade", trade(f'{PRICE},"X":"INSURANCE_FUND","m":true,"st":1')),
    Vector("trade ADL", "trade", trade(f'{PRICE},"X":"ADL","m":false,"st":1')),
    Vector("trade of a new kind", "trade", trade(f'{PRICE},"X":"DARK","m":false,"st":1')),
    Vector("mark 2026", "mark", mark(f'{AVERAGE},{DUE},"st":1')),
    Vector("mark of March 2026", "mark", mark(f"{AVERAGE},{DUE}")),
    Vector("mark 2024", "mark", mark(f"{MARK},{DUE}", "btcusdt@markPrice")),
    Vector("mark with other digits", "mark", mark(f'{MARK},"r":"0.5","T":0').replace(".3577", ".")),
    Vector("mark without funding", "fallback", mark(f'{MARK},"r":"","T":0')),
    Vector("mark with a new key", "fallback", mark(f'{MARK},"nk":[],{DUE}')),
    Vector("rate of minus zero", "inexact", mark(f'{MARK},"r":"-0.00000000","T":1')),
    Vector("rate with a zero", "inexact", mark(f'{MARK},"r":"-01.5","T":1')),
    Vector("negative mark", "undecoded", mark(f"{MARK},{DUE}").replace("84756", "-84756")),
    Vector("mark without index", "undecoded", mark(MARK.partition(',"i"')[0] + "," + DUE)),
    Vector("rate no number", "undecoded", mark(f'{MARK},"r":"--1","T":1')),
    Vector("mark of nine digits", "too_many_digits", mark(f'{MARK},"r":"0.123456789","T":1')),
    Vector("mark of no such price", "too_many_digits", mark(f'{MARK},"r":"12345678901","T":1')),
    Vector("marks of all", "other_frames", wrap("!markPrice@arr", '"e":"markPriceUpdate"')),
    Vector("new key", "fallback", trade(f'{PRICE},"nk":{{"<E>":"<<"}},{SOLD}')),
    Vector("space behind", "fallback", SALE + " "),
    Vector("spaces between", "fallback", trade(f" {PRICE} , {SOLD}")),
    Vector("other order", "fallback", book(f"{BIDS},{ASKS},{IDS}")),
    Vector("keys twice", "fallback", trade(f'"t":"no","p":"x",{PRICE},"t":17,{SOLD}')),
    Vector("data first", "fallback", turned(trade(f"{PRICE},{SOLD}"))),
    Vector("no s", "fallback", trade(f"{PRICE},{SOLD}").replace('"s":"BTCUSDT",', "")),
    Vector("fewer digits", "trade", trade(f'"p":"83680.5","q":"7",{SOLD}')),
    Vector("leading zero", "inexact", trade(f'"p":"083680.00","q":"0.001",{SOLD}')),
    Vector("escape in a price", "inexact", trade(f'"p":"8\\u0033680.00","q":"0.001",{SOLD}')),
    Vector("space in a level", "inexact", book(f'{IDS},{BIDS},"a":[["1.00", "1.000"]]')),
    Vector("other digits", "inexact", book(f'{IDS},"b":[["2.0","1.0"],["1.00","1.0"]],{ASKS}')),
    Vector("book without U", "undecoded", book(f'"u":2,"pu":1,{BIDS},{ASKS}')),
    Vector("six levels of five", "undecoded", book(f'{IDS},"b":[{SIX}],{ASKS}')),
    Vector("level of three", "undecoded", book(f'{IDS},"b":[["1.00","1.000",[]]],{ASKS}')),
    Vector("negative quantity", "undecoded", book(f'{IDS},"b":[["1.00","-1.000"]],{ASKS}')),
    Vector("price no number", "undecoded", trade(f'"p":"NaN","q":"0.001",{SOLD}')),
    Vector("price with a comma", "undecoded", SALE.replace("83680.00", "83680,00")),
    Vector("price no text", "undecoded", trade(f'"p":83680.00,"q":"0.001",{SOLD}')),
    Vector("price with exponent", "undecoded", trade(f'"p":"8e4","q":"0.001",{SOLD}')),
    Vector("id not whole", "undecoded", book(f'"U":1.5,"u":2,"pu":1,{BIDS},{ASKS}')),
    Vector("id too long", "undecoded", SALE.replace("8121136411", f"1{'0' * 18}")),
    Vector("id of 2^64 + 1", "undecoded", SALE.replace("8121136411", f"{2**64 + 1}")),
    Vector("time after 2262", "undecoded", SALE.replace("1790370834848", "9223372036855")),
    Vector("m neither true nor false", "undecoded", trade(f'{PRICE},"X":"MARKET","m":1')),
    Vector("X no text", "undecoded", trade(f'{PRICE},"X":null,"m":true')),
    Vector("s of another", "undecoded", trade(f'{PRICE},{SOLD},"s":"ETHUSDT"')),
    Vector("e of another", "undecoded", trade(f'{PRICE},{SOLD},"e":"aggTrade"')),
    Vector("data a list", "undecoded", '{"stream":"btcusdt@trade","data":[1]}'),
    Vector("stream twice", "undecoded", trade(f"{PRICE},{SOLD}")[:-1] + ',"stream":"x@trade"}'),
    Vector("more digits", "too_many_digits", trade(f'"p":"83680.001","q":"0.001",{SOLD}')),
    Vector("price too large", "too_many_digits", SALE.replace("83680", f"1{'0' * 16}")),
    Vector("diff depth", "other_frames", book(f"{IDS},{BIDS},{ASKS}", "depth@100ms")),
    Vector("book of 50", "other_frames", book(f"{IDS},{BIDS},{ASKS}", "depth50")),
    Vector("book ticker", "other_frames", wrap("btcusdt@bookTicker", '"u":1,"s":"BTCUSDT"')),
    Vector("all markets", "other_frames", wrap("!forceOrder@arr", '"o":{"s":"ETHUSDT"}')),
    Vector("unwrapped trade", "other_frames", unwrapped(trade(f"{PRICE},{SOLD}"))),
    Vector("acknowledgement", "other_frames", '{"result":null,"id":1}'),
    Vector("REST body", "other_frames", '{"lastUpdateId":1,"bids":[],"asks":[]}'),
    Vector("REST list", "other_frames", '[{"symbol":"BTCUSDT"}]'),
    Vector("other symbol", "other_symbols", wrap("ethusdt@trade", '"e":"trade","s":"ETHUSDT"')),
    Vector("other ticker", "other_symbols", wrap("ethusdt@bookTicker", '"e":"bookTicker"')),
    Vector("other, unwrapped", "other_symbols", '{"e":"trade","s":"ETHUSDT"}'),
    Vector("torn", "not_json", '{"stream":"btcusdt@trade","data":{"e":"tr'),
    Vector("nothing", "not_json", ""),
    Vector("one bracket more", "not_json", SALE + "}"),
    Vector("garbage", "not_json", "\x00\x01 no frame"),
)


def frames_of(texts: Iterable[bytes | str], first_seq: int = 0) -> Frames:
    """Frames received a microsecond apart, by connections 0, 1, 2, 0, …"""
    parts = [text.encode() if isinstance(text, str) else text for text in texts]
    stop = np.cumsum([len(part) for part in parts], dtype="i8")
    seq = np.arange(first_seq, first_seq + len(parts))
    return Frames(
        frozen(np.frombuffer(b"".join(parts), "u1"), "u1"),
        frozen(stop - [len(part) for part in parts]),
        frozen(stop),
        frozen(seq),
        frozen(1_790_000_000_000_000_000 + seq * 1_000),
        frozen(seq % 3, "i2"),
    )


def texts_of(frames: Frames) -> list[bytes]:
    """The text of each frame."""
    spans = zip(frames.start.tolist(), frames.stop.tolist(), strict=True)
    return [frames.text[start:stop].tobytes() for start, stop in spans]


def slow(frame: bytes, seq: int, ts_recv: int, conn: int, scales: tuple[int, int]) -> Event:
    """The event of a frame, read with json and decimal."""
    body = json.loads(frame.decode("utf-8", "surrogateescape"))
    shows = re.search(r"@depth(5|10|20)(@|$)", body["stream"])
    if shows:
        depth = int(shows[1])
        return reading.book(seq, ts_recv, body["data"], depth, *scales)._replace(conn=conn)
    if "@markPrice" in body["stream"]:
        return reading.mark(seq, ts_recv, body["data"])._replace(conn=conn)
    return reading.trade(seq, ts_recv, body["data"], *scales)._replace(conn=conn)


def assert_zeros_beyond(table: DepthTable) -> None:
    """Levels that a book does not have are zeros."""
    for side, n in (("bid", table.bid_n), ("ask", table.ask_n)):
        for level in range(len(table.bid_px)):
            columns = (getattr(table, f"{side}_{name}")[level] for name in ("px", "qty"))
            assert not any(column[n <= level].any() for column in columns)


def check(frames: Frames, decoder: Decoder) -> Decoded:
    """Decode, and prove it: each event is what json reads, each frame is text or comes back."""
    decoded = decoder.decode(frames)
    texts = texts_of(frames)
    place = {seq: n for n, seq in enumerate(frames.seq.tolist())}
    scales = decoder.px_decimals or 0, decoder.qty_decimals or 0
    for row in rows_of(decoded.events):
        assert row == slow(texts[place[row.seq]], row.seq, row.ts_recv, row.conn, scales)
    assert_zeros_beyond(decoded.events.depth)
    back = encode(decoded.events, decoder.layouts, *scales)
    came_back = [place[seq] for seq in back.seq.tolist()]
    assert texts_of(back) == [texts[n] for n in came_back]
    assert came_back == sorted(came_back)
    kept = sorted([*came_back, *decoded.verbatim.tolist(), *decoded.others.tolist()])
    assert kept == list(range(len(texts)))
    for name in ("seq", "ts_recv", "conn"):
        assert getattr(back, name).tolist() == getattr(frames, name)[came_back].tolist()
    return decoded
