"""A server on a real port that does what a test tells it, and recording from it in a thread.

with scripted_server(handler) as url:               # handler(connection, path) in a thread each
    with recording(plan(["BTCUSDT"], url=url), tmp_path) as session: ...
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from micropulse.events import CONTROL_KINDS
from recorder.clock import MachineClock, SystemClock
from recorder.entries import KIND, read_entries
from recorder.folder import journals, tape_folder
from recorder.link import Options
from recorder.log import Log
from recorder.session import Outcome, Session
from recorder.streams import Plan
from recorder.tapes import Tap

NO_REST = Options(rest=False)
Handler = Callable[[ServerConnection, str], object]


@contextmanager
def scripted_server(handler: Handler, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of a server; a connection ends when its handler does."""

    def handle(connection: ServerConnection) -> None:
        try:
            handler(connection, connection.request.path if connection.request else "")
        except ConnectionClosed:
            return

    with serve(handle, "127.0.0.1", 0, ssl=context, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            scheme = "wss" if context else "ws"
            yield f"{scheme}://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


class Recording(NamedTuple):
    session: Session
    said: list[str]  # the log's lines
    outcome: list[Outcome]  # when it is over
    failed: list[BaseException]

    def has_said(self, words: str) -> bool:
        return any(words in line for line in self.said)


@contextmanager
def recording(
    wanted: Plan,
    data: Path,
    options: Options = NO_REST,
    tap: Tap | None = None,
    clock: MachineClock | None = None,
) -> Iterator[Recording]:
    """A session in a thread; stopped at the end of the block, if it still runs."""
    said: list[str] = []
    log = Log(said.append, SystemClock())
    session = Session(wanted, data, log, options, tap, clock)
    made = Recording(session, said, [], [])

    def work() -> None:
        try:
            made.outcome.append(session.run())
        except BaseException as error:
            made.failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield made
    finally:
        session.stop("the test is over")
        thread.join()
        if session.tapes.sealing is not None:
            session.tapes.sealing[1].wait()


def wait_until(is_so: Callable[[], Any], seconds: float = 8.0) -> None:
    """Until it is so; an assertion when it does not come."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come in time"
        time.sleep(0.01)


class Journaled(NamedTuple):
    frames: list[bytes]
    conns: list[int]
    stamps: list[int]  # of frames
    control: list[tuple[str, int, int]]  # kind, conn, value
    seqs: list[int]  # of everything, in the order of the files
    times: list[int]  # of everything


def journaled(data: Path, symbol: str = "BTCUSDT") -> Journaled:
    """What stands in the journals of a tape."""
    frames: list[bytes] = []
    conns: list[int] = []
    stamps: list[int] = []
    control: list[tuple[str, int, int]] = []
    seqs: list[int] = []
    times: list[int] = []
    for _, path in journals(tape_folder(data, symbol)):
        entries = read_entries(path.read_bytes())
        assert entries.damage == []
        part, told = entries.frames(), entries.control()
        text = part.text.tobytes()
        frames += [text[a:b] for a, b in zip(part.start, part.stop, strict=True)]
        conns += part.conn.tolist()
        stamps += part.ts_recv.tolist()
        named = [CONTROL_KINDS[kind] for kind in told["kind"]]
        control += list(zip(named, told["conn"], told["value"], strict=True))
        seqs += entries.table[2].tolist()
        times += entries.table[3].tolist()
        assert entries.n == len(part.seq) + int((entries.table[KIND] != 0).sum())
    return Journaled(frames, conns, stamps, control, seqs, times)


def trade(number: int, symbol: str = "BTCUSDT", event_ms: int = 1_790_370_834_849) -> str:
    """A trade frame as the exchange has it."""
    return (
        f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":{event_ms},"T":{event_ms},'
        f'"s":"{symbol}","t":{number},"p":"83680.00","q":"0.001","X":"MARKET","m":true,"st":1}}}}'
    )


def trade_ids(frames: list[bytes]) -> list[int]:
    """The t of trade frames."""
    return [int(frame.split(b'"t":')[1].split(b",")[0]) for frame in frames if b'"t":' in frame]
