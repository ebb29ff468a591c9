"""Everything that sets two runs apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from micropulse.sinks.transactions import iso
from micropulse.strategy import StrategyError
from recorder.folder import TapeError
from replay.compare.paired import Apart, Bucket, Figure, apart, buckets, figures
from replay.compare.parting import Change, Parting, changes, first_places, parting
from replay.compare.trades import Matched, match_trades, trades_of
from replay.differences import first_unequal_row, last_common_checkpoint
from replay.frames import SourceError
from replay.runs import Run
from replay.verify import VerifyError

THESE_DAYS = (
    "The intervals hold for the recording compared here only: how far the difference would have "
    "moved by its own chance. They say nothing of other days."
)


class CompareError(Exception):
    """Two runs that cannot be set side by side."""


class Comparison(NamedTuple):
    """Two runs over the same events. `places` are where they part, as (what, seq); `partings` what
    was found there, fewer when the recording is gone. `features_part` is the first sample whose
    features differ; `agreed` the last checkpoint with the same digest."""

    a: Run
    b: Run
    figures: list[Figure]
    buckets: list[Bucket]
    apart: list[Apart]
    trades: Matched
    changes: list[Change]
    places: list[tuple[str, int]]
    partings: list[Parting]
    features_part: dict[str, Any] | None
    agreed: dict[str, Any] | None
    notes: list[str]

    @property
    def same(self) -> bool:
        """Whether the two did the same at every event."""
        return not self.places

    def plain(self) -> dict[str, Any]:
        """For JSON: the figures of the terminal and of the page."""
        trades = self.trades
        return {
            "a": card(self.a),
            "b": card(self.b),
            "same": self.same,
            "figures": [figure.plain() for figure in self.figures],
            "intervals": [one.plain() for one in self.apart],
            "buckets": [bucket.plain() for bucket in self.buckets],
            "trades": {
                "same": len(trades.same),
                "only_a": [trade.plain() for trade in trades.only_a],
                "only_b": [trade.plain() for trade in trades.only_b],
                "different": [
                    {"a": pair.a.plain(), "b": pair.b.plain(), "fields": list(pair.fields)}
                    for pair in trades.different
                ],
            },
            "parameters": [change._asdict() for change in self.changes],
            "parted_at": [{"what": what, "seq": seq} for what, seq in self.places],
            "partings": [one.plain() for one in self.partings],
            "features_part": self.features_part,
            "agreed": self.agreed,
            "notes": self.notes,
        }


def compare(folder_a: Path, folder_b: Path, data: str | None = None) -> Comparison:
    """Set two run folders side by side. `data` is where their recording lies now.

    Raises RunError for what is no run, CompareError for runs of other symbols or events.
    """
    a, b = Run(folder_a), Run(folder_b)
    refuse_others(a, b)
    changed, places = changes(a, b), first_places(folder_a, folder_b)
    agreed = last_common_checkpoint(folder_a, folder_b)
    notes = list(_notes(a, b, changed, agreed))
    partings: list[Parting] = []
    for what, seq in places:
        try:
            partings.append(parting(a, b, what, seq, data))
        except (SourceError, TapeError, StrategyError, VerifyError) as error:
            notes.append(f"They part at event {seq}, which cannot be looked at again. {error}")
    found = buckets(a, b)
    return Comparison(
        a,
        b,
        figures(a, b),
        found,
        apart(found),
        match_trades(trades_of(a), trades_of(b)),
        changed,
        places,
        partings,
        _features_part(a, b),
        agreed,
        notes,
    )


def _notes(a: Run, b: Run, changed: list[Change], agreed: dict[str, Any] | None) -> Iterator[str]:
    yield THESE_DAYS
    for name in ("strategy", "code"):
        if a.said[name] != b.said[name]:
            yield f"The runs differ in their {name}."
    sections = {change.path.partition(".")[0] for change in changed} - {"strategy"}
    if agreed is None and sections and a.checkpoints.height:
        yield (
            "No checkpoint can agree: the bytes of State hold the settings of "
            f"{' and '.join(f'[{name}]' for name in sorted(sections))}, which differ."
        )


def _features_part(a: Run, b: Run) -> dict[str, Any] | None:
    """The first sample whose features differ, and in which; None when the market looked alike."""
    holdings = ("position", "cash", "equity")
    left, right = (run.samples.drop(holdings).to_arrow() for run in (a, b))
    found = first_unequal_row(left, right)
    if found is None or found[1] == "rows":
        return None
    row, column = found
    ts = iso(a.samples["ts_recv"].cast(pl.Int64)[row])
    return {"seq": a.samples["seq"][row], "ts": ts, "feature": column}


def refuse_others(a: Run, b: Run) -> None:
    """Raise CompareError unless both runs read the same events of the same symbol."""
    if a.said["symbol"] != b.said["symbol"]:
        raise CompareError(
            f"{a.folder} is of {a.said['symbol']} and {b.folder} of {b.said['symbol']}: two "
            "symbols have no common events to pair. Backtest both rules on the same one."
        )
    if a.said["input_digest"] != b.said["input_digest"]:
        raise CompareError(
            f"{a.folder} and {b.folder} did not read the same events ({span(a)}, and {span(b)}): "
            "nothing could be paired. Backtest both on the same source, with the same --from and "
            "--to, or let `micropulse compare SOURCE --a A.toml --b B.toml` do it."
        )


def span(run: Run) -> str:
    """What of which source a run read."""
    source = run.said["source"]
    return f"{source['name']} seq {source['first_seq']} to {source['last_seq']}"


def card(run: Run) -> dict[str, Any]:
    """What a run is, in a few words."""
    said = run.said
    return {
        "run": str(run.folder),
        "source": said["source"]["name"],
        "symbol": said["symbol"],
        "strategy": said["strategy"]["name"],
        "digest": said["digest"],
        "input_digest": said["input_digest"],
    }
