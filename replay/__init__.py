"""What is done with a recording: read it, replay it, backtest on it, compare, simulate one."""
