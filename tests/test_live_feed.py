"""Live with a position while the feed has its troubles: a hand-over, an outage, a stall.

Here the session runs in this process, with the patience of a recorder made short. The strategy
holds each position for HOLD_MS, so that there is one when the trouble begins; times are real.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from micropulse.events import CONNECT, DISCONNECT, TICK
from micropulse.params import resolve
from micropulse.strategy import load_strategy
from micropulse.testing import Recorded, accounts_reconcile, read, sane_orders
from micropulse.testing.live import appended_once, is_what_its_recording_says
from micropulse.testing.tables import Row, rows
from recorder.clock import SystemClock
from recorder.link import Options, Timing
from recorder.log import Log
from recorder.record import Watched
from recorder.streams import plan
from recorder.tape import TapeSource
from replay.live.eyes import Eyes
from replay.live.plan import Plan
from replay.live.trading import trade
from replay.runs import Run
from replay.server.background import running_server
from tests.planted import planted

pytestmark = pytest.mark.alone

EAGER = Path(__file__).parent / "strategies_under_test" / "eager.py"
HOLD_MS = 1_200
SETS = ["execution.latency=5", "turn=-2.0", f"time_stop_ms={HOLD_MS}"]
SPEED = 20.0
QUICK = Timing(overlap_s=0.15, goodbye_s=0.3, backoff_min_s=0.05, backoff_max_s=0.1)

# At 1 s the connection is cut and for 1.7 s nobody is let in; from 3.4 s on everything comes 2 s
# late, at once.
TROUBLES = """
[[fault]]
kind = "refuse"
at = 20.0
for_s = 34.0

[[fault]]
kind = "cut"
at = 20.0

