"""A tape read while it is written: everything once, in order, whatever happens to its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropulse.events import RUN_START, TICK, Events
from micropulse.wire import Decoder
from recorder.entries import pack
from recorder.folder import TapeError, journal_path, journals, manifests, tape_folder
from recorder.following import Following, end_of, sync_journals
from recorder.journal import Journal, has_writer
from recorder.seal import seal_closed
from recorder.tape import Tape
from tests.test_tape import GOOD, START_NS

STEPS = ("write", "write many", "look", "tear", "kill", "restart", "seal", "look")


def seqs_of(batches: list[Events]) -> list[int]:
    return sorted(int(seq) for events in batches for table in events for seq in table.seq)


class Writer:
    """A recorder's journal, driven by hand, with rolls every few entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stamp = START_NS
        self.journal: Journal | None = None
        self.start()

    def start(self) -> None:
        self.journal = self.journal or Journal(self.folder, segment_bytes=2_000)
        self.write(1)

    def write(self, n: int) -> None:
        assert self.journal is not None
        for _ in range(n):
            self.stamp += 1_000_000
            seq = self.journal.append(self.stamp, 1, GOOD[self.stamp // 1_000_000 % 2])
            if seq % 5 == 0:
                self.journal.control(self.stamp, TICK)
        self.journal.flush()

    def tear(self) -> None:
        """Half an entry, then death, as a kill -9 in the middle of a write leaves it."""
        number, path = journals(self.folder)[-1]
        assert number
        with path.open("ab") as file:
            file.write(pack(1, 0, 10**6, self.stamp, GOOD[0])[:77])
        self.stop()

    def stop(self) -> None:
        if self.journal is not None:
            self.journal.close()
        self.journal = None

    def do(self, step: str) -> None:
        if step == "seal":
            seal_closed(self.folder)
            return
        if self.journal is None:
            self.start()
        if step == "write":
            self.write(1)
        elif step == "write many":
            self.write(40)
        elif step == "tear":
            self.tear()
        elif step == "kill":
            self.stop()
        elif step == "restart":
            self.stop()
            self.start()


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=25), start=st.integers(0, 60))
def test_everything_is_read_once_and_in_order_whatever_becomes_of_the_files(
    steps: list[str], start: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tape_folder(tmp_path_factory.mktemp("tape"), "BTCUSDT")
    following = Following(folder, start, Decoder("BTCUSDT"))
    assert list(following.read()) == []
    writer, got = Writer(folder), []
    for step in steps:
        if step == "look":
            got += list(following.read())
        else:
            writer.do(step)
    writer.stop()
    got += list(following.read())
    assert list(following.read()) == []
    written = seqs_of(list(Tape(folder).events()))
    assert seqs_of(got) == [seq for seq in written if seq >= start]
    firsts = [min(int(t.seq[0]) for t in events if len(t.seq)) for events in got]
    assert firsts == sorted(firsts)
    assert [text for text in following.problems if "torn" not in text] == []
    assert end_of(folder) == written[-1]


def test_a_reader_that_lags_behind_a_seal_reads_the_sealed_segment(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    writer = Writer(folder)
    following = Following(folder, 0, Decoder("BTCUSDT"))
    got = list(following.read())
    writer.write(100)
    writer.stop()
    seal_closed(folder)
    assert journals(folder) == []
    assert len(manifests(folder)) > 5
    got += list(following.read())  # the rest of the file that was deleted, then the segments
    assert seqs_of(got) == list(range(end_of(folder) + 1))


@pytest.mark.parametrize("piece", [1, 7, 31, 32, 33, 450])
def test_a_journal_that_grows_by_any_number_of_bytes_gives_the_same_events(
    tmp_path: Path, piece: int
) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    data = b"".join(pack(1, 0, seq, START_NS + seq, GOOD[seq % 2]) for seq in range(12))
    path = journal_path(folder, 1)
    path.parent.mkdir(parents=True)
    following = Following(folder, 0, Decoder("BTCUSDT"))
    got: list[Events] = []
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(data), piece):
            file.write(data[at : at + piece])
            got += list(following.read())
            whole = [s for s in range(12) if len(data[: at + piece]) >= _end_of_entry(s)]
            assert seqs_of(got) == whole
    assert following.problems == []


def _end_of_entry(seq: int) -> int:
    return sum(32 + len(GOOD[k % 2]) for k in range(seq + 1))


def test_damage_is_passed_over_and_said(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    path = journal_path(folder, 1)
    path.parent.mkdir(parents=True)
    entries = [pack(1, 0, seq, START_NS + seq, GOOD[0]) for seq in range(5)]
    path.write_bytes(entries[0] + entries[1][:-9] + b"?" * 9)
    following = Following(folder, 0, Decoder("BTCUSDT"))
    got = list(following.read())
    with path.open("ab") as file:
        file.write(entries[2])
    got += list(following.read())
    assert seqs_of(got) == [0, 2]
    assert "damaged" in following.problems[0]


def test_a_tape_whose_end_was_lost_is_refused(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    writer = Writer(folder)
    writer.write(3)
    following = Following(folder, 0, Decoder("BTCUSDT"))
    assert seqs_of(list(following.read())) == list(range(end_of(folder) + 1))
    writer.stop()
    _, path = journals(folder)[-1]
    os.truncate(path, path.stat().st_size - len(pack(1, 0, 0, 0, GOOD[0])))
    writer.start()
    with pytest.raises(TapeError, match="again"):
        list(following.read())


def test_the_lock_says_whether_somebody_writes(tmp_path: Path) -> None:
    folder = tape_folder(tmp_path, "BTCUSDT")
    assert not has_writer(folder)
    journal = Journal(folder)
    journal.control(START_NS, RUN_START)
    journal.flush()
    assert has_writer(folder)
    sync_journals(folder)
    journal.close()
    assert not has_writer(folder)
    assert end_of(folder) == 0
