"""kill -9 of a real recorder: every frame that its journal had is on the tape, in order, once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from micropulse.events import RUN_START, RUN_STOP
from recorder.check import check
from recorder.entries import read_entries
from recorder.folder import journals, tape_folder
from recorder.tape import Tape, TapeSource
from replay.server.background import running_server

ROOT = Path(__file__).parents[1]
KILLS = 4


def frames_in_journals(folder: Path) -> list[tuple[int, bytes]]:
    """(seq, frame) of everything that is not sealed."""
    found = []
    for _, path in journals(folder):
        frames = read_entries(path.read_bytes()).frames()
        text = frames.text.tobytes()
        rows = zip(frames.seq.tolist(), frames.start, frames.stop, strict=True)
        found += [(seq, text[a:b]) for seq, a, b in rows]
    return found


def frames_on_tape(folder: Path) -> list[tuple[int, bytes]]:
    found = []
    for frames in Tape(folder).frames():
        text = frames.text.tobytes()
        rows = zip(frames.seq.tolist(), frames.start, frames.stop, strict=True)
        found += [(seq, text[a:b]) for seq, a, b in rows]
    return found


def test_a_killed_recorder_loses_nothing_that_was_journaled(tmp_path: Path) -> None:
    chance, data = random.Random(11), tmp_path / "data"
    folder = tape_folder(data, "BTCUSDT")
    seen: dict[int, bytes] = {}
    with running_server("sim:7", speed=20.0) as server:
        command = [sys.executable, "-m", "micropulse", "record", "BTCUSDT"]
        command += ["--url", server.url, "--data", str(data)]
        for run in range(KILLS + 1):
            recorder = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
            assert recorder.stderr is not None
            wanted, deadline = max(seen, default=0) + 50, time.monotonic() + 60
            while max((seq for seq, _ in frames_in_journals(folder)), default=0) < wanted:
                assert time.monotonic() < deadline, recorder.stderr.read1()
                time.sleep(0.02)
            time.sleep(chance.random() * 0.4)
            recorder.send_signal(signal.SIGKILL if run < KILLS else signal.SIGTERM)
            if run < KILLS:
                recorder.wait()
                seen.update(frames_in_journals(folder))
            else:
                assert recorder.wait(timeout=30) == 0
            recorder.stderr.close()
    assert journals(folder) == []
    taped = frames_on_tape(folder)
    seqs = [seq for seq, _ in taped]
    assert seqs == sorted(set(seqs))
    assert len(seen) > 50 * KILLS
    on_tape = dict(taped)
    assert [seq for seq, frame in seen.items() if on_tape.get(seq) != frame] == []
    kinds = [kind for events in TapeSource(folder) for kind in events.control.kind.tolist()]
    assert kinds.count(RUN_START) == KILLS + 1
    assert kinds.count(RUN_STOP) == 1
    assert [one for one in check(Tape(folder)) if one.what in ("file", "seq", "journal")] == []
