"""The panels: flow, position, feed, signals and round trips, as lines of text."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.text import Text

from micropulse.instrument import to_text
from micropulse.schema import (
    ENTRY_ASKED,
    ENTRY_REFUSED,
    EXIT_ASKED,
    SIGNALS,
    SPIKE_DOWN,
    SPIKE_UP,
)
from micropulse.sinks.tables import Digits
from micropulse.sinks.transactions import average_px, iso
from micropulse.strategy import reason_name
from replay.screen.history import History
from replay.screen.look import ASK, BAD, BID, CALM, DIM, WARN, duration, number
from replay.sight.holding import Limits, unrealised
from replay.sight.told import OLD_S

FLOW_NAMES = 10  # characters
ROOMY = 40  # characters, for times to the ms


class Health(NamedTuple):
    """What only the watcher knows. `age_s` is None where the log is not under way."""

    age_s: float | None
    note: str = ""


def pair(name: str, value: str, style: str = "", width: int = 12) -> Text:
    """A name and its value."""
    return Text().append(f"{name:<{width}}", DIM).append(value, style)


def flow(state: Any, width: int) -> list[Text]:
    """Rates of prints and orders, both sides' volumes, acceleration, spikes."""
    f = state.features
    buy, sell = float(f.buy_10s), float(f.sell_10s)
    share = buy / (buy + sell) if buy + sell else 0.5
    room = max(4, width - FLOW_NAMES)
    bought = round(share * room)
    balance = Text(" " * FLOW_NAMES)
    balance.append("━" * bought, BID).append("╍" * (room - bought), ASK)
    volumes = _named("buy, sell", number(buy, 2), BID).append(f" {number(sell, 2)}", ASK)
    faster = _named("faster", f"×{number(f.acceleration, 2)}")
    return [
        _rates("prints/s", f.tps_1s, f.tps_10s),
        _rates("orders/s", f.ops_1s, f.ops_10s),
        volumes.append(" 10s", DIM),
        balance,
        faster.append(f" orders ×{number(f.order_acceleration, 2)}", DIM),
        _named("spike bp", f"▲{_bps(f.spike_up)}", BID).append(f" ▼{_bps(f.spike_down)}", ASK),
    ]


def _named(name: str, value: str, style: str = "") -> Text:
    return pair(name, value, style, FLOW_NAMES)


def _rates(name: str, now: float, before: float) -> Text:
    """Of the last second, and of the last ten."""
    return _named(name, number(now, 0)).append(f"  {number(before, 1)} in 10s", DIM)


def _bps(share: float) -> str:
    return number(float(share) * 1e4, 2)


def position(state: Any, digits: Digits, limits: Limits, reason: str, width: int) -> list[Text]:
    """What is held, since when, what it is worth, where it would be left; what was earned."""
    account, held, tick = state.account, state.position, int(state.instrument.tick)
    gross, fees = int(account.gross), int(account.fees)
    done = pair("realised", _money(gross - fees, digits), _sign_style(gross - fees))
    done.append(f" {int(account.trips)} trips", DIM)
    paid = pair("fees", _money(fees, digits, sign=False))
    if held.pending:
        order = next(one for one in held.orders[: held.orders_n] if one.at_market)
        deal = "buy" if order.side > 0 else "sell"
        way = Text(f"on its way: {deal} to {'leave' if order.closes else 'enter'}", WARN)
    elif held.orders_n:
        way = Text(f"{int(held.orders_n)} orders wait at the exchange", DIM)
    else:
        way = Text("no order on its way", DIM)
    if not account.qty:
        return [Text("FLAT", "bold"), way, done, paid]
    side = 1 if account.qty > 0 else -1
    worth = unrealised(state)
    head = Text("LONG " if side > 0 else "SHORT ", f"bold {BID if side > 0 else ASK}")
    head.append(f"{to_text(abs(account.qty), digits.qty)} @ {number(held.entry_px, 2)}")
    since = Text(f"{duration(int(state.clock.now) - int(held.entry_ts))}, {reason}", DIM)
    open_ = pair("unrealised", _money(worth, digits), _sign_style(worth)).append(" at mid", DIM)
    lines = [head, since, open_]
    ticks = side * (float(state.features.mid) - float(held.entry_px)) * 10**digits.px / tick
    lines.append(_track(ticks, limits, width))
    if limits.tp_ticks is not None or limits.sl_ticks is not None:
        lines.append(_exits(float(held.entry_px), side, limits, tick / 10**digits.px))
    return [*lines, way if held.pending else done]


def _exits(entry_px: float, side: int, limits: Limits, tick: float) -> Text:
    """The prices at which it takes profit and stops."""
    line = Text()
    if limits.sl_ticks is not None:
        line.append("SL ", DIM).append(f"{entry_px - side * limits.sl_ticks * tick:.2f}  ", ASK)
    if limits.tp_ticks is not None:
        line.append("TP ", DIM).append(f"{entry_px + side * limits.tp_ticks * tick:.2f}", BID)
    return line


