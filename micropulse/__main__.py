"""`python -m micropulse` is the command `micropulse`."""

from micropulse.cli import main

main()
