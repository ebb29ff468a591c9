"""The others beside ours: the same day, the same rule (rule.py), each in its own idiom and form.

    engines.py        who is compared, and with which commands
    ours.py           MicroPulse, with its strategy ours_rule.py
    hftbacktest.py    hftbacktest, and its own converter
    nautilus.py       nautilus_trader, in an environment of its own
    launch.py         runs a command and says what it cost
    costs.py          a row of figures: CPU, memory, start-up, disk
    truth.py          OBI and orders from the tape itself; what of an answer is true
    table.py          the figures as Markdown

`python -m benchmarks.peers` runs everything. docs/benchmarks.md has the tables and what they mean.
"""
