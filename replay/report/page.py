"""The report in one HTML file: its style, its program and its data lie in it, nothing is fetched.

The same run gives the same bytes: there is no clock in it, and no chance without a seed.
"""

from __future__ import annotations

from html import escape
from typing import Any

from replay.html import frame
from replay.html.frame import table
from replay.report import tables
from replay.report.charts import charts
from replay.report.tables import outcome_table, spread_table
from replay.report.trades import Book
from replay.report.words import THESE_DAYS, duration, money
from replay.runs import Run


def page(run: Run, book: Book, figures: dict[str, Any], around: bytes) -> str:
    """The HTML. `around` is the blob of drill_down.py."""
    card = figures["card"]
    parts = {
        "warnings": _warnings(figures),
        "run_card": tables.run_card(figures) + tables.gap_list(figures),
        "parameters": tables.parameters(figures),
        "cards": tables.cards(figures),
        "sure": _sure(figures),
        "reasons": outcome_table(("entry", "exit"), ("entry", "exit"), figures["reasons"]),
        "let_be": tables.let_be_table(figures),
        "delays": spread_table(
            {f"signal to fill, {name}": (one, "ms") for name, one in figures["delay_ms"].items()}
        ),
        "excursions": spread_table(
            {
                "worst (MAE)": (figures["excursions"]["mae_ticks"], "ticks"),
                "best (MFE)": (figures["excursions"]["mfe_ticks"], "ticks"),
                "held": (figures["excursions"]["hold_s"], "s"),
            }
        ),
        "hours": outcome_table(("hour, UTC",), ("hour",), figures["by_hour"]),
        "spreads": outcome_table(("spread at the decision",), ("spread",), figures["by_spread"]),
        "volatility": outcome_table(
            ("moves in the minute before", "from bps", "to bps"),
            ("volatility", "from_bps", "to_bps"),
            figures["by_volatility"],
        ),
        "markouts_from": _markouts_from(figures),
        "markouts": tables.markout_table(figures),
        "costs": _costs(figures),
        "trades": tables.trade_list(book.trades, card["symbol"]),
    }
    return frame.page(
        "replay.report",
        f"{card['strategy']['name']} on {card['symbol']}",
        _lead(figures),
        parts,
        {"figures": figures, "charts": charts(run, book, figures)},
        {"around": around},
        ("page.js", "drill_down.js"),
    )


def _lead(figures: dict[str, Any]) -> str:
    """The first sentence: when, how much, what came of it."""
    source, head = figures["card"]["source"], figures["headline"]
    if source["first_ts"] is None:
        return "The source held no event."
    when = tables.clock(source["first_ts"])[:19]
    long = duration(source["last_ts"] - source["first_ts"])
    n = head["trades"]["value"]
    came = "No round trip was completed."
    if n:
        came = f"{n:,} round trip{'s' if n > 1 else ''}, net {money(head['net']['value'])}."
    return f"{long} from {when} UTC. {came}"


def _warnings(figures: dict[str, Any]) -> str:
    """What a reader must know before the figures."""
    said = []
    source, still = figures["source"], figures["open_position"]
    if not source["read"]:
        said.append(
            "The source of the run was not read: there are no books and prints around the trades, "
            f"no other latencies, and markouts are of one-second samples. {source['missing']}"
        )
    elif source["slower_missing"]:
        said.append(f"Other latencies are unknown. {source['slower_missing']}")
    said += source["notes"]
    said += figures["card"]["problems"]
    if figures["card"]["gaps"]:
        said.append(f"The recording has {len(figures['card']['gaps'])} gaps; they are shaded.")
    if still:
        said.append(_still_open(still))
    if figures["card"]["funding"] == "unknown":
        said.append(
            "A position was held at a funding stamp whose rate is not known: net is without it."
        )
    if figures["days"] < figures["fewest_days"]:
        n = figures["days"]
        said.append(
            f"{n} day{'s' if n != 1 else ''} of data: every figure and interval speaks of "
            f"{THESE_DAYS}. Under {figures['fewest_days']} days no Sharpe ratio is given."
        )
    return "".join(f"<li>{escape(text)}</li>" for text in said)


def _still_open(still: dict[str, Any]) -> str:
    if not still["qty"].strip("-0."):
        return "An order was still under way at the end."
    return (
        f"A position of {still['qty']} was still open at the end, worth "
        f"{money(still['unrealised'])} at the last mid. It is in no round trip; the equity has its "
        "entry fee."
    )


def _sure(figures: dict[str, Any]) -> str:
    how = figures["intervals"]
    return escape(
        f"{how['level']:.0%} intervals, {how['covers']}: {how['method']}, {how['resamples']:,} "
        f"resamples, seed {how['seed']}; none under {how['fewest']} values. They are still narrow, "
        "and know nothing of other days."
    )


def _markouts_from(figures: dict[str, Any]) -> str:
    if figures["markouts"]["from"] == "books":
        return "From the mid of every book of the source."
    return "The source was not read: from the one-second samples, so nothing under a second."


def _costs(figures: dict[str, Any]) -> str:
    costs = figures["costs"]
    fee = costs["break_even_fee"]
    even = (
        f"{float(fee):.4%} of the notional a side"
        if fee is not None
        else "none: gross is not above zero, so it loses at any fee"
    )
    rows = [["break-even fee", even], ["fee paid", _share(costs["fee_paid"])],
            ["turnover", escape(money(costs["turnover"]))]]  # fmt: skip
    return table(("", ""), rows) + tables.cost_table(figures)


def _share(text: str | None) -> str:
    return "—" if text is None else f"{float(text):.4%}"
