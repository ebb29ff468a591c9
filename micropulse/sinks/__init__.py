"""Where what the core puts out goes: lines for people, files for everybody.

tables.py        records -> Arrow tables; Parquet files that appear whole or not at all
metrics.py       the metrics line
transactions.py  a round trip -> a line of transaction.csv
run_folder.py    everything a run leaves behind
"""
