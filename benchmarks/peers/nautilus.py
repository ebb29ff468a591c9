"""nautilus_trader: python -m benchmarks.peers.nautilus trade CATALOG ANSWER.

Run by an interpreter that has it; nothing of MicroPulse is imported. `convert TAPE CATALOG` makes
its Parquet catalog of the tape's own Parquet: each book an OrderBookDepth10, each print a
TradeTick, `ts_init` the time of receipt.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from nautilus_trader.backtest.config import (
    BacktestDataConfig,
    BacktestEngineConfig,
    BacktestRunConfig,
    BacktestVenueConfig,
)
from nautilus_trader.backtest.node import BacktestNode
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import NULL_ORDER, BookOrder, OrderBookDepth10, TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers import answer
from benchmarks.peers.rule import ENTER, LEAVE, LEVELS, QTY
from benchmarks.peers.tape_columns import whole

INSTRUMENT = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
PX_DIGITS, QTY_DIGITS = 2, 3
PX_SCALE, QTY_SCALE = 10**PX_DIGITS, 10**QTY_DIGITS
MS = 1_000_000  # ns
PRINTS = (0, 1)  # kinds of rows that are prints: MARKET, RPI
BUY = 1  # side of an aggressor that buys
CHUNK = 10_000  # data a chunk: its streaming mode; larger ones took more memory and no less CPU
DEPTH10 = 10
NO_FEE = Decimal(0)


def instrument() -> CryptoPerpetual:
    """BTCUSDT, without fees and without margin that could stop an order."""
    return CryptoPerpetual(
        instrument_id=INSTRUMENT,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=PX_DIGITS,
        size_precision=QTY_DIGITS,
        price_increment=Price.from_str("0.10"),
        size_increment=Quantity.from_str("0.001"),
        margin_init=NO_FEE,
        margin_maint=NO_FEE,
        maker_fee=NO_FEE,
        taker_fee=NO_FEE,
        ts_event=0,
        ts_init=0,
    )


class Imbalance(Strategy):
    """The rule, asked at each book."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig(strategy_id="IMBALANCE-001"))
        self.side = 0  # of the position, by fills
        self.last = 2.0
        self.seen_ts, self.seen_obi = array("q"), array("d")
        self.orders: list[tuple[int, int]] = []
        self.fills: list[tuple[int, float, float]] = []

    def on_start(self) -> None:
        self.qty = Quantity.from_str(QTY)
        self.subscribe_order_book_depth(INSTRUMENT)

    def on_order_book_depth(self, depth: OrderBookDepth10) -> None:
        bids = sum([float(level.size) for level in depth.bids[:LEVELS]])
        asks = sum([float(level.size) for level in depth.asks[:LEVELS]])
        obi = (bids - asks) / (bids + asks) if bids and asks else float("nan")
        if obi == self.last:
            return
        self.last = obi
        self.seen_ts.append(depth.ts_init)
        self.seen_obi.append(obi)
        if self.side == 0:
            if abs(obi) >= ENTER:
                self.send(depth.ts_init, 1 if obi > 0.0 else -1)
        elif self.side * obi <= -LEAVE:
            self.send(depth.ts_init, -self.side)

    def send(self, ts: int, side: int) -> None:
        self.orders.append((ts, side))
        what = OrderSide.BUY if side > 0 else OrderSide.SELL
        self.submit_order(self.order_factory.market(INSTRUMENT, what, self.qty))

    def on_order_filled(self, event: OrderFilled) -> None:
        side = 1 if event.order_side == OrderSide.BUY else -1
        self.fills.append((side, float(event.last_px), float(event.last_qty)))
        self.side = int(self.portfolio.is_net_long(INSTRUMENT))
        self.side -= int(self.portfolio.is_net_short(INSTRUMENT))


