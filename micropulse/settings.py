"""The settings of a run that the core knows, resolved to its own units."""

from __future__ import annotations

from micropulse.record import Record, f8, flag, i8


class FeatureSettings(Record):
    """The section [features]; docs/features.md says what each means."""

    spike_window_ms: i8 = 1000
    spike_signal: f8 = 0.0003
    wall_k: f8 = 5.0
    wall_floor: f8 = 100_000.0
    wall_min_age_ms: i8 = 500
    wall_gone_share: f8 = 0.3
    wall_at_best: flag = False


class ExecutionSettings(Record):
    """The section [execution], resolved to integers."""

    latency_ns: i8  # from the decision to the exchange
    jitter_ns: i8  # a draw from 0 to this is added to each request
    seed: i8  # of the draws
    tape_jitter: flag  # add the tape's own receive delay above its minimum
    response_ns: i8  # from what happens to an order to the strategy that learns of it
    taker_fee_e8: i8  # 50,000 is 0.05 %
    maker_fee_e8: i8
    proportional: flag  # the queue model; else pessimistic
    funding_given: flag  # a rate stands in where none was recorded
    funding_rate_e8: i8  # that rate; 10,000 is 0.01 %
    order_qty: i8  # of an entry whose strategy names none; 0: the smallest that is taken
