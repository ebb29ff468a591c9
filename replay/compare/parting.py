"""The first event at which two runs did different things, and why.

What a run does at an event is what its rule asked for and let be, what was sent and filled. Both
runs are brought to that event again from the recording: there are the features that both rules
saw. Beside them runs A with one parameter of B at a time, from the start: whether that one alone
makes A do what B did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from micropulse.run import record_dict
from micropulse.sinks.transactions import iso
from replay.compare.deeds import Did, only_deeds
from replay.compare.standing import Rule, Standing, rule_of, stand_at
from replay.differences import first_unequal_row
from replay.runs import Run
from replay.verify import frame_text

TABLES = ("signals", "orders", "fills")
TRIED_MOST = 12  # parameters of B given to A, one at a time: 15 MB of State each


class Change(NamedTuple):
    """A parameter in which the runs differ, by its path; None where one does not have it."""

    path: str
    a: Any
    b: Any


class Cause(NamedTuple):
    """What A did at the event when it had this one parameter of B from the start: `makes` is what B
    did (`b`), what A did (`a`), or neither (`other`)."""

    path: str
    makes: str
    did: list[str]


class Parting(NamedTuple):
    """`what` is `decision`, or `order` for the first order or fill that differs.

    `values` are the features, position and ages after the event, of A and of B; `near` names those
    that lie between A's and B's value of a parameter.
    """

    what: str
    seq: int
    ts: str
    frame: str | None
    a_did: list[str]
    b_did: list[str]
    values: dict[str, tuple[Any, Any]]
    near: list[str]
    causes: list[Cause]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return self._asdict() | {"causes": [cause._asdict() for cause in self.causes]}


def changes(a: Run, b: Run) -> list[Change]:
    """The parameters that differ, in the order of A's."""
    mine, yours = (dict(_flat("", run.said["params"])) for run in (a, b))
    names = [*mine, *(name for name in yours if name not in mine)]
    found = (Change(name, mine.get(name), yours.get(name)) for name in names)
    return [change for change in found if change.a != change.b]


def _flat(prefix: str, given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def first_places(a: Path, b: Path) -> list[tuple[str, int]]:
    """(`decision`, seq), and where orders or fills part only later (`order`, seq); none when all
    that was done is the same."""
    found = {name: _first_seq(name, a, b) for name in TABLES}
    acts = [seq for name, seq in found.items() if seq is not None and name != "signals"]
    every = [seq for seq in found.values() if seq is not None]
    if not every:
        return []
    places = [("decision", min(every))]
    if acts and min(acts) != min(every):
        places.append(("order", min(acts)))
    return places


def _first_seq(name: str, a: Path, b: Path) -> int | None:
    """The event of the first row that differs, the earlier of the two runs' own."""
    left, right = (only_deeds(pq.read_table(folder / f"{name}.parquet")) for folder in (a, b))
    found = first_unequal_row(left, right)
    if found is None:
        return None
    seq, row = "status_seq" if name == "orders" else "seq", found[0]
    return min(int(table[seq][row].as_py()) for table in (left, right) if len(table) > row)


def parting(a: Run, b: Run, what: str, seq: int, data: str | None) -> Parting:
    """Bring both runs to the event, and look.

    Raises SourceError, TapeError, StrategyError, VerifyError when the recording or a strategy is
    not there any more.
    """
    changed = changes(a, b)
    tried = changed[:TRIED_MOST] if a.said["strategy"] == b.said["strategy"] else []
    rules = [rule_of(a), rule_of(b)]
    rules += [Rule(rules[0].strategy, _with(a.said["params"], change)) for change in tried]
    one, other, *others = stand_at(a, rules, seq, data)
    mine, yours = (_values(standing) for standing in (one, other))
    values = {name: (mine[name], yours[name]) for name in mine}
    return Parting(
        what,
        seq,
        iso(int(one.session.core.state.clock.now)),
        frame_text(a.said, data, seq),
        one.did.words,
        other.did.words,
        values,
        near(changed, values),
        [
            Cause(change.path, _makes(what, standing.did, one.did, other.did), standing.did.words)
            for change, standing in zip(tried, others, strict=True)
        ],
    )


def _with(params: dict[str, Any], change: Change) -> dict[str, Any]:
    """Parameters with B's value of one of them."""
    made = deepcopy(params)
    *inside, name = change.path.split(".")
    place = made
    for step in inside:
        place = place[step]
    place[name] = change.b
    return made


def _makes(what: str, did: Did, a_did: Did, b_did: Did) -> str:
    """Whose deeds these are. What is let be counts only where decisions are compared: it is said
    when it changes, and after the first parting the two have not said the same before."""
    if what == "order":
        did, a_did, b_did = (Did([], each.acted) for each in (did, a_did, b_did))
    return "b" if did == b_did else "a" if did == a_did else "other"


def _values(standing: Standing) -> dict[str, Any]:
    """What the rule saw: features, position, and the ages that parameters are compared with."""
    state = standing.session.core.state
    seen = record_dict(state.features)
    position = record_dict(state.position)
    wall_ts, now = seen["removed_wall_ts"], seen.pop("ts")
    seen["removed_wall_since_ms"] = (now - wall_ts) / 1e6 if wall_ts else None
    seen |= {f"position_{name}": value for name, value in position.items() if name != "entry_ts"}
    seen["position_held_ms"] = seen.pop("position_held_ns") / 1e6
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in seen.items()
    }


def near(changed: list[Change], values: dict[str, tuple[Any, Any]]) -> list[str]:
    """`obi` when it lies between A's and B's `entry.obi_min`, whatever its sign; those that share
    a word with the parameter first."""
    found: dict[str, bool] = {}
    for change in changed:
        if not all(_is_number(value) for value in (change.a, change.b)):
            continue
        low, high = sorted((change.a, change.b))
        words = set(change.path.rpartition(".")[2].split("_"))
        for name, (value, _) in values.items():
            if _is_number(value) and low <= abs(value) <= high:
                found[name] = found.get(name, False) or bool(words & set(name.split("_")))
    return sorted(found, key=lambda name: not found[name])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
