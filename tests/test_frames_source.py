"""A frames file as a source of events, and frames files that we write."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.events import Events, Frames, frozen
from micropulse.testing.rows import rows_of
from micropulse.wire import Decoder, encode
from replay import frames as module
from replay.frames import FramesFile, FramesSource, SourceError, write_frames
from tests.oracle import Event, reading
from tests.wire_frames import VECTORS, frames_of, texts_of, trade, wrap

SHARED = Path(__file__).parents[2] / "shared/data"
NAME = "btcusdt_usdm_20240808_235415_depth5_trade.gz"
NS = 1_723_161_255_290_658_066
BTC = trade('"p":"61800.20","q":"0.003","X":"MARKET","m":true')
ETH = BTC.replace("btc", "eth").replace("BTC", "ETH").replace("61800.20", "2610.5")
NA = trade('"p":"0","q":"0","X":"NA","m":true')


def written(path: Path, *frames: str) -> Path:
    path.write_text("".join(f"{NS + n} {frame}\n" for n, frame in enumerate(frames)))
    return path


def rows(batches: list[Events]) -> list[Event]:
    return [row for events in batches for row in rows_of(events)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "night"


def test_the_symbol_and_its_scales_are_known_once_it_is_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 200)
    ticker = wrap("ethusdt@bookTicker", '"u":1')
    source = FramesSource(
        written(path, ticker, '{"id":1}', NA, NA, BTC.replace("0.003", "0.0030"), ETH)
    )
    assert (source.symbol, source.px_decimals, source.qty_decimals) == ("BTCUSDT", 2, 4)
    assert [row.seq for row in rows(list(source))] == [2, 3, 4]
    counts = {name: n for name, n in source.counts.items() if n}
    assert counts == {"lines": 6, "frames": 6, "decoded": 3, "other_frames": 1, "other_symbols": 2}
    assert source.problems == []


def test_another_symbol_of_the_file_can_be_asked_for(path: Path) -> None:
    source = FramesSource(written(path, BTC, ETH, BTC), symbol="ethusdt")
    assert (source.symbol, source.px_decimals) == ("ETHUSDT", 1)
    assert [row.seq for row in rows(list(source))] == [1]


def test_non_prints_alone_take_the_known_scales(path: Path) -> None:
    source = FramesSource(written(path, NA, NA))
    assert (source.symbol, source.px_decimals, source.qty_decimals) == ("BTCUSDT", 2, 3)
    assert len(rows(list(source))) == 2


@pytest.mark.parametrize(("symbol", "said"), [(None, "any symbol"), ("SOLUSDT", "SOLUSDT")])
def test_a_file_without_events_is_refused(path: Path, symbol: str | None, said: str) -> None:
    frames = [wrap("btcusdt@bookTicker", '"u":1')] + ([BTC] if symbol else [])
    with pytest.raises(SourceError, match=f"no partial book and no trade of {said}"):
        FramesSource(written(path, *frames), symbol)


def test_what_is_odd_is_said_in_sentences(path: Path) -> None:
    broken = BTC.replace('"t":', '"tt":')
    written(path, BTC, broken, "garbage", BTC.replace(".20", ".205"))
    path.write_text(path.read_text() + "no time\n" + f"{NS} {BTC[:40]}")
    source = FramesSource(path)
    assert len(rows(list(source))) == 1
    said = "\n".join(source.problems)
    for words in ("torn", "no receive time", "no JSON", "$.data.t: nothing", "more digits"):
        assert words in said
    assert source.counts["not_json"] == 2  # the line without a time is none either


def test_it_can_be_read_again(path: Path) -> None:
    source = FramesSource(written(path, BTC, NA, BTC))
    first, counts = rows(list(source)), source.counts
    assert rows(list(source)) == first
    assert source.counts == counts


@pytest.mark.parametrize(
    ("from_ns", "to_ns", "seqs"),
    [(None, NS + 2, [0, 1]), (NS + 2, None, [2, 3]), (NS + 1, NS + 3, [1, 2]), (NS + 9, None, [])],
)
def test_a_range_is_of_receive_times(
    path: Path, from_ns: int | None, to_ns: int | None, seqs: list[int]
) -> None:
    source = FramesSource(written(path, BTC, BTC, NA, BTC), from_ns=from_ns, to_ns=to_ns)
    assert [row.seq for row in rows(list(source))] == seqs
    assert source.counts["frames"] == len(seqs)
    assert source.counts["out_of_range"] == 4 - len(seqs)


def test_a_real_recording_is_what_the_oracle_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    real = SHARED / NAME
    if not real.exists():
        pytest.skip(f"{NAME} is not here: short files say the same")
    monkeypatch.setattr(module, "CHUNK_BYTES", 500_000)
    source = FramesSource(real)
    got = rows(list(source))
    assert got == list(reading.read_frames(real, 2, 3))
    assert source.counts["decoded"] == len(got) == 24_746
    assert (source.counts["fallback"], source.problems, source.file.share) == (0, [], 1.0)


# Writing.


def test_a_real_recording_written_again_is_the_same_lines(tmp_path: Path) -> None:
    real = SHARED / NAME
    if not real.exists():
        pytest.skip(f"{NAME} is not here: short files say the same")
    decoder = Decoder("BTCUSDT", 2, 3)
    batches = (encode(decoder.decode(f).events, decoder.layouts, 2, 3) for f in FramesFile(real))
    assert write_frames(tmp_path / "again.gz", batches) == 24_746
    again = gzip.decompress((tmp_path / "again.gz").read_bytes())
    assert again == gzip.decompress(real.read_bytes())


@pytest.mark.parametrize("suffix", [".jsonl", ".gz", ".zst"])
def test_written_frames_are_read_again_and_the_same_frames_give_the_same_bytes(
    tmp_path: Path, suffix: str
) -> None:
    frames = frames_of([vector.frame for vector in VECTORS if vector.frame])
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (first, second):
        assert write_frames(path, [frames, frames]) == 2 * len(frames.seq)
    assert first.read_bytes() == second.read_bytes()
    if suffix == ".gz":
        assert first.read_bytes()[4:8] == bytes(4)  # no time of writing
    (back,) = list(FramesFile(first))
    assert texts_of(back) == texts_of(frames) * 2
    assert back.ts_recv.tolist() == frames.ts_recv.tolist() * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [first.name, second.name]


@given(st.lists(st.tuples(st.integers(10**17, 2**63 - 2), st.binary(min_size=1))))
def test_any_frame_comes_back_from_a_line_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, given_frames: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "night"
    frames = frames_of([b"{}", *(text for _, text in given_frames)])
    stamps = frozen([NS, *(ns for ns, _ in given_frames)])
    frames = frames._replace(ts_recv=stamps)
    texts = texts_of(frames)
    if any(b"\n" in text or text.endswith(b"\r") for text in texts):
        with pytest.raises(SourceError, match="cannot stand on a line"):
            write_frames(path, [frames])
        assert not list(path.parent.iterdir())
        return
    write_frames(path, [frames])
    (back,) = list(FramesFile(path))
    assert (texts_of(back), back.ts_recv.tolist()) == (texts, stamps.tolist())


@pytest.mark.parametrize(("text", "ns"), [(b"", NS), (b"{}", 10**17 - 1), (b"{}", -1)])
def test_a_frame_that_would_be_read_as_another_is_refused(path: Path, text: bytes, ns: int) -> None:
    frames: Frames = frames_of([text])._replace(ts_recv=frozen([ns]))
    with pytest.raises(SourceError, match="seq 0"):
        write_frames(path, [frames])
    assert not path.exists()
