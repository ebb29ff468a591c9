"""One page that says what a run did, and how far to believe it.

figures     every number of the report: pure, of a run folder and what its source showed
trades      round trips with what was decided, asked and filled: what the figures are made of
money       the headline with its intervals, and what the costs do to it
behaviour   why it came and went, what was let be, how long, in what market
markouts    where the price went after each kind of signal
evidence    one pass over the run's own source: mids, features at decisions, other latencies
windows     the books and prints around each trade, kept during that pass
drill_down  … packed small enough to lie in the page
charts      plotly's data and layouts, colours left to the page
tables      the same figures as HTML tables
words       their names and forms, on the page and on the terminal
terminal    the same figures as rich tables
page        all of it in one HTML that needs nothing else; page.html, .css, .js, drill_down.js
report      a run folder in, the page and the figures out
"""
