"""What the strategy sees of its position and orders, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from .ledger import Trip

REPORTS_MAX = 32


@dataclass
class OpenOrder:
    """An open order, as the strategy sees it."""

    ref: int
    at_market: bool
    filled: int = 0
    resting: bool = False
    cancelling: bool = False


@dataclass
class View:
    """Position and open orders."""

    trip: Trip = field(default_factory=Trip)
    orders: dict[int, OpenOrder] = field(default_factory=dict)  # by ref, oldest first

    @property
    def qty(self) -> int:
        """Signed."""
        return self.trip.held

    @property
    def pending(self) -> bool:
        """Whether an order is on its way to the market."""
        return any(order.at_market for order in self.orders.values())

    def cancellable(self, ref: int) -> bool:
        """Whether an order is seen that a cancel may be sent after."""
        order = self.orders.get(ref)
        return order is not None and not order.at_market and not order.cancelling


class Seen:
    """The view as it is told to the strategy, `response_ns` after each change."""

    def __init__(self, response_ns: int) -> None:
        self.response_ns = response_ns
        self.view = View()
        self.coming: list[tuple[int, View]] = []
        self.full = 0

    def report(self, t: int, view: View) -> None:
        """News go out; when 32 are on their way the newest is told with these."""
        if len(self.coming) == REPORTS_MAX:
            self.coming.pop()
            self.full += 1
        self.coming.append((t + self.response_ns, view))

    def deliver(self, t: int) -> None:
        """What is due by t is known."""
        while self.coming and self.coming[0][0] <= t:
            self.view = self.coming.pop(0)[1]

    def sent(self, ref: int, at_market: bool) -> None:
        """What it asked for itself it knows at once, whatever older news are to come."""
        for view in (self.view, *(view for _, view in self.coming)):
            view.orders[ref] = OpenOrder(ref, at_market)

    def cancelling(self, ref: int) -> None:
        """A cancel was sent: known at once, as in `sent`."""
        for view in (self.view, *(view for _, view in self.coming)):
            if ref in view.orders:
                view.orders[ref].cancelling = True
