"""The auditor: what a run did with its decisions, derived again from the tape, slowly and plainly.

rows      events as plain rows, one after another
moments   what can be said of each event from those before it
exchange  what must become of every order, by docs/execution.md
funding   what a position pays at funding stamps
ledger    what must become of the money
auditor   a run against all of that, in sentences

It shares no line with micropulse.execution and micropulse.account: a mistake must be made twice
to go unseen. `micropulse check` and the tests use it.
"""
