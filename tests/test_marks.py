"""Mark prices from the wire to the tape and back, and live against the recording."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from micropulse.digest import InputDigest
from micropulse.events import Events
from micropulse.params import resolve
from micropulse.strategy import load_strategy
from micropulse.testing import accounts_reconcile, sane_orders
from micropulse.testing.rows import rows_of
from micropulse.testing.tables import rows
from micropulse.wire import Decoder
from recorder.check import check, coverage
from recorder.folder import manifests, tape_folder
from recorder.seal import seal_closed
from recorder.tape import Tape, TapeSource
from replay.backtest import Session, backtest
from replay.frames import FramesSource
from replay.runs import Run
from replay.server.background import running_server
from replay.simulator import EVERY_FAULT, START_NS, simulate, write
from replay.tape_files import import_frames
from replay.verify import verify
from tests.planted import one_more, planted
from tests.test_tape import recorded, texts
from tests.wire_frames import VECTORS, texts_of
from tests.wire_frames import check as check_frames

ROOT = Path(__file__).parents[1]
EAGER = str(ROOT / "tests/strategies_under_test/eager.py")
BEFORE_STAMP_NS = START_NS + (8 * 3_600 - 25) * 10**9
MINUTE_H = 1 / 60


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute around a funding stamp, with mark prices, as a frames file."""
    path = tmp_path_factory.mktemp("market") / "marked.jsonl"
    write(path, 5, MINUTE_H, BEFORE_STAMP_NS, marks=True)
    return path


def digest_of(batches: list[Events]) -> str:
    digest = InputDigest()
    for events in batches:
        digest.update(events)
    return digest.hexdigest()


def marks_in(batches: list[Events]) -> int:
    return sum(len(events.marks.seq) for events in batches)


# ---- the tape --------------------------------------------------------------------------------


def test_a_tape_gives_the_events_and_the_bytes_of_its_frames_file(
    market: Path, tmp_path: Path
) -> None:
    import_frames(market, tmp_path)
    tape, file = list(TapeSource(tmp_path)), list(FramesSource(str(market), None, None, None))
    assert marks_in(tape) == marks_in(file) == 60
    assert digest_of(tape) == digest_of(file)
    frames = [frame for _, _, frame in texts(TapeSource(tmp_path).tape.frames())]
    assert frames == [line.split(b" ", 1)[1] for line in market.read_bytes().splitlines()]
    (manifest,) = [path for _, path in manifests(tape_folder(tmp_path, "BTCUSDT"))]
    said = json.loads(manifest.read_text(encoding="utf-8"))
    assert said["rows"]["marks"] == 60 and said["rows"]["verbatim"] == 0
    assert not [one for one in check(TapeSource(tmp_path).tape) if one.what == "file"]
    (day,) = coverage(TapeSource(tmp_path).tape)
    assert day.rows["marks"] == 60


def test_polars_reads_marks_as_decimals(market: Path, tmp_path: Path) -> None:
    import_frames(market, tmp_path)
    marks = pl.read_parquet(tmp_path / "**/marks-*.parquet")
    assert marks.schema["px"] == marks.schema["rate"] == pl.Decimal(18, 8)
    assert marks["next_funding_ts"].n_unique() == 2
    assert marks["px"].is_between(80_000, 90_000).all()


def test_every_form_of_a_mark_frame_is_kept_and_sealed(tmp_path: Path) -> None:
    frames = [vector.frame.encode() for vector in VECTORS if "mark" in vector.name]
    folder = tape_folder(tmp_path, "BTCUSDT")
    recorded(folder, frames * 3)
    journaled = list(Tape(folder).events())
    seal_closed(folder)
    assert [frame for _, _, frame in texts(Tape(folder).frames())] == frames * 3
    assert digest_of(list(Tape(folder).events())) == digest_of(journaled)
    assert marks_in(journaled) > len(frames)


