"""Two runs over the same recording, side by side: what a change of the rules changed, and where.

paired      totals, and differences a ten-minute bucket with their intervals
trades      round trips only in one, in both, in both but different
parting     the first event at which the two did different things, and why
comparison  all of that of two run folders
words       for the terminal
page        for the browser, in one file
"""
