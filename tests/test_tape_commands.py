"""The tape commands: what they say, and their exit codes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from typer.testing import CliRunner

from micropulse.cli import app
from replay.simulator import NO_FAULTS, write

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jsonl.gz"


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["tape", *words])
    return done.exit_code, done.stdout


def test_a_harmed_recording_ends_with_3_and_a_whole_one_with_0(tmp_path: Path) -> None:
    write(tmp_path / "good.jsonl", 3, 0.01, faults=NO_FAULTS)
    for name, source in (("good", tmp_path / "good.jsonl"), ("bad", SAMPLE)):
        assert run("import", str(source), "--data", str(tmp_path / name))[0] == 0
    code, said = run("check", str(tmp_path / "good"))
    assert (code, "nothing is wrong" in said) == (0, True)
    code, said = run("check", str(tmp_path / "bad"), "--json")
    assert code == 3
    kinds = {finding["what"] for finding in json.loads(said)["findings"] if finding["wrong"]}
    assert {"missing_trades", "duplicates", "book_chain"} <= kinds


def test_ls_shows_every_day_and_recover_has_nothing_left_to_do(tmp_path: Path) -> None:
    run("import", str(SAMPLE), "--data", str(tmp_path))
    code, said = run("ls", str(tmp_path))
    assert code == 0
    assert "2026-01-05" in said
    assert "█" in said
    days = json.loads(run("ls", str(tmp_path), "--json")[1])["days"]
    assert sum(sum(day["hours"]) for day in days) == 7_902
    assert run("recover", str(tmp_path))[0] == 0


def test_export_gives_the_file_that_was_imported(tmp_path: Path) -> None:
    run("import", str(SAMPLE), "--data", str(tmp_path / "data"))
    out = tmp_path / "out.jsonl.gz"
    assert run("export", str(tmp_path / "data"), "-o", str(out))[0] == 0
    with gzip.open(out) as mine, gzip.open(SAMPLE) as theirs:
        assert mine.read() == theirs.read()
    assert run("export", str(tmp_path / "data"), "-o", str(out), "--format", "npy")[0] == 2
