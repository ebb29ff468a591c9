"""The market on a terminal: book, walls, flow, position, signals and the health of the feed.

history    what is remembered to be drawn: a column a second, signals, round trips
look       how things are drawn in characters: bars, sparklines, shades, colours
market     the level-relative heat strip that runs into the ladder, and its sparklines
panels     flow, position, feed, signals, round trips
view       all of it, for a size: view(shown, moment, look) -> what rich can print
terminal   four times a second on a real terminal
watching   the process that `live --screen` starts: mirrors of its runs, drawn
"""
