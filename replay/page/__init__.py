"""The market on a page in a browser: live, or a recording with time under the hand.

    events -> core -> messages -> channel -> server -> any number of browsers

prints      the prints of a batch as dots: fills, parents, or slices of time
gaps        where nothing was received
now         how a run stands: what the panels show
messages    a batch and what the core made of it as one message
channel     the last minutes of a run, and who is watching
server      the pages and streams that a browser asks for, on the loopback
following   the process that `live --page` starts: mirrors of its runs, told to browsers
cursor      a place in a recording that moves on, and never back
player      play, pause, step, seek
miniature   the whole recording in a strip: price, volume, gaps, trades
replaying   `replay --page`
web/        what runs in the browser: a file a pane, no build step; uPlot with its licence
"""
