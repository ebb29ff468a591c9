"""The rule that every engine trades; numbers alone, so that every interpreter can import it.

OBI is (sum of bid quantities - sum of ask quantities) / (sum of both) over the five levels a book
shows. Flat: buy at the market when it is at least ENTER, sell when it is at most -ENTER. In a
position: leave at the market when it is at least LEAVE against it. The rule is asked when OBI takes
another value, never at trades or at times, so every engine can express it exactly.
"""

from __future__ import annotations

LEVELS = 5
SLACK = 1e-9  # the five quantities are added in whatever order an engine adds them
ENTER = 0.95 - SLACK
LEAVE = 0.9 - SLACK
QTY = "0.010"  # BTC, of each order
TICK, LOT = 0.1, 0.001
