"""MicroPulse: record the market once, replay it for ever."""

__version__ = "0.1.0"
