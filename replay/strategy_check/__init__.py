"""What is wrong with a strategy, and where, in words: `micropulse check`.

findings     one thing that was found
stretch      the part of a recording that is looked at
deeds        what a run did, without its times: what two runs are compared by
apart        runs in another process: JIT off, watched, in other worlds
future       does it see what comes after?
worlds       the same market at another date, with more calls, a bit dearer
elsewhere    does it know what is neither in the recording nor in its parameters?
repeat       is it the same again: twice, JIT off, in other batches?
warm_up      does it depend on where the recording begins?
activity     does it never trade, or always?
costs        what do fees and latency do to it?
dead         which parameters change nothing?
fills        could every fill have been had? (replay.audit)
check        all of that
words        for the terminal

The properties themselves are those of micropulse.testing, which raise; here they are told.
"""
