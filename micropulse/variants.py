"""Many variants of a strategy over one market: sets the loop of many.py up and drives it.

variants = Variants(strategy, instrument, [settings, …], qty_decimals)
for events in source:
    variants.feed(events, take)     # take(variant, orders, fills, trips), as they come
variants.failures                   # {variant: what its strategy did wrong}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from micropulse.digest import TRADES
from micropulse.events import Events
from micropulse.execution import seed_dice
from micropulse.instrument import Instrument
from micropulse.jit import load_core
from micropulse.outbox import ROWS, Outbox, limits
from micropulse.params import Settings, check_features, execution_record, write_record
from micropulse.schema import SECOND
from micropulse.state import State
from micropulse.strategy_errors import asked_for_nonsense, does_not_compile, raised
from micropulse.trading import FAR_ASK, FAR_BID, Dealings, Many, Trader

Take = Callable[[int, Any, Any, Any], object]


class Variants:
    """One market, a trader a variant, and the compiled loop that moves them on."""

    def __init__(
        self,
        strategy: ModuleType,
        instrument: Instrument,
        variants: Sequence[Settings],
        qty_decimals: int,
        rows: int = ROWS,
    ) -> None:
        """The variants share their [features]: raises ValueError where they do not."""
        features = variants[0].features
        shown = variants[0].as_dict()["features"]
        if any(settings.as_dict()["features"] != shown for settings in variants):
            raise ValueError("variants of one market have one [features] section")
        check_features(features)
        self._strategy, self._code = strategy, load_core(strategy, "many")
        self.n = len(variants)
        self.markets, self._manys, self._outs = State.zeros(1), Many.zeros(1), Outbox.zeros(1)
        self.traders, self.dealings = Trader.zeros(self.n), Dealings.zeros(self.n)
        self.memories = strategy.Memory.zeros(self.n)
        self.params = strategy.Params.zeros(self.n)
        self.failures: dict[int, str] = {}
        market = self.markets[0]
        market.instrument = instrument
        write_record(features, market.settings)
        market.clock.sample_every = SECOND  # as a backtest has it: its samples move windows on
        load_core(strategy).start(self.markets)
        for v, settings in enumerate(variants):
            self.dealings[v].execution = execution_record(settings.execution, qty_decimals)
            write_record(settings.strategy, self.params[v])
            getattr(seed_dice, "py_func", seed_dice)(self.dealings[v])
        self.traders["position"]["tick"] = market.position.tick
        self.traders["below_bid"] = self.traders["below_ask"] = FAR_BID
        self.traders["above_bid"] = self.traders["above_ask"] = FAR_ASK
        self.traders["awake"] = True
        self._manys[0].variants = self._manys[0].at = self.n
        self._outs[0].limit = limits(rows)

    @property
    def market(self) -> Any:
        """The market's State record, live."""
        return self.markets[0]

    def feed(self, events: Events, take: Take) -> None:
        """Apply one batch to the market and to every variant."""
        many, out = self._manys[0], self._outs[0]
        out.cursor = 0
        for name, table in events._asdict().items():
            out.ends[name] = len(table.seq)
        left = events.n
        while left or many.at < self.n:
            left -= self._advance(events, left)
            self._empty(take)
        for v in np.flatnonzero(self.dealings["failure"]["why"]).tolist():
            if v not in self.failures:
                asked = self.dealings[v].failure.asked
                self.failures[v] = asked_for_nonsense(self._strategy, asked)

    def warm(self, events: Events) -> None:
        """Compile the loop for batches like this one, and apply nothing. Raises StrategyError."""
        try:
            self._advance(events, 0)
        except Exception as error:
            raise does_not_compile(self._strategy, error) from error

    def counts(self, variant: int) -> dict[str, int]:
        """Everything a single backtest of the variant counts."""
        market, own = self.markets[0].counts, self.dealings[variant].counts
        return {name: int(market[name] + own[name]) for name in market.dtype.names}

    def _advance(self, events: Events, most: int) -> int:
        """A call of the loop, and how many events were begun; one that raises in it has failed."""
        before = self._begun()
        try:
            self._code.advance_many(
                self.markets, self._manys, self.traders, self.dealings, self.memories, self.params,
                events, self._outs, most,
            )  # fmt: skip
        except Exception as error:
            v = int(self._manys[0].at)
            if v == self.n:  # nobody's `decide` was under way
                raise
            self.failures[v] = raised(self._strategy, error, self._asked(v))
            records = self.markets, self._manys, self.traders, self.dealings, self._outs
            self._code.fail_one(*records)
        return self._begun() - before

    def _asked(self, v: int) -> tuple[Any, ...]:
        """What `decide` was called with."""
        market = self.markets[0]
        trader = self.traders[v]
        return market.features, trader.position, self.memories[v], self.params[v], market.intent

    def _begun(self) -> int:
        return int(self.markets[0].counts.events)

    def _empty(self, take: Take) -> None:
        """Hand out what the variants wrote, each its own, and start the outbox anew."""
        out, many = self._outs[0], self._manys[0]
        used = {name: int(out.used[name]) for name in TRADES}
        out.used = 0
        many.signed = 0
        many.full = False
        if not any(used.values()):
            return
        parts = []
        for name, n in used.items():
            order = np.argsort(many[name][:n], kind="stable")
            stops = np.searchsorted(many[name][:n][order], np.arange(self.n + 1)).tolist()
            parts.append((out[name][:n][order], stops))
        for v in range(self.n):
            mine = [rows[stops[v] : stops[v + 1]] for rows, stops in parts]
            if any(len(rows) for rows in mine):
                take(v, *mine)
