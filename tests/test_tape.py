"""The tape: sealed Parquet that gives every frame back, whatever happened on the way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.events import CONNECT, DISCONNECT, RUN_START, TICK, Frames, frozen
from recorder.check import check, coverage
from recorder.folder import SESSION, TapeError, journals, manifests, tape_folder
from recorder.journal import Journal
from recorder.seal import seal_closed
from recorder.tape import Tape, TapeSource, find_tape
from tests.running import SHARED
from tests.wire_frames import book, trade

ROOT = Path(__file__).parents[1]
START_NS = 1_790_000_000_000_000_000
DAY_NS = 86_400_000_000_000
LEVELS = '"U":5,"u":7,"pu":4,"b":[["85606.30","16.972"]],"a":[["85606.40","0.094"]]'
PRINT = '"t":81,"p":"83680.00","q":"0.001","X":"MARKET","m":true'
GOOD = [book(LEVELS).encode(), trade(PRINT).encode()]
ODD = [b"", b"garbage", b"\xff\x00", b'{"result":null,"id":1}', b'{"stream":"btcusdt@trade"']
ODD += [GOOD[0].replace(b"85606.30", b"085606.30"), GOOD[1].replace(b"0.001", b"0.00100")]


def recorded(folder: Path, frames: list[bytes], step_ns: int = 1_000_000) -> None:
    """A journal with these frames, and some control events between them."""
    journal = Journal(folder)
    journal.control(START_NS, RUN_START, value=12)
    journal.control(START_NS, CONNECT, conn=1)
    for i, frame in enumerate(frames):
        journal.append(START_NS + i * step_ns, 1, frame)
    journal.control(START_NS + len(frames) * step_ns, TICK)
    journal.close()


def texts(parts: Any) -> list[tuple[int, int, bytes]]:
    """(seq, ts_recv, frame) of batches of frames."""
    found = []
    for frames in parts:
        data = frames.text.tobytes()
        rows = zip(frames.seq, frames.ts_recv, frames.start, frames.stop, strict=True)
        found += [(int(seq), int(ts), data[a:b]) for seq, ts, a, b in rows]
    return found


def rows(source: TapeSource) -> list[bytes]:
    """Every column of every batch, joined, as bytes."""
    batches = list(source)
    joined = []
    for table in range(3):
        for name in type(batches[0][table])._fields:
            parts = [getattr(batch[table], name) for batch in batches]
            if not isinstance(parts[0], tuple):
                joined.append(np.concatenate(parts).tobytes())
    return joined


@settings(max_examples=40, deadline=None)
@given(
    frames=st.lists(st.one_of(st.sampled_from(GOOD + ODD), st.binary(max_size=200)), max_size=40)
)
def test_any_frames_come_back_byte_for_byte(
    frames: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    for symbol in ("BTCUSDT", SESSION):
        folder = tape_folder(tmp_path_factory.mktemp("tape"), symbol)
        recorded(folder, frames)
        before = texts(Tape(folder).frames())
        assert [frame for _, _, frame in before] == frames
        source = TapeSource(folder)
        unsealed = rows(source)
        assert seal_closed(folder) == [1]
        assert journals(folder) == []
        assert texts(Tape(folder).frames()) == before
        assert rows(TapeSource(folder)) == unsealed
        assert [one for one in check(Tape(folder)) if one.what in ("file", "seq")] == []


def test_control_events_keep_their_place_and_value(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD)
    seal_closed(folder)
    (events,) = TapeSource(tmp_path)
    assert events.control.seq.tolist() == [0, 1, 4]
    assert events.control.value.tolist() == [12, 0, 0]
    assert events.depth.seq.tolist() == [2]
    assert events.trades.seq.tolist() == [3]


def test_a_range_is_read_without_the_rest(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD * 10)
    seal_closed(folder)
    first, last = START_NS + 4_000_000, START_NS + 9_000_000
    (events,) = TapeSource(folder, from_ns=first, to_ns=last)
    stamps = np.sort(np.concatenate([events.depth.ts_recv, events.trades.ts_recv]))
    assert stamps.tolist() == list(range(first, last, 1_000_000))
    assert [ts for _, ts, _ in texts(Tape(folder).frames(first, last))] == stamps.tolist()
    assert list(TapeSource(folder, from_ns=last + 10**12)) == []


def test_other_tools_open_the_files_as_they_are(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD * 3)
    seal_closed(folder)
    frame = pl.scan_parquet(f"{tmp_path}/**/depth-*.parquet", hive_partitioning=True).collect()
    assert str(frame["bid_px_1"].dtype) == "Decimal(precision=18, scale=2)"
    assert str(frame["ts_recv"].dtype) == "Datetime(time_unit='ns', time_zone='UTC')"
    assert frame["symbol"].unique().to_list() == ["BTCUSDT"]
    assert str(frame["bid_px_1"][0]) == "85606.30"
    query = f"select venue, sum(qty) from '{tmp_path}/**/trades-*.parquet' group by venue"
    (row,) = duckdb.connect().execute(query).fetchall()
    assert (row[0], str(row[1])) == ("binance-usdm", "0.003")


def test_which_tape_a_folder_means(tmp_path: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT", SESSION):
        recorded(tape_folder(tmp_path, symbol), GOOD)
        seal_closed(tape_folder(tmp_path, symbol))
    assert find_tape(tmp_path, "ethusdt").symbol == "ETHUSDT"
    assert find_tape(tape_folder(tmp_path, "BTCUSDT")).symbol == "BTCUSDT"
    with pytest.raises(TapeError, match="several tapes"):
        find_tape(tmp_path)
    with pytest.raises(TapeError, match="no tape of XRPUSDT"):
        find_tape(tmp_path, "XRPUSDT")
    day = manifests(tape_folder(tmp_path, "BTCUSDT"))[0][1].parent
    assert find_tape(day).date == day.name.removeprefix("date=")


def test_a_tape_is_found_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD)
    seal_closed(folder)
    for inside in (tmp_path, folder, manifests(folder)[0][1].parent):
        monkeypatch.chdir(inside)
        assert find_tape(Path()).symbol == "BTCUSDT"


def test_a_changed_byte_in_a_sealed_file_is_found_and_named(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD * 5)
    seal_closed(folder)
    path = next(folder.glob("date=*/trades-*.parquet"))
    data = bytearray(path.read_bytes())
    for at in (10, len(data) // 2, len(data) - 1):
        data[at] ^= 1
        path.write_bytes(bytes(data))
        found = [one for one in check(Tape(folder)) if one.what == "file"]
        assert [one.wrong for one in found] == [True]
        assert path.name in found[0].text
        data[at] ^= 1
    path.unlink()
    assert "missing" in next(one for one in check(Tape(folder)) if one.what == "file").text


def test_damage_in_a_journal_is_named_and_the_rest_is_sealed(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD * 5)
    path = journals(folder)[0][1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert [one.what for one in check(Tape(folder)) if one.wrong] == ["journal"]
    seal_closed(folder)
    found = [one for one in check(Tape(folder)) if one.what == "seq"]
    assert [one.wrong for one in found] == [True]
    assert len(texts(Tape(folder).frames())) == 9
    assert "lacks seq" in TapeSource(folder).problems[0]


SEALER = "import sys; from pathlib import Path; from recorder.seal import seal_closed; "
SEALER += "print('ready', flush=True); seal_closed(Path(sys.argv[1]))"


def test_a_seal_killed_at_any_instant_is_finished_or_redone(tmp_path: Path) -> None:
    frames = [*GOOD * 3_000, *ODD]
    delays = (0.0, 0.03, 0.1, 0.2, 0.35)
    for run, delay in enumerate(delays):
        folder = tape_folder(tmp_path / str(run), "BTCUSDT")
        recorded(folder, frames)
        command = [sys.executable, "-c", SEALER, str(folder)]
        sealer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert sealer.stdout is not None
        sealer.stdout.readline()
        time.sleep(delay)
        sealer.kill()
        sealer.stdout.close()
        sealer.wait()
        assert [frame for _, _, frame in texts(Tape(folder).frames())] == frames
        seal_closed(folder)
        assert journals(folder) == []
        assert [number for number, _ in manifests(folder)] == [1]
        assert [frame for _, _, frame in texts(Tape(folder).frames())] == frames
        assert list(folder.glob("date=*/.*")) == []


@pytest.mark.parametrize("step", ["tables", "renamed", "manifest"])
def test_a_seal_that_stopped_between_two_steps_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import recorder.seal as module

    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD * 5)
    stop = {"tables": "_prove", "renamed": "manifest_path", "manifest": "sync_folder"}[step]
    real = getattr(module, stop)
    calls = []

    def power_cut(*args: Any) -> Any:
        calls.append(args)
        if step != "manifest" or len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(module, stop, power_cut)
    with pytest.raises(KeyboardInterrupt):
        seal_closed(folder)
    monkeypatch.undo()
    assert [frame for _, _, frame in texts(Tape(folder).frames())] == GOOD * 5
    seal_closed(folder)
    assert [number for number, _ in manifests(folder)] == [1]
    assert [frame for _, _, frame in texts(Tape(folder).frames())] == GOOD * 5


def test_the_scale_is_kept_once_it_is_known(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "XYZUSDT")
    early = [b'{"result":null,"id":1}']
    late = [trade(PRINT.replace("0.001", "0.5"), "xyzusdt@trade").replace("BTC", "XYZ").encode()]
    for frames in (early, late, late):
        recorded(folder, frames)
        seal_closed(folder)
    source = TapeSource(folder)
    assert (source.px_decimals, source.qty_decimals) == (2, 1)
    assert sum(len(events.trades.seq) for events in source) == 2


def test_coverage_counts_what_is_there(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD * 5)
    seal_closed(folder)
    (day,) = coverage(Tape(folder))
    assert day.rows == {"depth": 5, "trades": 5, "marks": 0, "control": 3, "verbatim": 0}
    assert sum(day.hours) == 13
    said = json.loads(manifests(folder)[0][1].read_text(encoding="utf-8"))
    assert day.date == said["date"]
    assert day.bytes == sum(entry["bytes"] for entry in said["files"].values())


@pytest.mark.skipif(not SHARED.is_dir(), reason="the wire vectors are not on this machine")
def test_every_kind_of_wire_frame_is_kept(tmp_path: Path) -> None:
    lines = (SHARED / "vectors.jsonl").read_text(encoding="utf-8").splitlines()
    frames = [json.loads(line)["raw"].encode() for line in lines]
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, frames)
    seal_closed(folder)
    assert [frame for _, _, frame in texts(Tape(folder).frames())] == frames


def test_an_empty_frame_list_is_no_error(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, [])
    seal_closed(folder)
    assert texts(Tape(folder).frames()) == []
    nothing = Frames(frozen([], "u1"), *(frozen([]) for _ in range(4)), frozen([], "i2"))
    assert texts([nothing]) == []


def test_a_reader_has_each_segment_once_while_it_is_sealed(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD)
    seal_closed(folder)
    recorded(folder, GOOD)
    reading = Tape(folder).frames(), Tape(folder).events()
    first = [next(part) for part in reading]
    seal_closed(folder)
    assert texts([first[0], *reading[0]]) == texts(Tape(folder).frames())
    assert sum(len(part.depth.seq) for part in [first[1], *reading[1]]) == 2


def test_a_journal_that_is_not_what_its_segment_was_made_of_is_not_deleted(tmp_path: Path) -> None:
    folder, other = tape_folder(tmp_path, "BTCUSDT"), tape_folder(tmp_path / "b", "BTCUSDT")
    recorded(folder, GOOD)
    recorded(other, GOOD * 3)
    _, path = journals(folder)[0]
    mine, foreign = path.read_bytes(), journals(other)[0][1].read_bytes()
    seal_closed(folder)
    path.write_bytes(foreign)
    with pytest.raises(TapeError, match="hold different recordings"):
        seal_closed(folder)
    assert path.read_bytes() == foreign
    path.write_bytes(mine)  # as when the sealer was killed before it could delete it
    assert seal_closed(folder) == [1]
    assert journals(folder) == []


def test_a_damaged_table_and_a_day_that_is_not_there_are_told(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, GOOD)
    seal_closed(folder)
    with pytest.raises(TapeError, match="holds no tape"):
        find_tape(folder / "date=2031-01-01")
    with pytest.raises(TapeError, match="no tape of ETHUSDT"):
        find_tape(next(folder.glob("date=*")), "ETHUSDT")
    path = next(folder.glob("date=*/depth-*"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TapeError, match=r"depth-000001\.parquet cannot be read"):
        list(TapeSource(tmp_path))


def test_a_handover_in_a_later_segment_is_a_note(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder)
    journal.control(START_NS, RUN_START)
    journal.control(START_NS, CONNECT, conn=1)
    journal.control(START_NS + DAY_NS, CONNECT, conn=2)
    journal.control(START_NS + DAY_NS + 1, DISCONNECT, conn=1)
    journal.control(START_NS + DAY_NS + 2, DISCONNECT, conn=2)
    journal.close()
    seal_closed(folder)
    found = [one.wrong for one in check(Tape(folder)) if one.what == "disconnect"]
    assert found == [False, True]


def test_a_pause_of_trades_in_which_no_id_was_skipped_is_a_note(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder)
    second = 1_000_000_000
    for k in range(400):
        ts = START_NS + k * second // 10
        times = f'"E":{ts // 1_000_000},"T":{ts // 1_000_000}'
        ids = f'"U":{k + 1},"u":{k + 1},"pu":{k}'
        text = book(f'{ids},"b":[["85606.30","16.972"]],"a":[["85606.40","0.094"]]')
        journal.append(ts, 1, re.sub(r'"E":\d+,"T":\d+', times, text).encode())
        if k < 60 or k >= 140:
            text = trade(PRINT.replace("81", str(k if k < 60 else k - 80)))
            journal.append(ts + 1, 1, re.sub(r'"E":\d+,"T":\d+', times, text).encode())
    journal.close()
    seal_closed(folder)
    found = [(one.what, one.wrong) for one in check(Tape(folder))]
    assert found == [("stream_silent", False)]


def test_journals_that_are_not_sealed_have_one_scale(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "NEWUSDT")
    for price in ("1.5", "1.75"):
        text = book(LEVELS.replace("85606.30", price)).replace("btcusdt", "newusdt")
        journal = Journal(folder)
        journal.append(START_NS, 1, text.replace("BTCUSDT", "NEWUSDT").encode())
        journal.close()
    before = rows(TapeSource(tmp_path))
    seal_closed(folder)
    assert rows(TapeSource(tmp_path)) == before
