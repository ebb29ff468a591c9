"""Frames files to tapes and back, and what a backtest makes of both."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropulse.params import resolve
from micropulse.strategy import load_strategy
from recorder.check import check
from recorder.folder import SESSION, TapeError, journals, manifests, tape_folder
from recorder.journal import Journal
from recorder.tape import TapeSource, find_tape, find_tapes
from replay.backtest import Session
from replay.frames import FramesSource, SourceError, write_frames
from replay.source import open_source
from replay.tape_files import import_frames, write_csv
from tests.running import REAL, SHARED
from tests.wire_frames import book, trade

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jsonl.gz"
RAW = SHARED / "btcusdt_usdm_20240808_235415_raw.gz"
FILES = [SAMPLE, *(path for path in (REAL, RAW) if path.exists())]
DAY_NS = 86_400_000_000_000
LEVELS = '"U":5,"u":7,"pu":4,"b":[["85606.30","16.972"]],"a":[["85606.40","0.094"]]'


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_imported_file_is_exported_byte_for_byte(path: Path, tmp_path: Path) -> None:
    made = import_frames(path, tmp_path / "data")
    assert sum(made.frames.values()) == made.file.counts["frames"] > 0
    tape = find_tape(tmp_path / "data")
    assert journals(tape.folder) == []
    write_frames(tmp_path / "out.jsonl", tape.frames())
    with gzip.open(path) as file:
        assert (tmp_path / "out.jsonl").read_bytes() == file.read()
    found = {one.what for one in check(tape) if one.wrong}
    if path == SAMPLE:  # it has every fault that our simulator makes
        assert {"missing_trades", "duplicates", "book_chain"} <= found
        assert not found & {"file", "seq", "journal"}
    else:
        assert found == set()


@pytest.mark.parametrize("path", FILES[:2], ids=lambda path: path.name)
def test_a_backtest_of_the_tape_has_the_digest_of_the_frames_file(
    path: Path, tmp_path: Path
) -> None:
    import_frames(path, tmp_path)
    strategy = load_strategy("wall_break")
    digests = set()
    for source in (FramesSource(path), TapeSource(tmp_path), open_source(str(tmp_path))):
        session = Session(source, strategy, resolve(strategy.Params))
        session.run([])
        digests.add((session.core.digest(), session.core.input_digest.hexdigest()))
    assert len(digests) == 1


def line(ts: int, frame: str) -> str:
    return f"{ts} {frame}\n"


def test_each_symbol_has_its_own_tape(tmp_path: Path) -> None:
    mine = book(LEVELS)
    other = mine.replace("btcusdt", "ethusdt").replace("BTCUSDT", "ETHUSDT")
    nobody = '{"result":null,"id":1}'
    path, start = tmp_path / "two.jsonl", 1_790_000_000_000_000_000
    frames = [nobody, mine, other, other, mine]
    text = "".join(line(start + k, frame) for k, frame in enumerate(frames))
    path.write_text(text, encoding="utf-8")
    made = import_frames(path, tmp_path / "data")
    assert made.frames == {"BTCUSDT": 3, "ETHUSDT": 2}
    assert [tape.symbol for tape in find_tapes(tmp_path / "data")] == ["BTCUSDT", "ETHUSDT"]
    only = import_frames(path, tmp_path / "one", "ETHUSDT")
    assert (only.frames, only.left_out) == ({"ETHUSDT": 3}, 2)


def test_files_follow_one_another_on_a_tape_and_never_go_back(tmp_path: Path) -> None:
    print_ = trade('"t":81,"p":"83680.00","q":"0.001","m":true')
    start = 1_790_000_000_000_000_000
    for k, ts in enumerate((start, start + DAY_NS)):
        path = tmp_path / f"{k}.jsonl"
        path.write_text(line(ts, print_) + line(ts + 5, print_), encoding="utf-8")
        import_frames(path, tmp_path / "data")
    folder = tape_folder(tmp_path / "data", "BTCUSDT")
    assert [number for number, _ in manifests(folder)] == [1, 2]
    seqs = [seq for events in TapeSource(folder) for seq in events.trades.seq.tolist()]
    assert seqs == [0, 1, 2, 3]
    with pytest.raises(TapeError, match="begins before the tape"):
        import_frames(tmp_path / "0.jsonl", tmp_path / "data")


@given(steps=st.lists(st.integers(-3, 40), min_size=1, max_size=30))
def test_days_are_cut_at_midnight_and_the_order_is_kept(
    steps: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("days")
    print_ = trade('"t":81,"p":"83680.00","q":"0.001","m":true')
    ts, lines = 1_790_000_000_000_000_000, []
    for step in steps:
        ts += step * 3_600_000_000_000
        lines.append(line(ts, print_))
    (folder / "f.jsonl").write_text("".join(lines), encoding="utf-8")
    import_frames(folder / "f.jsonl", folder / "data")
    tape = find_tape(folder / "data")
    dates = [segment.said["date"] for segment in tape.segments()]
    assert dates == sorted(set(dates))
    write_frames(folder / "out.jsonl", tape.frames())
    assert (folder / "out.jsonl").read_text(encoding="utf-8") == "".join(lines)


def test_a_file_without_a_symbol_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text(line(1_790_000_000_000_000_000, '{"lastUpdateId":5}'), encoding="utf-8")
    with pytest.raises(SourceError, match="--symbol"):
        import_frames(path, tmp_path / "data")
    assert import_frames(path, tmp_path / "data", "btcusdt").frames == {"BTCUSDT": 1}


def test_a_csv_has_a_row_for_each_book_and_trade(tmp_path: Path) -> None:
    import_frames(SAMPLE, tmp_path / "data")
    source = TapeSource(tmp_path / "data")
    rows = write_csv(source, tmp_path / "out.csv.gz")
    with gzip.open(tmp_path / "out.csv.gz", "rt", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert len(read) == rows
    assert [int(row["seq"]) for row in read] == sorted(int(row["seq"]) for row in read)
    batches = list(source)
    assert rows == sum(len(part.depth.seq) + len(part.trades.seq) for part in batches)
    first = next(row for row in read if row["event"] == "depth")
    assert int(float(first["bid_px_1"]) * 100 + 0.5) == batches[0].depth.bid_px[0][0]


def test_the_manifest_is_plain_json(tmp_path: Path) -> None:
    import_frames(SAMPLE, tmp_path)
    folder = find_tape(tmp_path).folder
    said = json.loads(manifests(folder)[0][1].read_text(encoding="utf-8"))
    assert said["recorded"]["from"] == "frames file"
    assert said["first_seq"] == 0
    assert said["gaps"]["missing_trades"] >= 0


def test_a_csv_has_one_head_and_the_levels_of_the_deepest_book(tmp_path: Path) -> None:
    start = 1_790_000_000_000_000_000
    deep = '"U":5,"u":9,"pu":7,"b":[' + ",".join(f'["{k}.00","1.000"]' for k in range(20, 10, -1))
    deep += '],"a":[]'
    texts = ['{"result":null,"id":1}', book(LEVELS), book(deep, "depth10@100ms")]
    folder = tape_folder(tmp_path, "BTCUSDT")
    for k, text in enumerate(texts):  # a segment each
        journal = Journal(folder)
        journal.append(start + k, 1, text.encode())
        journal.close()
    assert write_csv(TapeSource(tmp_path), tmp_path / "out.csv") == 2
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["event"] for line in lines] == ["depth", "depth"]
    assert [line["bid_px_10"] for line in lines] == ["", "11.00"]
    with pytest.raises(SourceError, match="not written"):
        write_csv(TapeSource(tmp_path), tmp_path / "out.csv.zst")


def test_a_symbol_that_can_name_no_folder_does_not_end_an_import(tmp_path: Path) -> None:
    strange = '{"stream":"币安@trade","data":{}}'
    start, path = 1_790_000_000_000_000_000, tmp_path / "some.jsonl"
    texts = [book(LEVELS), strange, book(LEVELS)]
    path.write_text("".join(line(start + k, text) for k, text in enumerate(texts)), "utf-8")
    made = import_frames(path, tmp_path / "data")
    assert made.frames == {"BTCUSDT": 2, SESSION: 1}
