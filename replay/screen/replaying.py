"""`micropulse replay --screen`: a recording on the screen, in one process, at its own pace."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from micropulse.events import Events
from replay.backtest import Session
from replay.live.mirror import in_steps
from replay.screen.history import History
from replay.screen.panels import Health
from replay.screen.terminal import full_screen, look_of
from replay.screen.view import Moment, Shown, limits_of, view


def replay_on_screen(session: Session, batches: Iterator[Events], what: str) -> None:
    """Drive `batches` through the core and draw it four times a second; the last picture stays on
    the terminal. `what` is said in its corner."""
    console = Console()
    history = History(session.strategy)
    core = session.core
    limits = limits_of(session.settings.as_dict())
    shown = Shown(
        session.source.symbol, session.strategy, session.digits, limits, core.state, history
    )
    moment = Moment(what, Health(None))
    with full_screen(console) as terminal:

        def drawn() -> Iterator[Events]:
            for events in batches:
                for part in in_steps(events):
                    yield part  # applied when it is asked for the next
                    history.see(core.state)
                    if terminal.is_due:
                        terminal.draw(lambda look: view(shown, moment, look))

        session.run([history], drawn())
    console.print(view(shown, moment, look_of(console)))
