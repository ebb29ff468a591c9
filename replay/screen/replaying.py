"""`micropulse replay --screen`: a recording on the screen, in one process, at its own pace."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rich.console import Console

from micropulse.events import Events
from replay.backtest import Session
from replay.live.mirror import in_steps
from replay.pace import paced
from replay.screen.history import History
from replay.screen.panels import Health
from replay.screen.terminal import full_screen, look_of
from replay.screen.view import Moment, Shown, view
from replay.sight.holding import limits_of


def replay_on_screen(session: Session, speed: float | None) -> None:
    """Drive the source through the core, `speed` times as fast as it was recorded or as fast as it
    goes, and draw it four times a second; the last picture stays on the terminal."""
    source = iter(session.source)
    batches = chain.from_iterable(map(in_steps, source)) if speed is None else paced(source, speed)
    console = Console()
    history = History(session.strategy)
    core = session.core
    limits = limits_of(session.settings.as_dict())
    shown = Shown(
        session.source.symbol, session.strategy, session.digits, limits, core.state, history
    )
    moment = Moment("replay" if speed is None else f"replay {speed:g} x", Health(None))
    with full_screen(console) as terminal:

        def drawn() -> Iterator[Events]:
            for events in batches:
                yield events  # it is applied when the next is asked for
                history.see(core.state)
                if terminal.is_due:
                    terminal.draw(lambda look: view(shown, moment, look))

        session.run([history], drawn())
    console.print(view(shown, moment, look_of(console)))
