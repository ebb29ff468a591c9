"""Requests on their way: latency, and when they are at the exchange."""

from __future__ import annotations

from typing import Any

from .codes import UNKNOWN
from .ledger import Order
from .moments import Tape, jitter, largest_ahead


class Way:
    """Between the strategy and the exchange."""

    def __init__(self, tape: Tape, execution: Any) -> None:
        self.tape, self.execution = tape, execution
        seed = int(execution.seed)
        self.dice = [1 + seed % 2_147_483_562, 1 + seed % 2_147_483_398]

    def request(self, at: int, id: int, side: int, qty: int, closes: bool) -> Order:
        """Something sent now, and when it arrives."""
        moment = self.tape[at]
        latency = self.latency(at)
        order = Order(
            *(id, moment.event.seq, moment.t, side, qty, closes, 0, latency, moment.t + latency),
            *(UNKNOWN, moment.mid2, at),
        )
        self.find_arrival(order, at)
        return order

    def latency(self, at: int) -> int:
        """How long a request is on its way; each draws from the dice."""
        rules = self.execution
        ns = int(rules.latency_ns) + (jitter(self.tape, at) if rules.tape_jitter else 0)
        if rules.jitter_ns:
            one, two = self.dice
            one, two = one * 40_014 % 2_147_483_563, two * 40_692 % 2_147_483_399
            self.dice = [one, two]
            ns += (one - two) % 2_147_483_562 * (int(rules.jitter_ns) + 1) // 2_147_483_562
        return ns

    def find_arrival(self, order: Order, now: int) -> None:
        """A, as soon as a row has shown the exchange's clock."""
        if order.arrival != UNKNOWN:
            return
        ahead = largest_ahead(self.tape, order.decided, now)
        if ahead is not None:
            order.arrival = order.ts + ahead + order.latency_ns

    def has_arrived(self, request: Order | None, at: int, txn: int) -> bool:
        """Whether a request, if there is one, is at the exchange by an event of this T."""
        if request is None:
            return False
        self.find_arrival(request, at)
        known = request.arrival != UNKNOWN
        return known and self.tape[at].t >= request.ready_ts and txn >= request.arrival
