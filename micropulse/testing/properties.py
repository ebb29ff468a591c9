"""Properties of a strategy over a recording: the same again, in any batches, without the future."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import ModuleType

import numpy as np

from micropulse.events import joined
from micropulse.params import Settings
from micropulse.strategy import load_strategy
from micropulse.testing.ran import AT, Difference, Ran, first_difference, in_table, play
from micropulse.testing.recorded import (
    Rule,
    Set,
    SourceLike,
    loaded,
    read,
    resolved,
    scrambled,
    split,
)
from replay.backtest import backtest
from replay.source import open_source
from replay.verify import compare_runs

OUTBOXES = (1, 7, 300, 4_096)  # rows; an outbox that is full is emptied in the middle of a batch


def deterministic(strategy: Rule, source: SourceLike, settings: Set = ()) -> str:
    """Two runs give the same bytes; the digest.

    Of a source with a name the second run is made in another process, with another hash seed; of a
    recording in memory in this one, with the strategy's file executed again. So a constant that
    is drawn by chance, or depends on the order of a set, is found.
    """
    module = loaded(strategy)
    wanted = resolved(module, settings)
    if isinstance(source, str | Path):
        return _in_two_processes(module, str(source), wanted)
    recorded = read(source)
    one = play(module, recorded, wanted)
    again = load_strategy(named(module))
    _must_agree("Two runs of the same events differ", one, play(again, recorded, wanted))
    return one.core.digest()


def batch_invariant(
    strategy: Rule, source: SourceLike, settings: Set = (), *, splits: int = 5, seed: int = 0
) -> str:
    """Any split into batches and any size of outbox give the same bytes of every table, State,
    checkpoint and digest; the digest."""
    module, recorded, chance = loaded(strategy), read(source), Random(seed)
    wanted, seqs = resolved(module, settings), recorded.seqs()
    whole = play(module, recorded, wanted)
    for number in range(splits):
        rows = OUTBOXES[number % len(OUTBOXES)]
        cuts = [chance.choice(seqs) for _ in range(chance.randrange(1, 200))]
        first = chance.randrange(len(seqs))
        cuts += seqs[first : first + 100]  # here event by event
        parts = play(module, recorded, wanted, split(recorded.events, cuts), rows=rows)
        what = f"{len(cuts) + 1} batches with an outbox of {rows} rows differ from one batch"
        _must_agree(what, whole, parts)
    return whole.core.digest()


def no_lookahead(
    strategy: Rule,
    source: SourceLike,
    settings: Set = (),
    *,
    cuts: int | Sequence[int] = 5,
    seed: int = 0,
) -> int:
    """What is out before a cut does not change when the rest is cut off or is another market; how
    many rows were compared.

    `cuts` are `seq`s, or how many are drawn. After each, the future is taken away once, and once
    it is scrambled: other rows, prices and times.
    """
    module, recorded, chance = loaded(strategy), read(source), Random(seed)
    wanted, seqs = resolved(module, settings), recorded.seqs()
    if isinstance(cuts, int):
        cuts = sorted(chance.choice(seqs[1:] or seqs) for _ in range(cuts))
    whole, compared = play(module, recorded, wanted), 0
    for seq in cuts:
        past, future = split(recorded.events, [seq])
        if not past.n:
            continue
        last_ns = max(int(table.ts_recv[-1]) for table in past if len(table.seq))
        both = joined([past, scrambled(future, last_ns, chance.randrange(2**32))])
        short = play(module, recorded, wanted, [past])
        other = play(module, recorded, wanted, [both])
        for what, longer in (("as it was", whole), ("scrambled", other)):
            found = _before(short, longer, seq, last_ns)
            if found is not None:
                raise AssertionError(
                    f"What is out before seq {seq} depends on what follows: with the future cut "
                    f"off against the future {what}, first {found}."
                )
        compared += sum(len(short.out[name]) for name in AT)
    return compared


def named(strategy: ModuleType) -> str:
    """What the command line takes for a strategy: a name of ours, or a path."""
    ours = strategy.__name__.startswith("strategies.")
    return strategy.__name__.partition(".")[2] if ours else str(strategy.__file__)


def flags(settings: Settings) -> list[str]:
    """The settings as `--set` flags of the command line."""
    words: list[str] = []

    def add(path: str, value: object) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                add(f"{path}.{name}" if path else name, inner)
        else:
            words.extend(("--set", f"{path}={json.dumps(value)}"))

    add("", settings.as_dict())
    return words


def _in_two_processes(strategy: ModuleType, source: str, settings: Settings) -> str:
    with tempfile.TemporaryDirectory(prefix="micropulse-testing-") as folder:
        here, there = Path(folder) / "here", Path(folder) / "there"
        digest = backtest(open_source(source), strategy, settings, here)["digest"]
        words = [sys.executable, "-m", "micropulse", "backtest", source, "-o", str(there)]
        words += ["--strategy", named(strategy), *flags(settings)]
        # Whatever seed this process has, it is not this one (or has none).
        environment = os.environ | {"PYTHONHASHSEED": "20241"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"The backtest in another process failed:\n{done.stderr}"
        found = compare_runs(here, there).divergence
        assert found is None, (
            f"Two processes differ, first at seq {found.seq}, {found.table}, row {found.row}, "
            f"field {found.field}: {found.one!r} against {found.other!r}"
        )
    return str(digest)


def _must_agree(what: str, one: Ran, other: Ran) -> None:
    """Raise AssertionError with the first place where they do not."""
    found = first_difference(one, other)
    if found is not None:
        raise AssertionError(f"{what}, first {found}.")
    for name in ("checkpoints", "input_digest", "digest"):
        mine, yours = _said(one, name), _said(other, name)
        assert mine == yours, f"{what}, in {name}: {mine!r} against {yours!r}."


def _said(ran: Ran, name: str) -> object:
    core = ran.core
    if name == "checkpoints":
        return core.checkpoints
    return core.digest() if name == "digest" else core.input_digest.hexdigest()


def _before(short: Ran, longer: Ran, seq: int, last_ns: int) -> Difference | None:
    """Where the rows of a run that ended before `seq` differ from those that a longer one had by
    then. A row more that belongs before the cut is a difference as well."""
    found = []
    for name, column in AT.items():
        past, table = short.out[name], longer.out[name]
        n = len(past)
        # The last second's sample is written by the event after it, so that time tells here.
        late = table[n:]["ts_recv"] < last_ns if name == "samples" else table[n:][column] < seq
        n += int(np.count_nonzero(late))
        if (difference := in_table(name, past, table[:n], column)) is not None:
            found.append(difference)
    return min(found, key=lambda difference: difference.seq, default=None)
