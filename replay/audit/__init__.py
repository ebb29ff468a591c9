"""The auditor: what a run did with its decisions, derived again from the tape, slowly and plainly.

rows      events as plain rows, one after another
moments   what can be said of each event from those before it
marks     the mark price as it is known at a moment, and the price band
codes     the words of docs/execution.md as numbers
checks    what the exchange rejects at once
requests  latency, and when a request is at the exchange
levels    what a book offers an order, and what triggers one
depth     depth we took is not there again until it grows
resting   the queue before a limit order
venue     what the market does to open orders
seen      what the strategy sees of them, and when
exchange  what must become of every order, by docs/execution.md
funding   what a position pays at funding stamps
ledger    what must become of the money
auditor   a run against all of that, in sentences

It shares no line with micropulse.execution and micropulse.account: a mistake must be made twice
to go unseen. `micropulse check` and the tests use it.
"""
