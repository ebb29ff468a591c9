"""What every view of a run needs, on a terminal or on a page; how it is drawn is in those.

book      the best levels of a side, with the walls that stand there
holding   what a position is worth open, and where its strategy leaves it
told      what the process of a view is told by the run it shows
"""
