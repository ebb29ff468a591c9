"""The tape: bytes a row, seal, and Parquet to columns.

    python -m benchmarks.tape --hours 24
    python -m benchmarks.tape --source night.jsonl.gz

A simulated market, or a frames file, becomes a journal; that is sealed and read. CPU seconds; the
digest is of every frame that came back.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.core import yardstick
from micropulse.events import Frames
from recorder.folder import journals, tape_folder
from recorder.journal import Journal
from recorder.seal import seal_closed, seal_journal
from recorder.tape import Tape, TapeSource
from replay.frames import FramesFile
from replay.simulator import simulate


def measure(batches: Iterable[Frames]) -> dict[str, Any]:
    """Record, seal and read these frames; every figure by name."""
    data = Path(tempfile.mkdtemp(prefix="micropulse-bench-"))
    try:
        folder = tape_folder(data, "BTCUSDT")
        received = hashlib.sha256()
        journal = Journal(folder)
        append_s, n = 0.0, 0
        for frames in batches:
            text = frames.text.tobytes()
            rows = list(zip(frames.start, frames.stop, frames.ts_recv.tolist(), strict=True))
            for a, b, _ in rows:
                received.update(text[a:b])
            started = time.process_time()
            for a, b, ts in rows:
                journal.append(ts, 1, text[a:b])
            journal.flush()
            append_s += time.process_time() - started
            n += len(rows)
        journal.close()
        started = time.process_time()
        for number, path in journals(folder):
            seal_journal(folder, number, path)
        seal_s = time.process_time() - started
        seal_closed(folder)
        started = time.process_time()
        read = sum(events.n for events in TapeSource(folder))
        read_s = time.process_time() - started
        back = hashlib.sha256()
        for frames in Tape(folder).frames():
            text = frames.text.tobytes()
            for a, b in zip(frames.start, frames.stop, strict=True):
                back.update(text[a:b])
        assert back.digest() == received.digest(), "a frame did not come back"
        return {
            "frames": n,
            "events": read,
            "append_us_a_frame": round(append_s / n * 1e6, 2),
            "seal_events_a_cpu_s": round(read / seal_s),
            "read_cpu_s": round(read_s, 3),
            **_bytes(folder),
            "yardstick_ns": round(yardstick(), 1),
            "digest": back.hexdigest(),
        }
    finally:
        shutil.rmtree(data)


def _bytes(folder: Path) -> dict[str, float]:
    figures = {}
    for table in ("depth", "trades", "verbatim"):
        sealed = [(one.said["rows"][table], one.file(table)) for one in Tape(folder).segments()]
        rows = sum(n for n, _ in sealed)
        size = sum(path.stat().st_size for _, path in sealed if path)
        if rows:
            figures[f"bytes_a_{table}_row"] = round(size / rows, 2)
    return figures


def main() -> None:
    """Print the figures; the first run compiles and is not shown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--source", type=Path)
    wanted = parser.parse_args()
    measure(simulate(1, 0.01))
    batches = FramesFile(wanted.source) if wanted.source else simulate(1, wanted.hours)
    print(json.dumps(measure(batches)))


if __name__ == "__main__":
    main()
