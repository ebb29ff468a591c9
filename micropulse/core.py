"""The fold: events in, features, signals, orders, fills and round trips out. Live and replay.

    feed -> match -> extract -> sample -> decide -> submit

`decide` is the strategy's. This module is compiled once for each strategy: jit.load_core executes
it anew with `decide` bound, so that numba compiles the strategy into the loop.

Rules of this file, held by tests: the only time is the events' own; no randomness, no I/O, no
set, no sum whose order could vary; batches of any size give the same bytes.
"""

from typing import Any

from micropulse.apply import sample_row
from micropulse.events import Events
from micropulse.execution import seed_dice, submit
from micropulse.failure import clear, close_out, give_up, judge
from micropulse.features.extract import say_spikes, start_features
from micropulse.jit import entry, plugin
from micropulse.outbox import has_room
from micropulse.schema import ASK, BID, RAISED, UNKNOWN
from micropulse.turn import NO_ROW, take_event

decide = plugin("decide")


@entry
def advance(states: Any, memories: Any, params: Any, events: Events, outs: Any, most: int) -> int:
    """Apply events in order of `seq`, from where the cursor stands. Returns how many.

    Stops at the `ends` of the batch, after `most` events, or when the outbox could not take what
    one more event may write: empty it and call again. All but `events` are arrays of one record.
    What the strategy raises comes out of here, with `deciding` set: call `fail`, then go on.
    """
    state, memory, param, out = states[0], memories[0], params[0], outs[0]
    done = 0
    while done < most and has_room(out):
        kind = take_event(state, events, out)
        if kind == NO_ROW:
            break
        say_spikes(state, out)
        sample_row(state, kind, out)
        if state.failure.why == 0:
            clear(state.intent)
            out.deciding = True
            decide(state.features, state.position, memory, param, state.intent)
            out.deciding = False
            judge(state, out)
        else:
            close_out(state)
        submit(state, out)
        done += 1
    return done


@entry
def fail(states: Any, outs: Any) -> None:
    """After `decide` has raised in `advance`: end the event without the strategy."""
    state, out = states[0], outs[0]
    out.deciding = False
    give_up(state, RAISED, out)
    submit(state, out)


@entry
def start(states: Any) -> None:
    """Before the first event: what is unknown is marked so."""
    state = states[0]
    state.bid_walls.which = BID
    state.bid_walls.sign = 1
    state.ask_walls.which = ASK
    state.ask_walls.sign = -1
    state.clock.next_sample = UNKNOWN
    state.clock.now = UNKNOWN
    state.position.tick = state.instrument.tick / state.instrument.px_scale
    seed_dice(state)
    start_features(state)
