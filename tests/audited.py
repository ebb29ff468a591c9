"""Runs for the auditor: the rhythm strategy over a stream or over a tape made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from micropulse.run import Core
from micropulse.testing.market import BTC, MS, START, Scale
from micropulse.testing.rows import events_of
from replay.audit.auditor import Run
from replay.audit.exchange import Ask
from tests.oracle import BUY, Book, Control, Event, Level, Mark, Trade
from tests.running import new_core, run_through

UNDER_TEST = Path(__file__).with_name("strategies_under_test")
RHYTHM = str(UNDER_TEST / "rhythm.py")
SCRIPTED = str(UNDER_TEST / "scripted.py")
DICE_ORDERS = str(UNDER_TEST / "dice_orders.py")
DICE = 2**31
STEPS = {".": 0, "b": 1, "s": 2, "x": 3}


class Limits(NamedTuple):
    """An exchange that rejects for every reason it knows."""

    step: int
    min_qty: int
    max_market_qty: int
    min_notional: int


class Band(NamedTuple):
    """An exchange of another price band."""

    band_up_e8: int
    band_down_e8: int


NASTY = Limits(step=5, min_qty=10, max_market_qty=2_000, min_notional=15 * 6_180_000)


class Audited(NamedTuple):
    run: Run
    core: Core


def trade_with(
    strategy: str,
    rows: Sequence[Event],
    sets: Sequence[str] = (),
    scale: Scale = BTC,
    sample_every: int = 0,
    limits: Limits | Band | None = None,
) -> Audited:
    """Run a strategy over rows of the oracle."""
    core = new_core(strategy, sets, (scale.px_decimals, scale.qty_decimals), sample_every)
    if limits is not None:
        for name, value in limits._asdict().items():
            core.state.instrument[name] = value
    state, out = core.state, run_through(core, [events_of(rows)]).out
    tables = {name: out[name] for name in ("orders", "fills", "trips", "samples")}
    records = {name: state[name] for name in ("instrument", "execution", "account", "counts")}
    run = Run(events=rows, **tables, **records)
    return Audited(run, core)


# ---- what the rhythm strategy asks for -------------------------------------------------------


class Die(NamedTuple):
    """Its parameters when a die decides."""

    faces: int
    small: int = 1
    usual: int = 60
    large: int = 100_000

    @property
    def sets(self) -> list[str]:
        sizes = (f"{name}_qty={getattr(self, name)}" for name in ("small", "usual", "large"))
        return [f"faces={self.faces}", *sizes]

    def asks(self, rows: Iterable[Event]) -> list[Ask]:
        """All that it asks for, refused or not."""
        made: list[Ask] = []
        die = 0
        for row in rows:
            die = (die * 1_103_515_245 + 12_345) % DICE
            face = die // 65_536 % self.faces
            qty = (0, self.small, self.usual, self.large)[die // 2**20 % 4]
            if face < 4:
                enters = face < 2
                size = qty if enters else 0  # it leaves whole
                made.append(Ask(row.seq, enters, 1 - 2 * face, size, 1 + len(made) % 254))
        return made


def planned(plan: str) -> str:
    """`b..x` buys on the first event and leaves on the fourth; `s` sells."""
    return f"plan={sum(STEPS[step] * 4**i for i, step in enumerate(plan))}"


class Step(NamedTuple):
    """An ask of the scripted strategy; `row` is the seq of the event it is decided on."""

    row: int
    action: int = 1  # ENTER
    side: int = BUY
    qty: int = 20
    kind: int = 1  # LIMIT
    px: int = 0
    tif: int = 0
    by_mark: bool = False
    cancel: int = 0
    replace: int = 0

    def sets(self, name: str) -> list[str]:
        given = self._asdict() | {"by_mark": int(self.by_mark)}
        given |= {"call": given.pop("row") + 1, "px": self.px / 100}
        return [f"{name}.{field}={value}" for field, value in given.items()]


# ---- tapes made by hand ----------------------------------------------------------------------

AHEAD_MS = 1_000  # of the exchange's clock
TICK = BTC.tick
PX = 6_180_000  # the best bid
BIDS = [(PX - i * TICK, 50) for i in range(5)]
ASKS = [(PX + TICK + i * TICK, 50) for i in range(5)]


class Handmade:
    """A tape by hand: times in ms since its start, by the receiver's clock."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.u = 1

    def book(
        self,
        ms: int,
        bids: Sequence[Level] = BIDS,
        asks: Sequence[Level] = ASKS,
        late_ms: int = 0,
        again: bool = False,
    ) -> Handmade:
        """A partial book, or the one before `again`; `late_ms` old when it comes."""
        self.u += not again
        stamps = (*self.stamps(ms), exchange_ns(ms - late_ms), exchange_ns(ms - late_ms))
        ids = (self.u, self.u, self.u - 1, 0)
        self.rows.append(Book(*stamps, *ids, 5, tuple(bids), tuple(asks)))
        return self

    def trade(
        self,
        ms: int,
        px: int,
        side: int = BUY,
        kind: str = "MARKET",
        late_ms: int = 0,
        qty: int = 1,
    ) -> Handmade:
        stamps = (*self.stamps(ms), exchange_ns(ms - late_ms), exchange_ns(ms - late_ms))
        self.rows.append(Trade(*stamps, len(self.rows), px, qty, side, kind, 0))
        return self

    def mark(self, ms: int, px: int) -> Handmade:
        """A mark price, in the instrument's units."""
        at = exchange_ns(ms)
        self.rows.append(Mark(*self.stamps(ms), at, at + 10**12, px * 10**6, 0, 0, 0, 0, 0))
        return self

    def control(self, ms: int, kind: str, conn: int = 0) -> Handmade:
        self.rows.append(Control(*self.stamps(ms), kind, conn, 0))
        return self

    def stamps(self, ms: int) -> tuple[int, int]:
        """seq and ts_recv."""
        return len(self.rows), received_ns(ms)

    def run(self, plan: str, qty: int = 20, *sets: str, limits: Limits | None = None) -> Run:
        """Trade by plan, without latency unless `sets` says otherwise."""
        given = [planned(plan), f"usual_qty={qty}", "execution.latency=0", *sets]
        return trade_with(RHYTHM, self.rows, given, limits=limits).run

    def script(self, *steps: Step, sets: Sequence[str] = (), limits: Limits | None = None) -> Run:
        """Ask for the steps, without latency unless `sets` says otherwise."""
        return self.play(*steps, sets=sets, limits=limits).run

    def play(self, *steps: Step, sets: Sequence[str] = (), limits: Limits | None = None) -> Audited:
        """The same, with the core as it stands at the end."""
        asked = [text for i, step in enumerate(steps) for text in step.sets("abcdefghi"[i])]
        given = [*asked, "execution.latency=0", *sets]
        return trade_with(SCRIPTED, self.rows, given, limits=limits)


def received_ns(ms: int) -> int:
    return START + ms * MS


def exchange_ns(ms: int) -> int:
    """What the exchange's clock shows then."""
    return received_ns(ms + AHEAD_MS)
