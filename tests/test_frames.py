"""Frames files: every line is read for what it is, and a damaged file as far as it goes."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from replay import frames as module
from replay import unpack
from replay.frames import FramesFile, SourceError
from tests.wire_frames import texts_of, trade

SHARED = Path(__file__).parents[2] / "shared/data"
NS = 1_723_161_255_290_658_066
TRADE = trade('"p":"61800.20","q":"0.003","X":"MARKET","m":true').encode()
SIZES = st.sampled_from((1, 7, 64, 1_000, 1 << 22))

Pack = Callable[[bytes], bytes]


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


PACKS = pytest.mark.parametrize("pack", [bytes, zipped, zstd], ids=["plain", "gz", "zst"])


def lines_of(count: int) -> bytes:
    """Lines of trades that pack badly enough to fill several pieces."""
    rng = np.random.default_rng(7)
    ids = rng.integers(10**9, 10**10, count)
    return b"".join(
        b"%d %s\n" % (NS + n, TRADE.replace(b"8121136411", b"%d" % ids[n])) for n in range(count)
    )


def whole(path: Path) -> tuple[list[bytes], list[int], list[int], FramesFile]:
    """All frames of a file, their receive times and line numbers, and the file."""
    file = FramesFile(path)
    batches = list(file)
    texts = [text for frames in batches for text in texts_of(frames)]
    stamps = [ns for frames in batches for ns in frames.ts_recv.tolist()]
    return texts, stamps, [seq for frames in batches for seq in frames.seq.tolist()], file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "night"


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 1_000)
    monkeypatch.setattr(unpack, "PIECE_BYTES", 512)
    monkeypatch.setattr(unpack, "PLAIN_BYTES", 300)


# Lines.


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1723161255", 1723161255 * 10**9),
        ("1723161255.290658", 1723161255290658000),
        ("1723161255.2906580661", 1723161255290658066),  # beyond a ns it is cut
        ("1723161255290", 1723161255290 * 10**6),
        ("1723161255290.658066", 1723161255290658066),
        ("1723161255290658", 1723161255290658 * 10**3),
        ("1723161255290658.066", 1723161255290658066),
        ("1723161255290658066", 1723161255290658066),
        ("1723161255290658066.9", 1723161255290658066),
        ("0", 0),
        ("99999999999999.0", 99999999999999 * 10**6 if 99999999999999 < 2**63 // 10**6 else None),
        ("9223372036854775806", 2**63 - 2),
        ("9223372035", 9223372035 * 10**9),
        ("9223372036854775808", None),
        ("9999999999", None),  # seconds, but ns end in 2262
        ("1723161255.", None),
        (".5", None),
        ("-1", None),
        ("1e9", None),
        (" 1723161255", None),
        ("2024-08-08T23:54:15Z", None),
    ],
)
def test_the_unit_of_a_receive_time_is_its_magnitude(path: Path, text: str, ns: int | None) -> None:
    path.write_bytes(b"%d {}\n%s {}\n" % (NS, text.encode()))
    texts, stamps, _, file = whole(path)
    read = (texts[1], stamps[1], file.counts["bad_lines"])
    assert read == ((b"{}", ns, 0) if ns is not None else (f"{text} {{}}".encode(), NS, 1))


def test_lines_keep_their_numbers_and_odd_ones_are_counted(path: Path) -> None:
    path.write_bytes(b"\n%d a\r\n\r\nno time\n%d\n%d \n%d b c \n\n" % (NS, NS + 1, NS + 1, NS + 2))
    texts, stamps, seqs, file = whole(path)
    assert texts == [b"a", b"no time", b"%d" % (NS + 1), b"%d " % (NS + 1), b"b c "]
    assert stamps == [NS, NS, NS, NS, NS + 2]
    assert seqs == [1, 3, 4, 5, 6]
    odd = {"lines": 8, "frames": 5, "blank_lines": 3, "bad_lines": 3, "crlf_lines": 2}
    assert file.counts == odd | {"out_of_range": 0, "torn": 0}


def test_lines_before_the_first_receive_time_take_that_one(path: Path) -> None:
    path.write_bytes(b"# recorded at home\n%d {}\n" % NS)
    texts, stamps, _, file = whole(path)
    assert (texts, stamps) == ([b"# recorded at home", b"{}"], [NS, NS])
    assert file.counts["bad_lines"] == 1


@PACKS
@given(data=st.data())
def test_any_chunks_give_the_same_frames(
    pack: Pack, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = st.sampled_from((b"", b"x", b"%d {}" % NS, b"1723161255.5 " + TRADE, b"7 {}\r"))
    text = b"\n".join(data.draw(st.lists(line, max_size=40)))
    path = tmp_path_factory.mktemp("chunks") / "night"
    path.write_bytes(pack(b"%d {}\n%s" % (NS, text)))
    expected = whole(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_BYTES", data.draw(SIZES))
        patch.setattr(unpack, "PIECE_BYTES", data.draw(SIZES))
        patch.setattr(unpack, "PLAIN_BYTES", data.draw(SIZES))
        got = whole(path)
    assert got[:3] == expected[:3]
    assert got[3].counts == expected[3].counts


@PACKS
@pytest.mark.usefixtures("small_chunks")
def test_a_line_longer_than_a_chunk_is_read(path: Path, pack: Pack) -> None:
    long = b'{"x":"%s"}' % (b"y" * 50_000)
    path.write_bytes(pack(b"%d {}\n%d %s\n%d {}\n" % (NS, NS, long, NS)))
    assert whole(path)[0] == [b"{}", long, b"{}"]


def test_a_line_without_end_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_BYTES_MAX", 3_000_000)
    path.write_bytes(b"%d {}\n" % NS + b"x" * 5_000_000)
    with pytest.raises(SourceError, match="line of more than 3,000,000 bytes"):
        list(FramesFile(path))


def test_memory_does_not_grow_with_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 50_000)
    monkeypatch.setattr(unpack, "PIECE_BYTES", 1_000)
    lines = lines_of(500)

    def peak(times: int) -> int:
        path.write_bytes(zipped(lines * times))
        tracemalloc.start()
        for _ in FramesFile(path):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(1)  # what is imported and compiled on the way
    assert peak(12) < 1.2 * peak(3)


# What is damaged.


@PACKS
def test_a_torn_last_line_is_left_out_and_said(path: Path, pack: Pack) -> None:
    lines = lines_of(3)
    path.write_bytes(pack(lines[:-20]))
    texts, _, seqs, file = whole(path)
    assert (len(texts), seqs, file.counts["torn"]) == (2, [0, 1], 1)
    assert len(file.problems) == 1
    assert "torn" in file.problems[0]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n", b"\n\n"])
def test_a_last_line_is_whole_without_its_line_feed(path: Path, end: bytes) -> None:
    path.write_bytes(lines_of(2).removesuffix(b"\n") + end)
    texts, _, seqs, file = whole(path)
    assert (seqs, file.counts["torn"], file.problems) == ([0, 1], 0, [])
    assert texts[1].endswith(b"}}")


@pytest.mark.parametrize("last", [b"1723161255", b"1723161255 ", b"1723161255 7", b"1723161255 {"])
def test_what_is_no_frame_yet_is_torn(path: Path, last: bytes) -> None:
    path.write_bytes(lines_of(1) + last)
    texts, _, _, file = whole(path)
    assert (len(texts), file.counts["torn"]) == (1, 1)


@pytest.mark.parametrize("pack", [zipped, zstd])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.999])
def test_a_cut_file_gives_all_before_the_cut(path: Path, pack: Pack, share: float) -> None:
    lines = lines_of(5_000)
    packed = pack(lines)
    path.write_bytes(packed[: int(len(packed) * share)])
    texts, _, _, file = whole(path)
    expected = [line.partition(b" ")[2] for line in lines.splitlines()]
    assert texts == expected[: len(texts)]
    assert len(texts) > (share - 0.25) * len(expected)
    assert "cut off" in file.problems[0]


def cut_short(pack: Pack, data: bytes) -> bytes:
    """`data` packed up to a whole block, with the end of its member still to come."""
    if pack is zipped:
        packer = zlib.compressobj(wbits=31)
        return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(data) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


@pytest.mark.parametrize("pack", [zipped, zstd])
@pytest.mark.parametrize("piece_bytes", [100, 32 * 1024, 1 << 20])
def test_a_damaged_file_gives_all_before_the_fault(
    path: Path, pack: Pack, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = lines_of(500), lines_of(3_000)
    path.write_bytes(pack(first) + cut_short(pack, second) + b"\xff" * 1_000)
    monkeypatch.setattr(unpack, "PIECE_BYTES", piece_bytes)
    texts, _, seqs, file = whole(path)
    expected = [line.partition(b" ")[2] for line in (first + second).splitlines()]
    assert (texts, seqs) == (expected, list(range(3_500)))
    assert ["is damaged: beyond about byte" in problem for problem in file.problems] == [True]


@pytest.mark.parametrize("pack", [zipped, zstd])
def test_a_wrong_checksum_is_said_and_nothing_is_lost(path: Path, pack: Pack) -> None:
    packed = bytearray(pack(lines_of(2_000)))
    packed[-6 if pack is zipped else -2] ^= 0x55
    path.write_bytes(packed)
    texts, _, _, file = whole(path)
    assert len(texts) == 2_000
    assert len(file.problems) == 1


@pytest.mark.parametrize("pack", [zipped, zstd])
@pytest.mark.parametrize("between", [b"", b"\0" * 700])
@pytest.mark.usefixtures("small_chunks")
def test_packed_files_can_be_put_together(path: Path, pack: Pack, between: bytes) -> None:
    lines = lines_of(60)
    parts = [pack(lines[:5_000]), pack(b""), pack(lines[5_000:])]
    path.write_bytes(between.join(parts) + between)
    texts, _, seqs, file = whole(path)
    assert (len(texts), seqs, file.problems) == (60, list(range(60)), [])


def test_what_follows_packed_data_and_is_none_is_said(path: Path) -> None:
    path.write_bytes(zipped(lines_of(3)) + b"and more")
    texts, _, _, file = whole(path)
    assert len(texts) == 3
    assert "no packed data" in file.problems[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (zipped(b""), "is empty"),
        (zipped(lines_of(9))[:12], "cut off"),
        (b"\x1f\x8b and no gzip", "beyond about byte 0"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9, "no frames file"),
        (b"id,price,qty\n1,2,3\n", "no frames file"),
        (b'{"stream":"btcusdt@trade"}\n', "no frames file"),
    ],
)
def test_a_file_that_is_no_frames_file_is_refused(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said):
        FramesFile(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        FramesFile(tmp_path / "none")
    with pytest.raises(SourceError, match="directory"):
        FramesFile(tmp_path)
