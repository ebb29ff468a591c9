"""`micropulse fixture`: a small frames file, every frame as it came, and what to know of it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from micropulse.cli import app
from micropulse.testing import read
from replay.fixture import cut_fixture
from replay.frames import SourceError
from replay.tape_files import import_frames

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jsonl.gz"
START = 1_767_657_495_000_000_000  # 2026-01-05T23:58:15Z
SECOND = 1_000_000_000


def lines(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()


def received(line: bytes) -> int:
    return int(line.split(b" ", 1)[0])


WANTED = [line for line in lines(SAMPLE) if START <= received(line) < START + 2 * SECOND]


@pytest.mark.parametrize("name", ["a.jsonl", "b/c.jsonl.gz"])
def test_it_has_the_frames_of_the_range_to_the_byte(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    made = cut_fixture(str(SAMPLE), path, None, START, START + 2 * SECOND)
    assert lines(path) == WANTED
    assert made.frames == made.events == len(WANTED) == read(path).events.n > 30
    assert (made.first_ns, made.last_ns) == (received(WANTED[0]), received(WANTED[-1]))
    assert made.bytes == path.stat().st_size


def test_of_a_tape_it_is_the_same(tmp_path: Path) -> None:
    short = tmp_path / "short.jsonl"
    cut_fixture(str(SAMPLE), short, None, START - SECOND, START + 3 * SECOND)
    import_frames(short, tmp_path / "data", None)
    cut_fixture(str(tmp_path / "data"), tmp_path / "a.jsonl", None, START, START + 2 * SECOND)
    assert lines(tmp_path / "a.jsonl") == WANTED


def test_it_says_what_is_in_it_and_that_it_begins_in_the_middle(tmp_path: Path) -> None:
    words = ["fixture", str(SAMPLE), "-o", str(tmp_path / "a.jsonl"), "--from"]
    words += ["2026-01-05T23:58:15Z", "--to", "2026-01-05T23:58:17Z"]
    done = CliRunner().invoke(app, words)
    n = len(WANTED)
    assert f"{n} frames, {n} of them events, 2026-01-05T23:58:15" in done.stdout
    assert "note: It begins in the middle: windowed features are cold" in done.stderr
    said = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (said["frames"], said["first_ns"]) == (n, received(WANTED[0]))


def test_from_its_beginning_there_is_nothing_to_note(tmp_path: Path) -> None:
    first = received(lines(SAMPLE)[0])
    for from_ns in (None, first):
        made = cut_fixture(str(SAMPLE), tmp_path / "a.jsonl", None, from_ns, START)
        assert made.notes == []


def test_an_empty_range_leaves_the_older_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("older", encoding="utf-8")
    with pytest.raises(SourceError, match=r"no file was written\. It begins at 2026-01-05T23:58"):
        cut_fixture(str(SAMPLE), path, None, 0, 1)
    assert path.read_text(encoding="utf-8") == "older"


def test_frames_that_are_no_events_are_named(tmp_path: Path) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text(f'{START} {{"result":null,"id":1}}\n', encoding="utf-8")
    made = cut_fixture(str(odd), tmp_path / "a.jsonl", None, None, None)
    assert (made.frames, made.events) == (1, 0)
    assert made.notes == [
        "None of its frames is a book, a trade or a mark price: it has no events."
    ]
