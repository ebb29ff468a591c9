"""Live paper trading: the core of the backtest behind the recorder's socket.

symbol    one symbol: what was journaled goes to the core; a run that was killed is rebuilt
trading   all symbols of a session, behind one recording
plan      what is to be traded, checked before anything begins
feed      a tape that is still growing, as a source
follow    the same on the tape of a recorder that runs already
mirror    a run once more, in another process, for whoever looks at it
eyes      what is for people to look at, in a process of its own
screen    the terminal of `--screen`
"""
