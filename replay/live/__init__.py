"""Live paper trading: the core of the backtest behind the recorder's socket.

symbol    one symbol: what was journaled goes to the core; a run that was killed is rebuilt
trading   all symbols of a session, behind one recording
eyes      what is for people to look at, in a process of its own
"""
