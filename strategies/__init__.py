"""Strategies: one module each, with `Params`, `Memory` and `decide`; see docs/strategies.md."""