def test_a_tape_from_before_marks_had_a_table_gives_the_same_events(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_frames(market, tmp_path / "new")
    with monkeypatch.context() as patch:
        patch.setattr("recorder.seal.decoded", decoded_as_before)
        import_frames(market, tmp_path / "old")
    (manifest,) = [path for _, path in manifests(tape_folder(tmp_path / "old", "BTCUSDT"))]
    said = json.loads(manifest.read_text(encoding="utf-8"))
    assert said["rows"].pop("marks") == 0 and said["rows"]["verbatim"] == 60
    manifest.write_text(json.dumps(said), encoding="utf-8")
    old, new = (TapeSource(tmp_path / name) for name in ("old", "new"))
    assert digest_of(list(old)) == digest_of(list(new))
    assert texts(old.tape.frames()) == texts(new.tape.frames())
    middle = BEFORE_STAMP_NS + 30 * 10**9
    parts = [list(TapeSource(tmp_path / name, None, middle)) for name in ("old", "new")]
    assert digest_of(parts[0]) == digest_of(parts[1])
    assert 0 < marks_in(parts[0]) < 60
    assert not [one for one in check(old.tape) if one.what == "file"]
    assert coverage(old.tape)[0].rows["marks"] == 0


def decoded_as_before(symbol, digits, frames):  # type: ignore[no-untyped-def]
    """What the decoding of a tape was before it knew mark prices: they are only text."""
    from micropulse.events import no_marks
    from recorder.decoding import decoded

    events, keep, decoder = decoded(symbol, digits, frames)
    at = np.flatnonzero(np.isin(frames.seq, events.marks.seq))
    return events._replace(marks=no_marks()), np.union1d(keep, at), decoder


# ---- the simulated market --------------------------------------------------------------------


def test_marks_leave_the_market_as_it_is() -> None:
    plain = [text for part in simulate(5, MINUTE_H) for text in texts_of(part)]
    parts = list(simulate(5, MINUTE_H, marks=True))
    marked = [text for part in parts for text in texts_of(part)]
    assert [text for text in marked if b"markPrice" not in text] == plain
    seqs = np.concatenate([part.seq for part in parts])
    assert seqs.tolist() == list(range(len(marked)))
    assert (np.diff(np.concatenate([part.ts_recv for part in parts])) >= 0).all()


def test_marks_are_the_same_wherever_chunks_end() -> None:
    given = (5, MINUTE_H, BEFORE_STAMP_NS, EVERY_FAULT)
    whole = [text for part in simulate(*given, marks=True) for text in texts_of(part)]
    small = [text for part in simulate(*given, 50, marks=True) for text in texts_of(part)]
    assert whole == small


def test_simulated_marks_say_what_the_wire_says() -> None:
    (frames,) = simulate(5, MINUTE_H, BEFORE_STAMP_NS, marks=True)
    decoder = Decoder("BTCUSDT", 2, 3)
    decoded = check_frames(frames, decoder)
    marks = decoded.events.marks
    assert decoder.counts["fallback"] == decoder.counts["other_frames"] == 0
    assert len(rows_of(decoded.events)) == len(frames.seq)
    assert (np.diff(marks.ts_event // 10**9) >= 1).all()
    assert set(marks.next_funding_ts - START_NS) == {8 * 3_600 * 10**9, 16 * 3_600 * 10**9}
    assert ((marks.ts_event < marks.next_funding_ts) & (abs(marks.rate) <= 75_000)).all()


# ---- live ------------------------------------------------------------------------------------


def test_the_kit_adds_up_the_money_of_a_run_that_paid_funding(market: Path, tmp_path: Path) -> None:
    """And finds a payment, a cash and a position that are off by a unit."""
    strategy = load_strategy(EAGER)
    run = tmp_path / "run"
    backtest(FramesSource(market), strategy, resolve(strategy.Params, None, ["turn=-2.0"]), run)
    samples = pl.read_parquet(run / "samples.parquet")
    assert accounts_reconcile(run) > 0 and sane_orders(run) > 0
    paid = rows(Run(run).trips)
    trip = next(row for row, trip in enumerate(paid) if trip["funding"])
    shutil.copytree(run, tmp_path / "trip")
    file = tmp_path / "trip" / "transaction.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    cells, column = lines[trip + 1].split(","), lines[0].split(",").index("funding")
    cells[column] = str(one_more(Decimal(cells[column])))
    lines[trip + 1] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"sample \d+, field cash"):
        accounts_reconcile(tmp_path / "trip")
    held = next(row for row, qty in enumerate(samples["position"].to_list()) if qty)
    bad = planted(run, tmp_path / "position", "samples", held, "position", one_more)
    with pytest.raises(AssertionError, match=f"sample {held}, field position"):
        accounts_reconcile(bad)
    last = samples.height - 1
    assert not samples["position"][last]
    bad = planted(run, tmp_path / "cash", "samples", last, "cash", one_more)
    with pytest.raises(AssertionError, match=f"sample {last}, field cash"):
        accounts_reconcile(bad)


def test_live_over_a_funding_stamp_is_what_its_recording_says(market: Path, tmp_path: Path) -> None:
    """Marks come by a second socket, on /market; the run is verified from its own tape."""
    with running_server(market, speed=10.0) as server:
        words = [sys.executable, "-m", "micropulse", "live", "BTCUSDT", "--url", server.url]
        words += ["--streams", "depth5@100ms,trade,markPrice@1s", "--strategy", EAGER]
        words += ["--set", "execution.latency=5", "--data", str(tmp_path / "data")]
        words += ["--run", str(tmp_path / "run"), "--duration", "5s", "--json"]
        words += ["--transactions", str(tmp_path / "transaction.csv")]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["counts"]["marks"] > 20
    assert summary["counts"]["other_frames"] == 0
    strategy = load_strategy(EAGER)
    settings = resolve(strategy.Params, None, ["execution.latency=5"])
    session = Session(TapeSource(tmp_path / "data", "BTCUSDT"), strategy, settings)
    session.run([])
    assert session.core.digest() == summary["digest"]
    verdict = verify(tmp_path / "run")
    assert verdict.same and verdict.digest == summary["digest"], verdict
