"""The simulated exchange: what becomes of an order. The same in backtest and on paper.

    submit    intent -> orders and cancels, refused or checked, on their way
    checks    what the exchange would reject
    arrival   latency, and when a request reaches the exchange by its own clock
    meet      a book, a print or a lost connection meets every open order
    sweep     an order arrives on a book and takes what it shows
    taken     depth we took is not there again until it grows
    resting   the queue before a limit order, and what a print leaves for us
    triggers  stops and take-profits
    fills     one slice, split where it goes through flat, and what an order becomes
    reports   what the strategy sees of it, and when
    exits     what leaving would bring

docs/execution.md is the definition. An order decided on an event never fills on that event: what
the market does to orders comes before `decide`, `submit` after it.
"""

from micropulse.execution.arrival import date_requests, forget_clock, see_clock, seed_dice
from micropulse.execution.exits import watch_exit
from micropulse.execution.meet import lose_connection, match, meet_print
from micropulse.execution.submit import submit

__all__ = [
    "date_requests",
    "forget_clock",
    "lose_connection",
    "match",
    "meet_print",
    "see_clock",
    "seed_dice",
    "submit",
    "watch_exit",
]
