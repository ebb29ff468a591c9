"""A recording through the core into a run folder."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import micropulse
from micropulse.events import Events
from micropulse.fingerprint import package_fingerprint, source_hash, versions
from micropulse.instrument import LIMITS_DATE, instrument, to_text
from micropulse.params import Settings
from micropulse.run import Core, Sink, record_dict, run
from micropulse.schema import (
    SECOND,
)
from micropulse.sinks.run_folder import RunFolder
from micropulse.sinks.tables import Digits
from micropulse.sinks.transactions import iso
from micropulse.strategy import strategy_name
from replay.source import Source, description
from replay.sweep.grid import variant_id
from replay.sweep.ledger import data_key, enter


class Session:
    """One strategy over one source: the core, what is known of the symbol, and the figures."""

    def __init__(
        self, source: Source, strategy: ModuleType, settings: Settings, sample_every: int = SECOND
    ) -> None:
        self.source, self.strategy, self.settings = source, strategy, settings
        self.digits = Digits(source.px_decimals, source.qty_decimals)
        self.instrument, self.limits_known = instrument(source.symbol, *self.digits)
        self.core = Core(strategy, self.instrument, settings, self.digits.qty, sample_every)
        self.first: tuple[int, int] | None = None  # seq, ts_recv
        self.on_progress: Callable[[float], None] | None = None

    def run(self, sinks: Sequence[Sink], batches: Iterator[Events] | None = None) -> None:
        """Drive the source (or `batches`, the source paced) through the core."""
        run(self._watched(batches or iter(self.source)), self.core, sinks)

    def _watched(self, batches: Iterator[Events]) -> Iterator[Events]:
        """Remember where the source began."""
        for events in batches:
            if self.first is None and events.n:
                starts = [(int(t.seq[0]), int(t.ts_recv[0])) for t in events if len(t.seq)]
                self.first = min(starts)
            yield events
            del events  # before the next is read
            if self.on_progress:
                self.on_progress(self.source.share)

    def counts(self) -> dict[str, int]:
        """Everything counted, by the core and by the source."""
        return record_dict(self.core.state.counts) | dict(self.source.counts)

    def summary(self) -> dict[str, Any]:
        """The figures of the run; money as decimal text."""
        state, digits = self.core.state, self.digits
        counts, account = record_dict(state.counts), state.account
        rejected = int(account.rejected)

        def money(units: int) -> str:
            return to_text(units, digits.money)

        figures: dict[str, Any] = {
            "digest": self.core.digest(),
            "input_digest": self.core.input_digest.hexdigest(),
            "trades_digest": self.core.output_digest.trades(),
            "source": self.source.name,
            "symbol": self.source.symbol,
            "strategy": strategy_name(self.strategy),
            "params": self.settings.as_dict(),
            **{name: counts[name] for name in ("events", "books", "trades", "prints")},
            "counts": self.counts(),
            "orders": int(account.orders),
            "rejected": rejected,
            "fills": int(account.fills),
            "round_trips": int(account.trips),
            "gross": money(account.gross),
            "fees": money(account.fees),
            "funding": "unknown" if counts["funding_unknown"] else money(account.funding),
            "net": money(account.gross - account.fees + account.funding),
            "open_position": self._open_position(),
            "strategy_failed": self.failure(),
            "problems": list(self.source.problems),
        }
        if not self.limits_known:
            figures["problems"].append(
                f"The limits of {self.source.symbol} are not known: its tick, step and minimum are "
                "taken from the digits of its frames. Fills may be too lenient."
            )
        return figures

    def failure(self) -> str | None:
        """What the strategy did wrong, where and when; None when it has not failed."""
        failure = self.core.state.failure
        if not failure.why:
            return None
        return (
            f"The strategy failed on seq {int(failure.seq)} ({iso(int(failure.ts))}): "
            f"{self.core.failure}. It was asked no more from there on; its position is left at the "
            "market, with the reason strategy_failed."
        )

    def _open_position(self) -> dict[str, Any] | None:
        """What the end of the source left open, marked at the last mid; null when flat."""
        state, digits = self.core.state, self.digits
        if not state.account.qty and not state.position.pending:
            return None
        from micropulse.account import equity

        worth = getattr(equity, "py_func", equity)(state)
        closed = state.account.gross - state.account.fees + state.account.funding
        return {
            "qty": to_text(state.account.qty, digits.qty),
            "entry_ts": int(state.account.open.entry_ts) if state.account.qty else None,
            "unrealised": to_text(worth - closed, digits.money),
            "order_in_flight": bool(state.position.pending),
        }

    def description(self) -> dict[str, Any]:
        """run.json: what was run, so that it can be run again and compared."""
        clock = self.core.state.clock
        return {
            "kind": "backtest",
            "source": description(self.source)
            | {
                "first_seq": self.first[0] if self.first else None,
                "first_ts": self.first[1] if self.first else None,
                "last_seq": int(clock.seq) if self.first else None,
                "last_ts": int(clock.now) if self.first else None,
            },
            "symbol": self.source.symbol,
            "digits": self.digits._asdict(),
            "instrument": record_dict(self.instrument)
            | {"limits": LIMITS_DATE if self.limits_known else "unknown"},
            "strategy": {
                "name": strategy_name(self.strategy),
                "sha256": source_hash(self.strategy),
            },
            "params": self.settings.as_dict(),
            "code": package_fingerprint("micropulse", ""),
            "versions": {"micropulse": micropulse.__version__, "with": versions()},
            "platform": f"{platform.system()} {platform.machine()}",
            "counts": self.counts(),
            "digest": self.core.digest(),
            "input_digest": self.core.input_digest.hexdigest(),
        }


def backtest(
    source: Source,
    strategy: ModuleType,
    settings: Settings,
    folder: Path,
    on_progress: Callable[[float], None] | None = None,
    ledger: Path | None = None,
) -> dict[str, Any]:
    """Run, write the run folder, return the summary. A failure leaves no folder behind.

    With a `ledger` the variant is entered there as tried on this source.
    """
    session = Session(source, strategy, settings)
    session.on_progress = on_progress
    sink = RunFolder(folder, source.symbol, strategy, session.digits, int(session.instrument.tick))
    try:
        session.run([sink])
        summary = session.summary() | {"run": str(folder)}
        said = session.description()
        if ledger is not None:
            key = data_key(said["source"], source.symbol)
            enter(ledger, key, strategy_name(strategy), [variant_id(strategy, settings)])
        sink.finish(said, summary, session.core.checkpoints)
    except BaseException:
        sink.discard()
        raise
    return summary
