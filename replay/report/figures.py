"""Every number of the report, once: the page, the terminal and `--json` show the same dict."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate
from typing import Any

from replay.report.behaviour import (
    by_hour,
    by_spread,
    by_volatility,
    delays,
    excursions,
    let_be,
    reasons,
)
from replay.report.card import card
from replay.report.evidence import Evidence
from replay.report.markouts import markouts
from replay.report.money import FEWEST_DAYS, costs, days, headline, how_sure
from replay.report.trades import Book
from replay.runs import Run


def figures(run: Run, book: Book, evidence: Evidence | None, missing: str | None) -> dict[str, Any]:
    """The figures of a run as plain values: money is decimal text, undefined is null.

    `evidence` is what its source showed; without it `missing` says why, and what needs it is null.
    """
    return {
        "card": card(run),
        "source": {
            "read": evidence is not None,
            "missing": missing,
            "notes": evidence.notes if evidence is not None else [],
            "slower_missing": evidence.why if evidence is not None else missing,
        },
        "days": days(run),
        "fewest_days": FEWEST_DAYS,
        "intervals": how_sure(),
        "headline": headline(run, book.trades),
        "open_position": run.summary["open_position"],
        "marked": _marked(run),
        "reasons": reasons(book.trades),
        "let_be": let_be(run, book),
        "delay_ms": delays(book),
        "excursions": excursions(book.trades),
        "by_hour": by_hour(book.trades),
        "by_spread": by_spread(run, book, evidence),
        "by_volatility": by_volatility(run, book.trades),
        "markouts": markouts(run, book, evidence.mids if evidence is not None else None),
        "costs": costs(run, book.trades, evidence),
    }


def _marked(run: Run) -> dict[str, Any]:
    """The account at the mid, once a second, open positions included: last and deepest fall."""
    equity = run.samples["equity"].to_list()
    if not equity:
        return {"equity": None, "max_drawdown": None}
    highest = accumulate(equity, max, initial=Decimal(0))
    next(highest)
    deepest = max(top - now for top, now in zip(highest, equity, strict=True))
    return {"equity": f"{equity[-1]:f}", "max_drawdown": f"{deepest:f}"}