[[fault]]
kind = "stall"
at = 68.0
for_s = 40.0
"""


class Session(NamedTuple):
    run: Run
    tape: Recorded
    summary: dict[str, Any]
    said: list[str]

    def control(self, kind: int) -> list[int]:
        """The seqs of the control events of a kind."""
        control = self.tape.events.control
        found: list[int] = control.seq[control.kind == kind].tolist()
        return found

    def books(self) -> list[int]:
        found: list[int] = self.tape.events.depth.seq.tolist()
        return found

    def through(self, seq: int) -> Row:
        """The round trip that was under way at an event."""
        assert self.held_at(seq), (seq, rows(self.run.trips), self.said)
        trips = [t for t in rows(self.run.trips) if t["entry_seq"] < seq < t["exit_seq"]]
        return trips[0]

    def held_at(self, seq: int) -> bool:
        """Whether a position was held at an event."""
        return any(t["entry_seq"] < seq < t["exit_seq"] for t in rows(self.run.trips))

    def exit_of(self, trip: Row) -> Row:
        """The exit order of a round trip, as it ended."""
        return [o for o in rows(self.run.orders) if o["order_id"] == trip["exit_order"]][-1]


def traded(folder: Path, seconds: float, timing: Timing, script: str = "") -> Session:
    """Trade a simulated market for some seconds, and prove the run."""
    strategy, said = load_strategy(str(EAGER)), list[str]()
    wanted = resolve(strategy.Params, None, SETS)
    faults = folder / "faults.toml"
    faults.write_text(script, encoding="utf-8")
    options = Options(timing, duration_s=seconds, rest=False)
    plans = [Plan("BTCUSDT", folder / "data", folder / "run", strategy, wanted)]
    server_of = running_server("sim:7", speed=SPEED, faults=faults)
    with server_of as server, closing(Eyes()) as eyes:
        trade(
            plans,
            plan(["BTCUSDT"], url=server.url),
            Watched(folder / "data", options=options),
            folder / "transaction.csv",
            Log(said.append, SystemClock()),
            eyes,
        )
    data = folder / "data"
    summary = is_what_its_recording_says(folder / "run", strategy, wanted, data, "BTCUSDT")
    appended_once(folder / "transaction.csv", folder / "run")
    accounts_reconcile(folder / "run")
    sane_orders(folder / "run")
    return Session(Run(folder / "run"), read(TapeSource(data, "BTCUSDT")), summary, said)


def staged(
    folder: Path,
    seconds: float,
    timing: Timing,
    script: str,
    moments: Callable[[Session], list[int]],
) -> Session:
    """A session with a position at these moments. The market is twenty times as fast as the
    clock: on a busy machine the trouble may come when there is none, and is tried again."""
    for attempt in range(3):
        (folder / str(attempt)).mkdir()
        session = traded(folder / str(attempt), seconds, timing, script)
        if all(session.held_at(seq) for seq in moments(session)):
            break
    return session


def test_a_hand_over_is_not_noticed_by_a_position(tmp_path: Path) -> None:
    """Both connections are journaled, what came twice counts once, and the book is never stale."""
    timing = QUICK._replace(rotate_s=0.5)
    session = staged(tmp_path, 1.8, timing, "", lambda one: one.control(CONNECT)[1:2])
    _, new = session.control(CONNECT)[:2]
    old_ends = session.control(DISCONNECT)[0]
    assert new < old_ends
    trip = session.through(new)
    assert trip["exit_seq"] > old_ends
    assert (trip["after_gap"], trip["exit_reason"]) == (False, "time_stop")
    counts = session.summary["counts"]
    assert counts["duplicate_trades"] > 10
    assert counts["duplicate_books"] > 0
    assert counts["missed_trades"] == 0
    stale = [sample["book_stale"] for sample in rows(session.run.samples)]
    assert not any(stale[1:])


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return staged(tmp_path_factory.mktemp("troubled"), 6.0, QUICK, TROUBLES, when_in_trouble)


def when_in_trouble(session: Session) -> list[int]:
    """The disconnect, and the first tick of the stall after it."""
    back = session.control(CONNECT)[1]
    ticks = [seq for seq in session.control(TICK) if seq > back]
    return [session.control(DISCONNECT)[0], *ticks[:1]]


def test_in_an_outage_the_time_stop_fires_and_the_exit_waits_for_a_book(troubled: Session) -> None:
    lost, back = troubled.control(DISCONNECT)[0], troubled.control(CONNECT)[1]
    trip = troubled.through(lost)
    order = troubled.exit_of(trip)
    assert trip["exit_reason"] == "time_stop"
    assert order["seq"] in troubled.control(TICK)
    assert lost < order["seq"] < back
    assert trip["after_gap"] and order["after_gap"]
    first_book = next(seq for seq in troubled.books() if seq > back)
    assert trip["exit_seq"] == first_book
    entries = [row["seq"] for row in rows(troubled.run.orders) if not row["closes"]]
    assert not [seq for seq in entries if lost <= seq < first_book]


def test_in_a_stall_the_time_stop_fires_and_the_exit_waits_for_a_book(troubled: Session) -> None:
    """The connection stands, ticks go on, and nothing else comes."""
    back = troubled.control(CONNECT)[1]
    tick = next(seq for seq in troubled.control(TICK) if seq > back)
    trip = troubled.through(tick)
    order = troubled.exit_of(trip)
    assert trip["exit_reason"] == "time_stop"
    assert order["seq"] in troubled.control(TICK)
    assert order["ts"] - trip["entry_ts"] > HOLD_MS * 10**6
    assert trip["exit_seq"] in troubled.books()
    assert not trip["after_gap"]
    assert len(troubled.control(DISCONNECT)) == 2  # the cut one, and ours at the end


def test_an_entry_before_the_first_book_is_found(troubled: Session, tmp_path: Path) -> None:
    """The kit's word for it: between the start of the run and the first book nothing is known."""
    bad = planted(troubled.run.folder, tmp_path / "bad", "orders", 0, "seq", lambda seq: 1)
    with pytest.raises(AssertionError, match="an entry while the book was stale"):
        sane_orders(bad)
