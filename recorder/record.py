"""`micropulse record`: a session with everything that a night without an eye on it needs.

    outcome = record(plan(["BTCUSDT"]), Watched(data=Path("data")), log)

Signals end it in order, a disk that fills up too; once a second it beats, once in ten it says how
it goes.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from recorder.folder import tape_folder
from recorder.health import HealthPage, beat, tell_systemd
from recorder.link import Options
from recorder.log import Log
from recorder.session import Outcome, Session
from recorder.streams import Plan
from recorder.tally import troubles
from recorder.tapes import SECOND_NS, Tap

GIB = 1024**3
CTRL_C, SIGTERM = "Ctrl-C", "SIGTERM"


class RecordError(Exception):
    """A recording that cannot begin, or had to end before it was meant to."""


class Watched(NamedTuple):
    """Where a recording goes, and how it is looked after."""

    data: Path
    min_free_bytes: int = GIB
    health_port: int | None = None  # on the loopback; 0 takes any
    options: Options = Options()


def record(
    wanted: Plan,
    watched: Watched,
    log: Log,
    tell: Callable[[dict[str, Any]], object] | None = None,
    on_batch: Tap | None = None,
    on_session: Callable[[Session], object] | None = None,
) -> Outcome:
    """Record until the time is up or somebody ends it; sealed when it returns.

    `tell` gets the figures of each summary (else they are log lines), `on_batch` what was
    journaled, `on_session` the session before it begins. From the main thread only: it takes
    SIGTERM and SIGINT. Raises TapeError, RecordError, OSError.
    """
    data = watched.data
    data.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(data).free) < watched.min_free_bytes:
        raise RecordError(
            f"{_gib(free)} are free where {data} is, less than {_gib(watched.min_free_bytes)}: "
            "recording does not begin. Make room, or lower --min-free."
        )
    for text in wanted.warnings:
        log.caution("streams", text)
    page = None if watched.health_port is None else HealthPage(watched.health_port)
    try:
        keeper = _Keeper(watched, log, page, tell)
        session = Session(
            wanted, data, log, watched.options, on_batch, each_second=keeper.each_second
        )
        if on_session is not None:
            on_session(session)
        if page is not None:
            log.say("health", f"http://127.0.0.1:{page.port}/metrics and /healthz")
        with _signals(session):
            tell_systemd("READY=1")
            outcome = _judged(session.run(), session)
            tell_systemd("STOPPING=1")
        keeper.end(session, outcome)
        session.seal()
    finally:
        if page is not None:
            page.close()
    if outcome.failed:
        raise RecordError(f"Recording has ended: {outcome.why}")
    return outcome


def _judged(outcome: Outcome, session: Session) -> Outcome:
    """Nothing in the whole time is no success, though it ends as it was told to."""
    if outcome.failed or session.tally.frames or outcome.why in (CTRL_C, SIGTERM):
        return outcome
    return Outcome(
        f"{outcome.why}, and nothing was received. Is there a network, and is the exchange up? The "
        "log has what was tried.",
        failed=True,
    )


class _Keeper:
    """What is done once a second, in the loop."""

    def __init__(
        self,
        watched: Watched,
        log: Log,
        page: HealthPage | None,
        tell: Callable[[dict[str, Any]], object] | None,
    ) -> None:
        self._watched, self._log, self._page, self._tell = watched, log, page, tell
        self._began_ns = 0
        self._summary_ns = 0
        self._summary_frames = 0
        self._was_late = False

    def each_second(self, session: Session) -> None:
        """Disk, heartbeat, metrics, systemd, and now and then a summary."""
        now = session.stamps.monotonic
        self._began_ns = self._began_ns or now
        self._summary_ns = self._summary_ns or now
        figures = self._figures(session, "summary")
        if figures["free_bytes"] < self._watched.min_free_bytes:
            session.stop(
                f"{_gib(figures['free_bytes'])} are free, less than "
                f"{_gib(self._watched.min_free_bytes)}. Everything received is kept; make room "
                "and start again.",
                failed=True,
            )
        self._beat(session, figures)
        said = "; ".join(figures["troubles"]) or "recording"
        tell_systemd(f"WATCHDOG=1\nSTATUS={said}: {figures['frames']:,} frames")
        self._say_late(figures["late_ms"])
        elapsed_s = (now - self._summary_ns) / SECOND_NS
        if elapsed_s >= self._watched.options.timing.summary_s:
            figures["frames_per_s"] = round(
                (figures["frames"] - self._summary_frames) / elapsed_s, 1
            )
            self._summary_ns, self._summary_frames = now, figures["frames"]
            self._summarise(figures)

    def end(self, session: Session, outcome: Outcome) -> None:
        """The last words."""
        figures = self._figures(session, "end") | {"why": outcome.why, "failed": outcome.failed}
        figures["tapes"] = {
            tape.symbol: {"folder": str(tape.journal.folder), "last_seq": tape.journal.last_seq}
            for tape in session.tapes
        }
        self._beat(session, figures)
        self._log.say("record", f"ends: {outcome.why}")
        self._summarise(figures)

    def _figures(self, session: Session, event: str) -> dict[str, Any]:
        links = session.lines.links
        return {
            "event": event,
            "ts_recv": session.stamps.now(),
            "uptime_s": round((session.stamps.monotonic - self._began_ns) / SECOND_NS, 1),
            **session.tally.figures(links),
            "free_bytes": shutil.disk_usage(self._watched.data).free,
            "troubles": troubles(links) if event == "summary" else [],
        }

    def _beat(self, session: Session, figures: dict[str, Any]) -> None:
        if self._page is not None:
            self._page.latest = figures
        # No two recorders have a tape in common, so the first symbol's folder is ours alone.
        folder = tape_folder(self._watched.data, session.plan.symbols[0])
        try:
            beat(folder / "heartbeat.json", figures)
        except OSError as error:
            self._log.caution("heartbeat", f"not written: {error}.")

    def _say_late(self, late_ms: float) -> None:
        is_late = late_ms > LATE_MS
        if is_late and not self._was_late:
            self._log.caution(
                "late",
                f"frames arrive {late_ms / 1000:.1f} s later than a minute ago. Nothing is lost: "
                "the exchange, the line or this machine is behind.",
            )
        elif self._was_late and not is_late:
            self._log.say("late", "frames arrive in time again")
        self._was_late = is_late

    def _summarise(self, figures: dict[str, Any]) -> None:
        if self._tell is not None:
            self._tell(figures)
        else:
            self._log.say("summary", in_words(figures))


LATE_MS = 1_000.0  # funding stalls of two seconds are told, ordinary jitter is not
SYMBOLS_SAID = 4


def in_words(figures: dict[str, Any]) -> str:
    """A summary for people."""
    rate = f" ({figures['frames_per_s']:g}/s)" if "frames_per_s" in figures else ""
    symbols = figures["symbols"]
    if len(symbols) > SYMBOLS_SAID:
        names = next(iter(symbols.values()))
        all_of_them = {name: sum(one[name] for one in symbols.values()) for name in names}
        symbols = {f"{len(symbols)} symbols": all_of_them}
    said = [f"{figures['frames']:,} frames{rate}"]
    for symbol, count in symbols.items():
        said.append(
            f"{symbol} {count['frames']:,}, trades missed {count['missed']:,}, "
            f"book breaks {count['breaks']:,}"
        )
    said.append(f"reconnects {figures['reconnects']}, hand-overs {figures['handovers']}")
    if figures["offset_ms"] is not None:
        said.append(f"ts_recv − E at least {figures['offset_ms']:,.0f} ms")
    said.append(f"{_gib(figures['free_bytes'])} free")
    return "; ".join([*said, *figures["troubles"]])


@contextmanager
def _signals(session: Session) -> Iterator[None]:
    """SIGTERM and the first Ctrl-C end the session in order; a second Ctrl-C ends the process."""

    def end(number: int, frame: object) -> None:
        session.stop(SIGTERM if number == signal.SIGTERM else CTRL_C)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, end)
    wakes = signal.set_wakeup_fd(session.wake_fd, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakes)
        for number, handler in before.items():
            signal.signal(number, handler)


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB"
