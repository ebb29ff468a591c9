"""The journal: append-only, one writer, whole after anything."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.events import CLOCK_STEP, RUN_START
from recorder.entries import CONN, HEADER_BYTES, SEQ, TS, pack, read_entries
from recorder.folder import TapeError, journals, tape_folder
from recorder.journal import Journal, JournalError

ROOT = Path(__file__).parents[1]
FRAMES = st.lists(st.binary(max_size=300), min_size=1, max_size=30)
DAY_NS = 86_400_000_000_000


def entries_of(folder: Path) -> list[tuple[int, int, int, bytes]]:
    """(seq, ts_recv, conn, frame) of every frame in the journal, in order."""
    found = []
    for _, path in journals(folder):
        entries = read_entries(path.read_bytes())
        assert entries.damage == []
        frames = entries.frames()
        text = frames.text.tobytes()
        for i in range(len(frames.seq)):
            frame = text[frames.start[i] : frames.stop[i]]
            row = int(frames.seq[i]), int(frames.ts_recv[i]), int(frames.conn[i])
            found.append((*row, frame))
    return found


@settings(max_examples=60, deadline=None)
@given(frames=FRAMES, conn=st.integers(-32_768, 32_767))
def test_what_was_appended_is_read_back(frames: list[bytes], conn: int) -> None:
    data = b"".join(pack(conn, 0, seq, seq * 7, frame) for seq, frame in enumerate(frames))
    entries = read_entries(data)
    assert entries.damage == []
    assert entries.table[SEQ].tolist() == list(range(len(frames)))
    assert entries.table[TS].tolist() == [seq * 7 for seq in range(len(frames))]
    assert set(entries.table[CONN].tolist()) == {conn}
    found = entries.frames()
    texts = [found.text[a:b].tobytes() for a, b in zip(found.start, found.stop, strict=True)]
    assert texts == frames


@settings(max_examples=150, deadline=None)
@given(frames=FRAMES, at=st.integers(0, 10**9), change=st.integers(0, 255))
def test_a_flipped_or_missing_byte_costs_one_entry_and_is_named(
    frames: list[bytes], at: int, change: int
) -> None:
    packed = [pack(1, 0, seq, seq, frame) for seq, frame in enumerate(frames)]
    data = bytearray(b"".join(packed))
    at %= len(data)
    if change:
        data[at] ^= change
    else:
        del data[at]
    hit, before = 0, 0
    while before + len(packed[hit]) <= at:
        before += len(packed[hit])
        hit += 1
    entries = read_entries(bytes(data))
    assert entries.table[SEQ].tolist() == [seq for seq in range(len(frames)) if seq != hit]
    assert len(entries.damage) == 1
    assert entries.damage[0].start == before


def test_a_run_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    first = Journal(folder)
    assert (first.last_seq, first.last_ts) == (-1, 0)
    first.control(5, RUN_START, value=-3)
    first.append(6, 1, b"one")
    first.close()
    second = Journal(folder)
    assert (second.last_seq, second.last_ts, second.problems) == (1, 6, [])
    assert second.append(7, 2, b"two") == 2
    second.close()
    assert entries_of(folder) == [(1, 6, 1, b"one"), (2, 7, 2, b"two")]
    control = read_entries(journals(folder)[0][1].read_bytes()).control()
    assert control == {"seq": [0], "ts_recv": [5], "kind": [1], "conn": [0], "value": [-3]}


def test_a_torn_tail_is_cut_and_said(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder)
    for seq in range(10):
        journal.append(seq, 1, b"frame %d" % seq)
    journal.close()
    path = journals(folder)[0][1]
    os.truncate(path, path.stat().st_size - 3)
    again = Journal(folder)
    assert again.last_seq == 8
    assert "torn" in again.problems[0]
    again.append(10, 1, b"more")
    again.close()
    assert [row[3] for row in entries_of(folder)] == [b"frame %d" % k for k in range(9)] + [b"more"]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder)
    with pytest.raises(JournalError, match="another process"):
        Journal(folder)
    journal.close()
    Journal(folder).close()


def test_a_name_that_is_no_symbol_makes_no_folder(tmp_path: Path) -> None:
    for name in ("../BTCUSDT", "btcusdt", "", "A" * 65):
        with pytest.raises(TapeError, match="no symbol"):
            tape_folder(tmp_path, name)


def test_midnight_and_size_begin_a_new_segment_without_losing_order(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder, segment_bytes=1_000)
    stamps = [DAY_NS - 2, DAY_NS - 1, DAY_NS, DAY_NS - 1, DAY_NS + 5]
    for ts in stamps:
        journal.append(ts, 1, b"x")
    assert journal.rolled()
    assert not journal.rolled()
    for _ in range(40):
        journal.append(DAY_NS + 9, 1, b"y" * 100)
        journal.flush()
    journal.close()
    assert len(journals(folder)) >= 5
    found = entries_of(folder)
    assert [row[0] for row in found] == list(range(45))
    assert [row[1] for row in found][:5] == stamps


def test_a_full_disk_leaves_whole_entries_and_a_later_flush_succeeds(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder)
    journal.append(1, 1, b"a" * 500)
    journal.flush()
    journal.append(2, 1, b"b" * 5_000)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, old[1]))
        with pytest.raises(OSError, match="large"):
            journal.flush()
        assert [row[0] for row in entries_of(folder)] == [0]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, before)
    journal.flush()
    journal.close()
    assert [row[0] for row in entries_of(folder)] == [0, 1]


def test_sync_returns_when_it_is_on_disk(tmp_path: Path) -> None:
    journal = Journal(tape_folder(tmp_path, "BTCUSDT"))
    for seq in range(3):
        journal.append(seq, 1, b"x")
    journal.flush()
    journal.sync(2)
    journal.control(9, CLOCK_STEP, value=5)
    journal.flush()
    journal.sync(wait=False)
    journal.close()


WRITER = """
import sys
from pathlib import Path
from recorder.journal import Journal
journal = Journal(Path(sys.argv[1]))
while True:
    for _ in range(7):
        seq = journal.last_seq + 1
        journal.append(seq, 1, b"frame %d " % seq + b"." * (seq * 37 % 400))
    journal.flush()
    print(journal.last_seq, flush=True)
