"""Many variants of a strategy over many days, each day read once for all of them.

grid      a TOML of lists and ranges -> variants
days      SOURCE… -> days, one symbol and one scale
jobs      a day and a block of variants -> a row a variant; what a worker does
workers   processes, or a Dask cluster
folder    the sweep's folder: parts as they come, then results
ledger    every variant ever tried on a data set
verdict   the statistics: deflated Sharpe, PBO, walk forward; nothing under twenty days
page      the heat map, one HTML file
sweep     all of it in order
"""
