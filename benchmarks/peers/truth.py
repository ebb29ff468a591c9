"""What is true: OBI and the rule's orders, plainly from the tape's own Parquet, without an engine.

    python -m benchmarks.peers.truth TAPE ANSWER…    # a line of JSON an answer, or a run folder

A moment is a time at which a book was received; what counts is the last book of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.peers import answer
from benchmarks.peers.answer import Answer
from benchmarks.peers.rule import ENTER, LEAVE, LEVELS, SLACK
from benchmarks.peers.tape_columns import whole

PX_SCALE, QTY_SCALE = 100, 1_000  # BTCUSDT


class Truth(NamedTuple):
    """Of each moment."""

    ts: Any
    obi: Any  # NaN where a side is empty


def truth_of(tape: Path) -> Truth:
    """From the books of the tape; one that is older than the one before is a duplicate."""
    files = sorted(tape.rglob("depth-*.parquet"))
    table = pa.concat_tables([pq.read_table(file) for file in files]).sort_by("seq")
    last_id = whole(table, "last_id")
    newest = np.maximum.accumulate(np.concatenate([[-1], last_id]))[:-1]
    table = table.filter(pa.array(last_id > newest))
    ts = np.maximum.accumulate(whole(table, "ts_recv"))
    bids, asks = (visible(table, side) for side in ("bid", "ask"))
    known = (bids > 0) & (asks > 0)
    obi = np.full(len(ts), np.nan)
    obi[known] = (bids - asks)[known] / (bids + asks)[known]
    final = np.append(ts[1:] != ts[:-1], True)
    return Truth(ts[final], obi[final])


def visible(table: Any, side: str) -> Any:
    """The sum of a side's quantities, in lots."""
    n = whole(table, f"{side}_n")
    return sum(np.where(n >= k, whole(table, f"{side}_qty_{k}"), 0) for k in range(1, LEVELS + 1))


def orders_of(truth: Truth) -> list[tuple[int, int]]:
    """(moment, side) of every order of the rule, if each is filled before the next book."""
    orders, position, last = [], 0, np.nan
    for ts, obi in zip(truth.ts.tolist(), truth.obi.tolist(), strict=True):
        side = 0
        if obi == last:
            continue
        last = obi
        if position == 0:
            if abs(obi) >= ENTER:
                side = 1 if obi > 0.0 else -1
        elif position * obi <= -LEAVE:
            side = -position
        if side:
            orders.append((ts, side))
            position += side
    return orders


def judged(truth: Truth, found: Answer, moments: Any) -> dict[str, Any]:
    """How much of an answer is true; OBI at so many `moments`."""
    true, seen = latest(truth, moments), latest(Truth(found.seen_ts, found.seen_obi), moments)
    equal = (np.isnan(true) & np.isnan(seen)) | (np.abs(seen - true) <= SLACK)
    right = orders_of(truth)
    sent = list(zip(found.order_ts.tolist(), found.order_side.tolist(), strict=True))
    return {
        "moments": len(moments),
        "equal": int(equal.sum()),
        "orders": len(sent),
        "orders_right": len(set(sent) & set(right)),
        "orders_true": len(right),
        "fills": len(found.fill_px),
        "gross": round(gross(found), 2),
        "digest": answer.digest(found),
    }


def latest(series: Truth, moments: Any) -> Any:
    """The value that stood at each moment; NaN before the first."""
    at = np.searchsorted(series.ts, moments, side="right")
    return np.append(np.nan, series.obi)[at]


def of_run_folder(folder: Path) -> Answer:
    """What a run folder of ours says: OBI once a second, orders and fills."""
    samples, orders, fills = (
        pq.read_table(folder / f"{name}.parquet") for name in ("samples", "orders", "fills")
    )
    orders = orders.filter(pc.equal(orders["status"], "submitted"))
    return Answer(
        whole(samples, "ts_recv"),
        samples["obi"].to_numpy(),
        whole(orders, "ts"),
        sides(orders),
        sides(fills),
        whole(fills, "px") / PX_SCALE,
        whole(fills, "qty") / QTY_SCALE,
    )


def sides(table: Any) -> Any:
    """1 where it buys, -1 where it sells."""
    return np.where(np.array(table["side"].to_pylist()) == "buy", 1, -1)


def gross(found: Answer) -> float:
    """USDT made before fees, until it was flat for the last time."""
    flow = found.fill_side * found.fill_qty
    held = np.round(np.cumsum(flow), 6)
    flat = np.flatnonzero(held == 0.0)
    done = flat[-1] + 1 if len(flat) else 0
    return float(-(flow * found.fill_px)[:done].sum())


def main(tape: str, *answers: str) -> None:
    """Print a line an answer."""
    truth = truth_of(Path(tape))
    for path in map(Path, answers):
        found = of_run_folder(path) if path.is_dir() else answer.read(path)
        moments = found.seen_ts if path.is_dir() else truth.ts
        print(json.dumps(judged(truth, found, moments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