"""


def test_a_killed_writer_has_lost_nothing_that_it_flushed(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    for run in range(4):
        command = [sys.executable, "-c", WRITER, str(folder)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(0.005 * run)
        writer.kill()
        rest = writer.stdout.read().splitlines()
        writer.stdout.close()
        writer.wait()
        flushed = int((rest or [first])[-1])
        journal = Journal(folder)
        journal.close()
        found = entries_of(folder)
        assert [row[0] for row in found] == list(range(journal.last_seq + 1))
        assert journal.last_seq >= flushed
        for seq, _, _, frame in found:
            assert frame == b"frame %d " % seq + b"." * (seq * 37 % 400)


def test_the_header_is_as_documented() -> None:
    assert len(pack(0, 0, 0, 0, b"")) == HEADER_BYTES == 32


def test_only_a_torn_entry_is_cut_off_and_other_damage_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder)
    for k in range(3):
        journal.append(k, 1, b"frame")
    journal.close()
    _, path = journals(folder)[0]
    whole = path.read_bytes()
    later = whole.replace(b"MPJ1", b"MPJ2")
    flipped = whole[:-1] + b"?"
    for data, left in (
        (later, later),
        (flipped, flipped),
        (whole[:-1], whole[: 2 * len(whole) // 3]),
        (whole + bytes(4096), whole),
    ):
        path.write_bytes(data)
        journal = Journal(folder)
        journal.close()
        assert path.read_bytes() == left
        assert len(journal.problems) == (data != left)


def test_a_segment_that_cannot_be_begun_leaves_the_one_before_open(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    journal = Journal(folder, segment_bytes=20)
    journal.append(0, 1, b"one")
    journal.flush()
    (folder / "journal").rename(folder / "moved")
    with pytest.raises(FileNotFoundError):
        journal.append(1, 1, b"two")
    time.sleep(0.1)  # had the old file been given away to be closed, it would be by now
    other = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    (folder / "moved").rename(folder / "journal")
    journal.append(1, 1, b"two")
    journal.close()
    os.close(other)
    assert [frame for _, _, _, frame in entries_of(folder)] == [b"one", b"two"]
    assert (tmp_path / "other").read_bytes() == b""


def test_a_manifest_that_cannot_be_read_is_told_and_the_lock_let_go(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    day = folder / "date=2026-11-22"
    day.mkdir(parents=True)
    for text in ("", '{"schema": 1', "[]", '{"schema": 2}'):
        (day / "manifest-000001.json").write_text(text, encoding="utf-8")
        with pytest.raises(JournalError, match=r"manifest-000001\.json cannot be read"):
            Journal(folder)
