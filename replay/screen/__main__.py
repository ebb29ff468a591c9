"""`python -m replay.screen SYMBOL…`: what `micropulse live --screen` starts. Not for people."""

import sys

from replay.screen.watching import watch

sys.exit(watch(sys.argv[1:]))
