"""`micropulse live --follow`: paper trading on the tape of a recorder that is already running.

    its journal -> recorder.following -> core -> run folder, transaction.csv, metrics lines

Nothing is recorded and no lock is taken: any number of runs may follow one tape.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from micropulse.events import RUN_START, RUN_STOP, Events
from recorder.folder import tape_folder
from recorder.following import Following, end_of
from recorder.journal import has_writer
from recorder.log import Log
from recorder.record import CTRL_C
from recorder.session import Outcome
from recorder.tape import find_tapes
from replay.live.eyes import Sight
from replay.live.plan import LiveError, Plan
from replay.live.trading import Traded, Trader

LOOK_S = 0.005  # a frame is seen 3 ms after it was written (p99 8); 200 looks are 2 % of a core
QUIET_S = 3.0  # a recorder writes at least a tick a second


def data_folder(folder: Path, symbol: str) -> Path:
    """The folder of all tapes that `--follow` means: itself, or that above the symbol's tape.

    Raises LiveError for the tape of another symbol, or where there are several of this one.
    """
    here = folder.absolute()
    if here.name.startswith("symbol=") and here != tape_folder(here.parent.parent, symbol):
        raise LiveError(f"{folder} is not the tape of {symbol}. Name the folder above all tapes.")
    found = [tape.folder for tape in find_tapes(folder) if tape.symbol == symbol]
    if len(found) > 1:
        places = ", ".join(str(path) for path in found)
        raise LiveError(f"{folder} holds several tapes of {symbol}: {places}. Name one of them.")
    if found:
        return found[0].parent.parent
    return here.parent.parent if here.name.startswith("symbol=") else folder


def follow(
    plans: Sequence[Plan],
    transactions: Path,
    log: Log,
    sight: Sight,
    duration_s: float | None = None,
    as_json: bool = False,
    fresh: bool = False,
) -> Traded:
    """Trade on paper on tapes that grow, until the time is up or somebody ends it.

    From the main thread only: it takes SIGTERM and SIGINT. Raises LiveError, TapeError,
    TransactionError, OSError.
    """
    trader = Trader(plans, transactions, sight, log, as_json, fresh, follows=True)
    try:
        heard = [_Followed(plan, trader, log) for plan in plans]
        with _ended_by_signals() as ended:
            deadline = None if duration_s is None else time.monotonic() + duration_s
            while not ended:
                for one in heard:
                    one.look(time.monotonic())
                if deadline is not None and time.monotonic() >= deadline:
                    ended.append(f"it has followed for {duration_s:g} s, as asked")
                time.sleep(0.0 if ended else LOOK_S)
        summaries = trader.finish()
    except BaseException:
        trader.discard()
        raise
    log.say("live", f"ends: {ended[0]}")
    return Traded(Outcome(ended[0], failed=False), summaries)


class _Followed:
    """One symbol's tape, its run, and whether its recorder is heard."""

    def __init__(self, plan: Plan, trader: Trader, log: Log) -> None:
        self._trader, self._live = trader, trader.lives[plan.symbol]
        live = self._live
        self._symbol, self._log = plan.symbol, log
        if live.session is not None:
            first = live.last_seq + 1
            log.say(
                "live", f"{plan.symbol}: the run goes on, rebuilt from {live.rebuilt:,} events."
            )
        else:
            first = end_of(live.tape) + 1
            log.say(
                "live",
                f"{plan.symbol}: a new run, from seq {first}, the present end of the tape in "
                f"{live.tape}.",
            )
        self._tape = Following(live.tape, first, live.decoder)
        self._heard = time.monotonic()
        self._is_quiet = False
        self._said = 0  # problems of the tape
        self._stopped = False  # its recorder has said so

    def look(self, now: float) -> None:
        """Apply what has come. Raises LiveError, TapeError."""
        came = False
        for events in self._tape.read():
            came = True
            self._live.take_events(events)
            self._trader.tell_failure(self._symbol)
            self._hear(events)
        for problem in self._tape.problems[self._said :]:
            self._log.caution(self._symbol, problem)
        self._said = len(self._tape.problems)
        if came:
            if self._is_quiet:
                self._log.say(
                    self._symbol, f"the tape goes on, after {now - self._heard:.1f} s of silence."
                )
            self._heard, self._is_quiet = now, False
        elif now - self._heard > QUIET_S and not self._is_quiet:
            self._is_quiet = True
            if not self._stopped:
                self._say_quiet()

    def _hear(self, events: Events) -> None:
        """Say when the recorder stops or starts."""
        control = events.control
        for kind, seq in zip(control.kind.tolist(), control.seq.tolist(), strict=True):
            if kind == RUN_STOP:
                self._log.caution(
                    self._symbol,
                    f"its recorder has stopped in order (seq {seq}). Until one starts again "
                    "nothing is decided: a position stays open.",
                )
            elif kind == RUN_START:
                self._log.say(self._symbol, f"its recorder begins (seq {seq}).")
            self._stopped = kind == RUN_STOP

    def _say_quiet(self) -> None:
        """Nothing has come for longer than a recorder that is well can be silent."""
        folder = self._live.tape
        if has_writer(folder):
            what = "its recorder holds the tape and writes nothing: it hangs, or was suspended"
        elif not folder.exists():
            what = f"there is no tape in {folder} yet"
        else:
            what = "no recorder is writing the tape: it was killed, or never started"
        self._log.caution(
            self._symbol,
            f"nothing for {QUIET_S:g} s: {what}. Nothing is decided until it goes on.",
        )


@contextmanager
def _ended_by_signals() -> Iterator[list[str]]:
    """SIGTERM and the first Ctrl-C put a word into the list; a second Ctrl-C ends the process."""
    ended: list[str] = []

    def end(number: int, frame: object) -> None:
        ended.append("SIGTERM" if number == signal.SIGTERM else CTRL_C)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, end)
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
