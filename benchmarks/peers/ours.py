"""MicroPulse, as a library: python -m benchmarks.peers.ours TAPE ANSWER.

Its core on the tape as it was recorded. It computes every feature there is and hashes what goes in
and comes out, as it always does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import answer
from benchmarks.peers.rule import QTY
from micropulse.params import resolve
from micropulse.run import Rows
from micropulse.schema import SUBMITTED
from micropulse.strategy import load_strategy
from replay.backtest import Session
from replay.source import open_source

RULE = Path(__file__).with_name("ours_rule.py")
SETS = ["execution.latency=0", f"execution.order_qty={QTY}"]
EVERY_BOOK = -1
PX_SCALE, QTY_SCALE = 100, 1_000  # BTCUSDT


class Seen:
    """The sink that keeps what an Answer needs."""

    def __init__(self) -> None:
        self.obi: list[tuple[Any, Any]] = []
        self.orders: list[tuple[Any, Any]] = []
        self.fills: list[tuple[Any, Any, Any]] = []

    def take(self, rows: Rows) -> None:
        if len(rows.samples):
            features = rows.samples["features"]
            self.obi.append(changes(features["ts"], features["obi"]))
        if len(rows.orders):
            sent = rows.orders[rows.orders["status"] == SUBMITTED]
            self.orders.append((sent["ts"].copy(), sent["side"].copy()))
        if len(rows.fills):
            fills = rows.fills
            px, qty = fills["px"] / PX_SCALE, fills["qty"] / QTY_SCALE
            self.fills.append((fills["side"].copy(), px, qty))

    def end_of_batch(self) -> None:
        pass


def changes(ts: Any, obi: Any) -> tuple[Any, Any]:
    """The rows at which OBI took another value, the first one with them."""
    new = np.ones(len(obi), bool)
    new[1:] = obi[1:] != obi[:-1]
    return ts[new], obi[new]


def columns(parts: list[tuple[Any, ...]], n: int) -> list[Any]:
    """Parts of `n` columns put together."""
    return [np.concatenate([part[i] for part in parts] or [np.empty(0)]) for i in range(n)]


def main(tape: str, out: str) -> None:
    strategy = load_strategy(str(RULE))
    session = Session(open_source(tape), strategy, resolve(strategy.Params, None, SETS), EVERY_BOOK)
    seen = Seen()
    session.run([seen])
    session.summary()
    answer.write(
        Path(out),
        answer.Answer(*columns(seen.obi, 2), *columns(seen.orders, 2), *columns(seen.fills, 3)),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