def _track(ticks: float, limits: Limits, width: int) -> Text:
    """Where the mid is between stop and target."""
    said = f"{ticks:+.0f} ticks" if ticks == ticks else "·"
    if limits.tp_ticks is None or limits.sl_ticks is None:
        return pair("moved", said, _sign_style(ticks))
    room = max(6, width - len(said) - 2)
    span = limits.tp_ticks + limits.sl_ticks
    share = (ticks + limits.sl_ticks) / span if ticks == ticks and span else 0.5
    at = min(room - 1, max(0, int(share * room)))
    zero = min(room - 1, max(0, int(limits.sl_ticks / span * room))) if span else 0
    line = Text()
    for k in range(room):
        mark = "●" if k == at else "┼" if k == zero else "─"
        line.append(mark, "bold" if k == at else ASK if k < zero else BID)
    return line.append(f" {said}", _sign_style(ticks))


def feed(state: Any, history: History, health: Health) -> list[Text]:
    """Is what is shown what the market says, and now?"""
    counts, features = state.counts, state.features
    age, stale = health.age_s, bool(features.book_stale)
    late = age is not None and age > OLD_S
    age_said = "in the past" if age is None else f"{age:.1f} s ago"
    book = Text("book stale", BAD) if stale else Text("book fresh", CALM)
    book.append("  warm" if features.warm_10s else "  not warm", "" if features.warm_10s else WARN)
    missed = int(counts.missed_trades)
    doubles = int(counts.duplicate_books) + int(counts.duplicate_trades)
    return [
        pair("last event", age_said, BAD if late else "").append(
            f"  {events_per_s(history):.0f}/s", DIM
        ),
        book,
        pair("missed", f"{missed}", WARN if missed else "").append(
            f"  10s {number(features.missed_10s, 0)}", DIM
        ),
        pair("duplicates", f"{doubles}").append("  pu breaks ", DIM).append(f"{counts.pu_breaks}"),
        pair("disconnects", f"{counts.disconnects}", WARN if counts.disconnects else "").append(
            f"  clock steps {counts.clock_steps}", DIM
        ),
        Text(health.note, WARN)
        if health.note
        else pair("events", f"{int(counts.events):,}").append(f"  books {counts.books:,}", DIM),
    ]


def events_per_s(history: History, seconds: int = 10) -> float:
    """Events a second of log time, over the last ones."""
    columns = history.columns
    if len(columns) < 2:
        return 0.0
    last = columns[-1]
    first = next(c for c in columns if c.second >= last.second - seconds)
    return (last.events - first.events) / max(1, last.second - first.second)


def signal_line(row: Any, history: History, digits: Digits, width: int) -> Text:
    """One signal: when, what, and why or which."""
    kind, side, reason = int(row["kind"]), int(row["side"]), int(row["reason"])
    to_ms = width >= ROOMY
    line = Text().append(f"{iso(int(row['ts']))[11 : 23 if to_ms else 19]} ", DIM)
    why = reason_name(history.strategy, reason)
    if kind == ENTRY_REFUSED:
        return line.append("× let be ", WARN).append(why)
    if kind in (ENTRY_ASKED, EXIT_ASKED):
        word = "» enter " if kind == ENTRY_ASKED else "« leave "
        deal = "buy " if side > 0 else "sell"
        return line.append(word, "bold").append(f"{deal} ", BID if side > 0 else ASK).append(why)
    if kind in (SPIKE_UP, SPIKE_DOWN):
        up = kind == SPIKE_UP
        return line.append("▲ spike up" if up else "▼ spike down", BID if up else ASK)
    name = SIGNALS[kind].removeprefix("wall_")
    line.append(f"■ {'bid' if side == 1 else 'ask'} wall ", BID if side == 1 else ASK)
    px, qty = to_text(row["px"], digits.px), to_text(row["qty"], digits.qty)
    return line.append(f"{name} ").append(f"{qty} @ {px}, {duration(int(row['age_ns']))}", DIM)


def trip_line(row: Any, history: History, digits: Digits) -> Text:
    """One round trip: when it ended, what it gave, why it was left."""
    side, net = int(row["side"]), int(row["net"])
    line = Text().append(f"{iso(int(row['exit_ts']))[11:19]} ", DIM)
    line.append("long  " if side > 0 else "short ", BID if side > 0 else ASK)
    line.append(f"{_money(net, digits):>9} ", _sign_style(net))
    line.append(reason_name(history.strategy, int(row["exit_reason"])))
    held = duration(int(row["exit_ts"]) - int(row["entry_ts"]))
    qty = int(row["qty"])
    left = average_px(int(row["exit_notional"]), qty, digits)
    return line.append(f" {held}, {to_text(qty, digits.qty)} at {left}", DIM)


def _money(units: int, digits: Digits, sign: bool = True) -> str:
    return f"{units / 10**digits.money:{'+' if sign else ''}.4f}"


def _sign_style(value: float) -> str:
    return BID if value > 0 else ASK if value < 0 else ""
