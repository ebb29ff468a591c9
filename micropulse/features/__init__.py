"""Event -> Features. One kernel, one formula; docs/features.md is the definition.

    window.py   rings and monotone queues: what is inside (t - W, t]
    book.py     mid, spread, microprice, order book imbalance
    flow.py     prints, parents, volumes, rates, ids seen and missed
    moves.py    spikes of the mid
    walls.py    levels that stand out, and how they end
    extract.py  the order of it all: the only one that writes Features

Nothing here knows of an order, a position or a strategy.
"""