def trade(catalog: Path, out: Path) -> None:
    """The rule over the whole catalog: no latency, no fees, in chunks."""
    kinds = (OrderBookDepth10, TradeTick)
    data = [
        BacktestDataConfig(
            catalog_path=str(catalog),
            data_cls=f"nautilus_trader.model.data:{kind.__name__}",
            instrument_id=INSTRUMENT,
        )
        for kind in kinds
    ]
    venue = BacktestVenueConfig(
        name="BINANCE",
        oms_type="NETTING",
        account_type="MARGIN",
        starting_balances=["100_000_000 USDT"],
        book_type="L2_MBP",
    )
    engine = BacktestEngineConfig(
        logging=LoggingConfig(bypass_logging=True),
        risk_engine=RiskEngineConfig(bypass=True),
        run_analysis=False,
    )
    config = BacktestRunConfig(
        engine=engine, venues=[venue], data=data, chunk_size=CHUNK, raise_exception=True
    )
    node = BacktestNode([config])
    node.build()
    rule = Imbalance()
    node.get_engine(config.id).add_strategy(rule)
    node.run()
    orders, fills = np.array(rule.orders), np.array(rule.fills)
    orders, fills = orders.reshape(-1, 2).astype(np.int64), fills.reshape(-1, 3)
    answer.write(out, answer.Answer(rule.seen_ts, rule.seen_obi, *orders.T, *fills.T))


# ---- its catalog, from the tape -----------------------------------------------------------------


def convert(tape: Path, catalog: Path) -> None:
    """A file of its catalog for each table of each segment."""
    store = ParquetDataCatalog(str(catalog))
    store.write_data([instrument()])
    for name, made in (("depth", depths), ("trades", ticks)):
        held: list[Any] = []  # rows of the same time must not be in two files
        for file in sorted(tape.rglob(f"{name}-*.parquet")):
            held += made(file)
            n = len(held)
            while n and held[n - 1].ts_init == held[-1].ts_init:
                n -= 1
            if n:
                store.write_data(held[:n])
                held = held[n:]
        if held:
            store.write_data(held)


def depths(file: Path) -> Iterator[OrderBookDepth10]:
    """The books of one file of the tape."""
    table = pq.read_table(file)
    times = [whole(table, name).tolist() for name in ("ts_recv", "ts_txn", "last_id")]
    sides = [levels(table, side) for side in ("bid", "ask")]
    counts = [1] * DEPTH10
    for ts, txn_ms, last, bids, asks in zip(*times, *sides, strict=True):
        txn = txn_ms * MS
        yield OrderBookDepth10(INSTRUMENT, bids, asks, counts, counts, 0, last, txn, ts)


def levels(table: Any, side: str) -> Iterator[list[BookOrder]]:
    """Ten orders a book: what is shown, then nulls."""
    what = OrderSide.BUY if side == "bid" else OrderSide.SELL
    names = range(1, LEVELS + 1)
    px = np.stack([whole(table, f"{side}_px_{k}") for k in names], axis=1) / PX_SCALE
    qty = np.stack([whole(table, f"{side}_qty_{k}") for k in names], axis=1) / QTY_SCALE
    shown = whole(table, f"{side}_n").tolist()
    for n, prices, sizes in zip(shown, px.tolist(), qty.tolist(), strict=True):
        orders = [
            BookOrder(what, Price(prices[k], PX_DIGITS), Quantity(sizes[k], QTY_DIGITS), 0)
            for k in range(n)
        ]
        yield orders + [NULL_ORDER] * (DEPTH10 - n)


def ticks(file: Path) -> Iterator[TradeTick]:
    """The prints of one file of the tape; rows that are none are left out."""
    table = pq.read_table(file)
    names = ("ts_recv", "ts_txn", "trade_id", "px", "qty", "side", "kind")
    columns = [whole(table, name).tolist() for name in names]
    for ts, txn_ms, trade_id, px, qty, side, kind in zip(*columns, strict=True):
        if kind in PRINTS and px > 0 and qty > 0:
            yield TradeTick(
                INSTRUMENT,
                Price(px / PX_SCALE, PX_DIGITS),
                Quantity(qty / QTY_SCALE, QTY_DIGITS),
                AggressorSide.BUYER if side == BUY else AggressorSide.SELLER,
                TradeId(str(trade_id)),
                txn_ms * MS,
                ts,
            )


if __name__ == "__main__":
    {"trade": trade, "convert": convert}[sys.argv[1]](*map(Path, sys.argv[2:]))
