"""`python -m replay.page FILE WHAT`: what `micropulse live --page` starts. Not for people."""

import sys

from replay.page.following import serve

sys.exit(serve(int(sys.argv[1]), sys.argv[2]))
