"""The tapes of a run: what becomes of frames that belong to no symbol."""

from __future__ import annotations

from pathlib import Path

from recorder.clock import Stamps, SystemClock
from recorder.folder import SESSION, tape_folder
from recorder.log import WARNING, Log
from recorder.tape import Tape
from recorder.tapes import Tapes


def begun(data: Path, symbol: str) -> tuple[Tapes, Log]:
    log = Log(lambda text: None, SystemClock())
    tapes = Tapes(data, (symbol,), log, None)
    tapes.begin(Stamps(SystemClock()))
    return tapes, log


def test_of_two_recorders_in_a_folder_one_has_the_tape_of_the_session(tmp_path: Path) -> None:
    first, _ = begun(tmp_path, "BTCUSDT")
    before, said = begun(tmp_path, "ETHUSDT")  # before there is such a tape
    assert first.of("").symbol == SESSION
    after, said_too = begun(tmp_path, "SOLUSDT")  # and when another has it
    for tapes, log, symbol in ((before, said, "ETHUSDT"), (after, said_too, "SOLUSDT")):
        for _ in range(2):
            tape = tapes.of("")
            assert tape.symbol == symbol
            tape.journal.append(1, 1, b"nobody's")
        assert log.said[WARNING] == 1
        assert tapes.end() == []
        [frames] = Tape(tape_folder(tmp_path, symbol)).frames()
        assert len(frames.seq) == 2
    assert first.end() == []
