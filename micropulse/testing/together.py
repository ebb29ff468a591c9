"""All properties of a strategy in one call, on a recording and on what it could have been."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from micropulse.params import Settings
from micropulse.testing.accounts import accounts_reconcile
from micropulse.testing.failures import FAILURES, as_typed, kept
from micropulse.testing.live import live_is_replay
from micropulse.testing.orders import sane_orders
from micropulse.testing.properties import batch_invariant, deterministic, no_lookahead
from micropulse.testing.ran import play
from micropulse.testing.recorded import Recorded, Rule, Set, SourceLike, loaded, read, resolved
from micropulse.testing.shrinking import shrunk
from micropulse.testing.written import as_written, write
from micropulse.wire import WireError
from replay.backtest import backtest
from replay.source import open_source

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Check = Callable[[ModuleType, Recorded, Settings], object]

CUTS_AT_RANDOM, CUTS_BEHIND_DECISIONS = 2, 3
FEW = 6  # events; so few are cut everywhere
SURE = 5  # times in a row; what fails by chance may hold the next time


def all_properties(
    strategy: Rule,
    source: SourceLike,
    settings: Set = (),
    *,
    examples: int = 10,
    most: int = 1_000,
    seed: int = 0,
    live_in: Path | None = None,
    failures: Path = FAILURES,
) -> None:
    """It does not fail, is deterministic, has no_lookahead, is batch_invariant, and of its backtest
    accounts_reconcile and sane_orders: on the source, then on so many `examples` of at most `most`
    events drawn from it.

    The first that does not hold raises AssertionError. Its market is shrunk to the events that
    matter and written to `failures` as a frames file; the error says which commands replay it.
    `live_in`, an empty folder, asks for live_is_replay, too, which takes about a minute.
    Examples are drawn by Hypothesis, the same for the same `seed`; 0 of them need none.

    Raises SourceError, TapeError, StrategyError, ParamsError, ValueError without events, and
    ModuleNotFoundError without Hypothesis.
    """
    module = loaded(strategy)
    wanted, recorded = resolved(module, settings), read(source)
    drawn = drawn_from(recorded, most) if examples else None  # first: who lacks Hypothesis is told
    asked = Asked(module, wanted, failures)
    asked.must_hold(recorded)
    if isinstance(source, str | Path):
        deterministic(module, source, wanted)  # in two processes, now that one can do it
    if drawn is not None:
        asked.must_hold_on_drawn(drawn, examples, seed)
    if live_in is not None:
        if not isinstance(source, str | Path):
            raise ValueError("live_is_replay serves a source with a name: a path, or sim:SEED.")
        live_is_replay(module, source, wanted, folder=live_in, seed=seed)


class Found(NamedTuple):
    """The check that did not hold, and what it said: asked again, it may say otherwise."""

    name: str
    error: str


class Asked:
    """A strategy, its settings, and where what fails is kept."""

    def __init__(self, module: ModuleType, settings: Settings, failures: Path) -> None:
        self.module, self.settings, self.failures = module, settings, failures

    def error(self, check: Check, market: Recorded) -> str:
        """What a check says of a market; empty when it holds."""
        try:
            check(self.module, market, self.settings)
        except AssertionError as error:
            return str(error)
        return ""

    def first_failing(self, market: Recorded) -> Found | None:
        """The first check that does not hold."""
        for name, check in CHECKS.items():
            if error := self.error(check, market):
                return Found(name, error)
        return None

    def must_hold(self, market: Recorded) -> None:
        """All checks. Raises AssertionError with the smallest market on which one fails."""
        if found := self.first_failing(market):
            raise self.shown(found, market)

    def shown(self, found: Found, market: Recorded) -> AssertionError:
        """What was found, on the smallest market that shows it."""
        check, chance = CHECKS[found.name], found.name == BY_CHANCE

        def fails(fewer: Recorded) -> bool:
            return all(self.error(check, fewer) for _ in range(SURE if chance else 1))

        smallest = _as_written(market)
        if smallest is None or not fails(smallest):
            smallest = market  # it needs control events: shrunk as it is, with them
        smallest = shrunk(smallest, fails)
        said = self.error(check, smallest) or found.error
        if chance:
            said += "\nIt is a matter of chance: where this file does not show it, check the whole."
        return AssertionError(
            f"{found.name} does not hold for {as_typed(self.module)} on {market.name}, nor on "
            f"{smallest.events.n} of its {market.events.n} events: {said}\n"
            f"{kept(self.module, self.settings, smallest, self.failures)}"
        )

    def must_hold_on_drawn(self, drawn: SearchStrategy[Recorded], examples: int, seed: int) -> None:
        """The same of markets that Hypothesis draws. They are shrunk here, to single events."""
        from micropulse.testing.needs_hypothesis import NoSuchExample, Phase, find
        from micropulse.testing.needs_hypothesis import settings as settings_of

        effort = settings_of(
            max_examples=examples, database=None, phases=[Phase.generate], deadline=None
        )
        first: list[tuple[Found, Recorded]] = []

        def fails(market: Recorded) -> bool:  # the first time it does is the one that counts
            if not first and (found := self.first_failing(market)):
                first.append((found, market))
            return bool(first)

        try:
            find(drawn, fails, settings=effort, random=Random(seed))
        except NoSuchExample:
            return
        raise self.shown(*first[0])


def drawn_from(recorded: Recorded, most: int) -> SearchStrategy[Recorded]:
    """Stretches as they were and otherwise; nasty markets where these have the same digits."""
    from micropulse.testing.drawn import nasty_markets, perturbed, slices
    from micropulse.testing.market import BTC

    markets = slices(recorded, most) | perturbed(recorded, most) | perturbed(recorded, most)
    if (recorded.px_decimals, recorded.qty_decimals) == (BTC.px_decimals, BTC.qty_decimals):
        markets |= nasty_markets(scales=(BTC,))
    return markets


# ---- the checks ------------------------------------------------------------------------------


def _does_not_fail(module: ModuleType, market: Recorded, settings: Settings) -> None:
    """A strategy that raises is asked no more: what it does then says nothing."""
    core = play(module, market, settings).core
    failure = core.state.failure
    if failure.why:
        raise AssertionError(f"the strategy failed on seq {int(failure.seq)}: {core.failure}")


def _deterministic(module: ModuleType, market: Recorded, settings: Settings) -> None:
    deterministic(module, market, settings)


def _batch_invariant(module: ModuleType, market: Recorded, settings: Settings) -> None:
    batch_invariant(module, market, settings, splits=2)


def _no_lookahead(module: ModuleType, market: Recorded, settings: Settings) -> None:
    no_lookahead(module, market, settings, cuts=_cuts(module, market, settings))


def _cuts(module: ModuleType, market: Recorded, settings: Settings) -> list[int]:
    """Right behind decisions, which then were the last thing known, and anywhere."""
    seqs = market.seqs()
    if len(seqs) <= FEW:
        return seqs[1:]
    chance, out = Random(len(seqs)), play(module, market, settings).out
    decided = sorted({*out["signals"]["seq"].tolist(), *out["orders"]["seq"].tolist()})
    step = max(1, len(decided) // CUTS_BEHIND_DECISIONS)
    behind = {seq + 1 for seq in decided[::step][:CUTS_BEHIND_DECISIONS]}
    return sorted(behind | {chance.choice(seqs[1:]) for _ in range(CUTS_AT_RANDOM)})


def _run_is_sound(module: ModuleType, market: Recorded, settings: Settings) -> None:
    """A backtest of it reconciles, and its orders could have been. What no file can say, passes."""
    with tempfile.TemporaryDirectory(prefix="micropulse-testing-") as folder:
        file, run = Path(folder) / "market.jsonl", Path(folder) / "run"
        try:
            if not write(market, file):
                return
        except WireError:
            return
        backtest(open_source(str(file)), module, settings, run)
        accounts_reconcile(run)
        sane_orders(run)


def _as_written(market: Recorded) -> Recorded | None:
    try:
        written = as_written(market)
    except WireError:
        return None
    return written if written.events.n else None


BY_CHANCE = "deterministic"
# Chance first: what differs by it differs under a cut, too, and would be called a look ahead.
CHECKS: dict[str, Check] = {
    "not failing": _does_not_fail,
    BY_CHANCE: _deterministic,
    "no_lookahead": _no_lookahead,
    "batch_invariant": _batch_invariant,
    "accounts_reconcile and sane_orders": _run_is_sound,
}
