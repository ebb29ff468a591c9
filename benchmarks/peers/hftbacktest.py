"""hftbacktest: python -m benchmarks.peers.hftbacktest trade DEPTH EVENTS ANSWER.

DEPTH is `roi` or `hashmap`: which of its two books the engine keeps. Two more commands make EVENTS
with its own converter for Binance's futures:

    changes FRAMES EVENTS     frames as they came: each book is taken for changes of levels
    snapshots FRAMES EVENTS   each book is handed to it in the form of a REST snapshot

`micropulse tape export --format npz` makes the third encoding, each book as its difference.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import (
    GTC,
    MARKET,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.data.utils.binancefutures import convert
from numba import njit

from benchmarks.peers import answer
from benchmarks.peers.rule import ENTER, LEAVE, LEVELS, LOT, QTY, TICK

FEED = 2  # what wait_next_feed returns for one
HOUR_NS = 3_600 * 10**9
TICKS_FROM_BEST = 2_000  # how far from the best price a level is looked for
ORDERS_MAX = 1_000_000
ORDER_QTY = float(QTY)
ROI_PX = 50_000.0, 150_000.0  # the range of prices that its vector holds


@njit
def imbalance(book: Any) -> float:
    """OBI over the five best levels a side, found tick by tick: its books have no list of them."""
    bids, asks = 0.0, 0.0
    best, left = book.best_bid_tick, LEVELS
    for tick in range(best, best - TICKS_FROM_BEST, -1):
        qty = book.bid_qty_at_tick(tick)
        if qty > 0.0:
            bids += qty
            left -= 1
            if left == 0:
                break
    best, left = book.best_ask_tick, LEVELS
    for tick in range(best, best + TICKS_FROM_BEST):
        qty = book.ask_qty_at_tick(tick)
        if qty > 0.0:
            asks += qty
            left -= 1
            if left == 0:
                break
    if bids == 0.0 or asks == 0.0:
        return np.nan
    return (bids - asks) / (bids + asks)


@njit
def walk(hbt: Any, seen_ts: Any, seen_obi: Any, orders: Any) -> tuple[int, int]:
    """The rule, asked each time that something was received; how much was seen and sent."""
    seen, sent, last = 0, 0, 2.0
    while hbt.wait_next_feed(False, HOUR_NS) == FEED:
        obi = imbalance(hbt.depth(0))
        if obi == last or (np.isnan(obi) and np.isnan(last)):
            continue
        last = obi
        seen_ts[seen], seen_obi[seen] = hbt.current_timestamp, obi
        seen += 1
        position = hbt.position(0)
        side = 0
        if abs(position) < LOT / 2:
            if abs(obi) >= ENTER:
                side = 1 if obi > 0.0 else -1
        elif np.sign(position) * obi <= -LEAVE:
            side = -1 if position > 0.0 else 1
        if side == 0:
            continue
        orders[sent, 0], orders[sent, 1] = hbt.current_timestamp, side
        if side > 0:
            hbt.submit_buy_order(0, sent, 0.0, ORDER_QTY, GTC, MARKET, True)
        else:
            hbt.submit_sell_order(0, sent, 0.0, ORDER_QTY, GTC, MARKET, True)
        order = hbt.orders(0).get(sent)
        orders[sent, 2] = order.exec_price_tick
        orders[sent, 3] = round(order.exec_qty / LOT)
        hbt.clear_inactive_orders(0)
        sent += 1
    return seen, sent


def trade(depth: str, events: Path, out: Path) -> None:
    """The rule over all events: no latency, no fees, orders never filled in part."""
    asset = BacktestAsset().data([str(events)]).linear_asset(1.0).constant_order_latency(0, 0)
    asset = asset.risk_adverse_queue_model().no_partial_fill_exchange()
    asset = asset.trading_value_fee_model(0.0, 0.0).tick_size(TICK).lot_size(LOT)
    if depth == "roi":
        hbt = ROIVectorMarketDepthBacktest([asset.roi_lb(ROI_PX[0]).roi_ub(ROI_PX[1])])
    else:
        hbt = HashMapMarketDepthBacktest([asset])
    rows = rows_of(events)
    seen_ts, seen_obi = np.empty(rows, np.int64), np.empty(rows)
    orders = np.empty((ORDERS_MAX, 4), np.int64)
    seen, sent = walk(hbt, seen_ts, seen_obi, orders)
    hbt.close()
    ts, side, px, qty = orders[:sent].T
    made = qty > 0
    saw = seen_ts[:seen], seen_obi[:seen]
    answer.write(out, answer.Answer(*saw, ts, side, side[made], px[made] * TICK, qty[made] * LOT))


def rows_of(events: Path) -> int:
    """How many events there are: the head of the array says so."""
    with zipfile.ZipFile(events) as archive, archive.open("data.npy") as file:
        np.lib.format.read_magic(file)
        (rows,), _, _ = np.lib.format.read_array_header_1_0(file)
        return int(rows)


def changes(frames: Path, events: Path) -> None:
    """Its converter on the frames as they came."""
    convert(str(frames), str(events))


def snapshots(frames: Path, events: Path) -> None:
    """Its converter on books in the form of a REST snapshot; other frames are as they came."""
    reshaped = events.with_suffix(".jsonl.gz")
    with gzip.open(frames) as file, gzip.open(reshaped, "wb", compresslevel=1) as out:
        for line in file:
            ts, _, frame = line.rstrip(b"\n").partition(b" ")
            if b"@depth" in frame[:40]:
                frame = frame[frame.index(b'"data":') + len(b'"data":') : -1]
                frame = frame.replace(b'"b":[', b'"bids":[').replace(b'"a":[', b'"asks":[')
            out.write(ts + b" " + frame + b"\n")
    changes(reshaped, events)
    reshaped.unlink()


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "trade":
        trade(rest[0], Path(rest[1]), Path(rest[2]))
    else:
        {"changes": changes, "snapshots": snapshots}[command](Path(rest[0]), Path(rest[1]))
