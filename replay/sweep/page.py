"""The sweep in one HTML file: verdict, heat map, days, the best variants. Nothing is fetched.

The same results give the same bytes: there is no clock and no chance in it.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import Any

from micropulse.instrument import to_text
from micropulse.sinks.tables import Digits
from replay.html import frame
from replay.html.frame import table
from replay.sweep.grid import Axis, Grid

BINS = 12  # of a parameter that has more values, as drawn ones have
LISTED = 50  # variants
NO_MARKET = "It has no book and no trade: it is not counted as a day."


def page(
    said: dict[str, Any], grid: Grid, variants: list[dict[str, Any]], daily: Any, digits: Digits
) -> str:
    """The HTML; `said` is sweep.json, `daily` the marked net, days × variants."""
    parts = {
        "words": "".join(f"<li>{escape(words)}</li>" for words in said["words"]),
        "verdict": "bad" if said["verdict"]["overfitted"] else "open",
        "tiles": _tiles(said),
        "best": _best(said["best"]),
        "variants": _variants(said, grid, variants, digits),
        "days": _days(said),
        "failures": _failures(said["failures"]),
    }
    return frame.page(
        "replay.sweep",
        f"{said['strategy']} on {said['symbol']}: {_count(said['variants'], 'variant')}",
        _lead(said),
        parts,
        {"data": _data(said, grid, variants, daily, digits)},
    )


def _lead(said: dict[str, Any]) -> str:
    idle = said["never_traded"]
    return (
        f"{_count(said['variants'], 'variant')} on {_count(len(said['days']), 'day')}. "
        f"{said['verdict']['variants_tried']:,} were ever tried on this data."
        + (f" {idle:,} of these never traded, and are not ranked." if idle else "")
    )


def _tiles(said: dict[str, Any]) -> str:
    """The figures at a glance; what is not known is a dash, and the words say why."""
    found, best = said["verdict"], said["best"] or {}
    walk = found["walk_forward"] or {}
    tiles = [
        ("best net, all days", _money(best.get("total")), "what is open marked at the last mid"),
        ("Sharpe ratio of the best, a day", _number(best.get("sharpe")), _luckiest(found)),
        ("deflated Sharpe ratio", _share(best.get("deflated_sharpe")), "95 % or more is wanted"),
        ("probability of overfitting", _share(found["pbo"]), "50 % is a throw of dice"),
        ("in sample, a day", _money(walk.get("in_sample_a_day")), "what the chosen promised"),
        ("out of sample, a day", _money(walk.get("out_of_sample_a_day")), "what they brought"),
    ]
    return "".join(
        f'<div class="tile"><h3>{name}</h3><p class="figure">{figure}</p>'
        f"<small>{note}</small></div>"
        for name, figure, note in tiles
    )


def _luckiest(found: dict[str, Any]) -> str:
    luckiest = found["luckiest_sharpe"]
    return (
        "not under 20 days" if luckiest is None else f"the luckiest without merit: {luckiest:.3f}"
    )


def _best(best: dict[str, Any] | None) -> str:
    if best is None:
        return "<p>There is no best variant: none traded and went through all days.</p>"
    params = ", ".join(f"{name} = {value}" for name, value in best["params"].items())
    return (
        f"<p>Variant <code>{best['variant']}</code>: {escape(params or 'defaults')}.<br>"
        f"{_count(best['round_trips'], 'round trip')}, gross {best['gross']}, fees {best['fees']}, "
        f"funding {best['funding']}, net {best['net']}.</p>"
    )


def _variants(
    said: dict[str, Any], grid: Grid, variants: list[dict[str, Any]], digits: Digits
) -> str:
    """The best, most net first."""
    varying = [(place, axis) for place, axis in enumerate(grid.axes) if said["axes"][axis.path] > 1]
    heads = ["variant", *(_short(axis.path) for _, axis in varying)]
    heads += ["round trips", "wins", "gross", "fees", "net, marked", "worst fall in a day"]
    known = [row for row in variants if row["failed"] is None and row["fills"]]
    rows = []
    for row in sorted(known, key=lambda row: -row["total"])[:LISTED]:
        cells = [f"<code>{row['variant'][:8]}</code>"]
        cells += [escape(_label(row["values"][place])) for place, _ in varying]
        wins = f"{row['wins'] / row['round_trips']:.0%}" if row["round_trips"] else "–"
        cells += [f"{row['round_trips']:,}", wins]
        fees = f"{float(to_text(row['fees'], digits.money)):,.4f}"
        gross, total = (_money(to_text(row[name], digits.money)) for name in ("gross", "total"))
        cells += [gross, fees, total]
        cells.append(_money(to_text(-row["drawdown"], digits.money)))
        rows.append(cells)
    return table(heads, rows)


def _days(said: dict[str, Any]) -> str:
    rows = []
    for day in said["days"]:
        notes = day["problems"] + ([] if day["counted"] else [NO_MARKET])
        rows.append(
            [
                escape(day["name"]),
                day["date"] or "–",
                f"{day['events']:,}",
                f"{day['counts']['missed_trades']:,}",
                f"{day['counts']['disconnects']:,}",
                f"<code>{day['data']}</code>",
                escape(" ".join(notes)),
            ]
        )
    heads = ["day", "date", "events", "missed trades", "disconnects", "data", "notes"]
    return table(heads, rows)


def _failures(failures: list[dict[str, Any]]) -> str:
    if not failures:
        return ""
    items = "".join(
        f"<li><code>{one['variant'][:8]}</code> on {escape(one['day'])}: "
        f"{escape(one['failed'])}</li>"
        for one in failures[:LISTED]
    )
    return (
        f"<h3>{_count(len(failures), 'backtest')} in which the strategy failed</h3>"
        f"<p>Their variants have no totals.</p><ul>{items}</ul>"
    )


def _data(
    said: dict[str, Any], grid: Grid, variants: list[dict[str, Any]], daily: Any, digits: Digits
) -> dict[str, Any]:
    """What the charts are drawn from: parallel lists, an entry a variant."""
    axes = []
    for place, axis in enumerate(grid.axes):
        if said["axes"][axis.path] > 1:
            labels, cells = _binned(axis, [row["values"][place] for row in variants])
            axes.append({"path": axis.path, "labels": labels, "cells": cells})

    def money(name: str) -> list[float | None]:
        return [None if row[name] is None else row[name] / 10**digits.money for row in variants]

    trips = [row["round_trips"] for row in variants]
    wins = [row["wins"] for row in variants]
    measures: list[tuple[str, list[Any]]] = [
        ("net, marked", money("total")),
        ("gross", money("gross")),
        ("worst fall in a day", money("drawdown")),
        ("round trips", trips),
        ("share of wins", [w / n if n else None for w, n in zip(wins, trips, strict=True)]),
        ("Sharpe ratio, a day", [row["sharpe"] for row in variants]),
        ("deflated Sharpe ratio", [row["deflated_sharpe"] for row in variants]),
    ]
    place_of = {row["variant"]: place for place, row in enumerate(variants)}
    best = None if said["best"] is None else place_of[said["best"]["variant"]]
    days = [day["date"] or day["name"] for day in said["days"] if day["counted"]]
    column = [] if best is None or not days else daily[:, best] / 10**digits.money
    return {
        "ids": [row["variant"][:8] for row in variants],
        "axes": axes,
        "measures": [
            {"name": name, "values": values}
            for name, values in measures
            if any(value is not None for value in values)
        ],
        "days": [f"{place + 1}: {day}" for place, day in enumerate(days)],
        "best": [float(value) for value in column],
        "walk": said["verdict"]["walk_forward"],
    }


def _binned(axis: Axis, values: list[Any]) -> tuple[list[str], list[int]]:
    """(labels, cell of each variant); many values of a number share cells, as many in each."""
    distinct = sorted(set(values), key=lambda value: (str(type(value)), value))
    if len(distinct) <= 2 * BINS:
        cell = {value: place for place, value in enumerate(distinct)}
        return [_label(value) for value in distinct], [cell[value] for value in values]
    cuts = [distinct[len(distinct) * k // BINS] for k in range(BINS)] + [distinct[-1]]
    labels = [f"{_label(low)} – {_label(high)}" for low, high in pairwise(cuts)]
    return labels, [max(k for k in range(BINS) if value >= cuts[k]) for value in values]


def _label(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(path: str) -> str:
    return path.partition(".")[2]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _money(value: Any) -> str:
    if value is None:
        return "–"
    number = float(value)
    text = f"{number:,.4f}"
    if float(text.replace(",", "")) == 0:
        return "0"
    return f'<span class="{"loss" if number < 0 else "gain"}">{text}</span>'


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
