"""data/sample.jsonl.gz: it is what its manifest says, and can be made again."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from data.make_sample import FOLDER, NAME, SETTINGS, make_sample, rows
from tests.oracle import Book, Trade
from tests.oracle.features import Parameters
from tests.oracle.reading import read_frames
from tests.oracle.walls import Print, Removal, Walls

SAMPLE = FOLDER / NAME
DAY = 86_400 * 10**9


@pytest.fixture(scope="module")
def events() -> list[Book | Trade]:
    return list(read_frames(SAMPLE, 2, 3))


def test_the_sample_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    make_sample(tmp_path)
    made, kept = (gzip.decompress((folder / NAME).read_bytes()) for folder in (tmp_path, FOLDER))
    assert made == kept


def test_the_manifest_is_of_this_sample() -> None:
    manifest = json.loads((FOLDER / "sample.manifest.json").read_text(encoding="utf-8"))
    packed = SAMPLE.read_bytes()
    text = gzip.decompress(packed)
    assert manifest["settings"] == SETTINGS
    assert manifest["sha256"] == hashlib.sha256(packed).hexdigest()
    assert manifest["sha256_unpacked"] == hashlib.sha256(text).hexdigest()
    assert manifest["rows"] == rows(text)
    assert len(packed) <= 400_000


def test_the_sample_shows_what_real_sockets_do(events: list[Book | Trade]) -> None:
    trades = [event for event in events if isinstance(event, Trade)]
    books = [event for event in events if isinstance(event, Book)]
    steps = Counter(b.trade_id - a.trade_id for a, b in pairwise(trades))
    assert max(steps) > 1  # dropped
    assert steps[0] >= 1  # twice
    assert {trade.kind for trade in trades} == {"MARKET", "NA", "INSURANCE_FUND"}
    assert any(a.last_id == b.last_id for a, b in pairwise(books))
    assert any(b.prev_id not in (a.last_id, a.prev_id) for a, b in pairwise(books))
    assert {event.ts_event // DAY for event in events} == {20_458, 20_459}  # over midnight
    assert max(event.ts_recv - event.ts_event for event in events) > 500_000_000  # the stall,
    assert min(event.ts_recv - event.ts_event for event in events) < -1_200_000_000  # a slow clock
    assert any(a.ts_event > b.ts_event for a, b in pairwise(events))
    assert b'"zz":"new"' in gzip.decompress(SAMPLE.read_bytes())


def test_walls_of_the_sample_are_cancelled_and_eaten(events: list[Book | Trade]) -> None:
    walls, removed = Walls(Parameters(), 10**5), list[Removal]()
    ids, largest_u = set[int](), 0
    for event in events:
        if isinstance(event, Trade):
            if event.trade_id not in ids and event.kind == "MARKET":
                printed = (event.ts_recv, event.ts_txn, event.px, event.qty, event.side)
                walls.on_print(Print(*printed))
            ids.add(event.trade_id)
        elif event.last_id > largest_u:
            largest_u, before = event.last_id, walls.removed
            walls.on_book(event, event.ts_recv)
            if walls.removed is not None and walls.removed is not before:
                removed.append(walls.removed)
    kinds = Counter(removal.kind for removal in removed)
    assert kinds["cancelled"] >= 3
    assert kinds["eaten"] >= 3
    assert {removal.side for removal in removed} == {"bid", "ask"}
