"""Many variants × many days: jobs to workers, parts to the folder, variants to the ledger, and
from all parts the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from itertools import islice
from pathlib import Path
from typing import Any

from micropulse.strategy import strategy_name
from replay.sweep.days import Day, SweepError
from replay.sweep.folder import SweepFolder
from replay.sweep.grid import Grid
from replay.sweep.jobs import Done, Job, jobs_of, run_job
from replay.sweep.ledger import LEDGER, enter, tried
from replay.sweep.results import write_results
from replay.sweep.workers import Crew, Workers

ATTEMPTS = 3  # at what a killed worker left undone


def sweep(
    days: Sequence[Day],
    grid: Grid,
    folder: Path,
    workers: Workers,
    ledger: Path = LEDGER,
    on_progress: Callable[[float], None] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Sweep, write the results, return what sweep.json says.

    `workers` gives an Executor for some jobs. A sweep that was killed goes on where it was.
    Raises SweepError, and what a source raises.
    """
    place = SweepFolder(folder)
    jobs = jobs_of(days, grid)
    done = {job.key: part for job in jobs if (part := place.part(job)) is not None}
    if done:
        say(f"{len(done)} of {len(jobs)} jobs are done already: the sweep goes on.")

    def keep(job: Job, part: Done) -> None:
        enter(ledger, job.day.key, strategy_name(grid.strategy), job.variants)
        place.keep(part)
        done[job.key] = part
        if on_progress:
            on_progress(len(done) / len(jobs))

    for job in jobs:
        if job.key in done:  # the ledger may be another one than when it was done
            enter(ledger, job.day.key, strategy_name(grid.strategy), job.variants)
    _do([job for job in jobs if job.key not in done], workers, keep, say)
    place.clear(jobs)
    n_tried = len(tried(ledger, (day.key for day in days)))
    return write_results(place, days, grid, [(job, done[job.key]) for job in jobs], n_tried)


def _do(
    jobs: list[Job],
    workers: Workers,
    keep: Callable[[Job, Done], None],
    say: Callable[[str], None],
) -> None:
    """Have all jobs done. What a worker that was killed left undone is handed out again."""
    left = {job.key: job for job in jobs}
    for attempt in range(ATTEMPTS):
        if not left:
            return
        if attempt:
            say(f"A worker was killed: {len(left)} jobs are handed out again.")
        try:
            with workers(list(left.values())) as crew:
                for job, part in _done_by(crew, list(left.values())):
                    keep(job, part)
                    del left[job.key]
        except BrokenExecutor:
            continue
    if left:
        raise SweepError(
            f"Workers were killed {ATTEMPTS} times, perhaps for want of memory; {len(left)} jobs "
            "are not done. Start the same command again with fewer --workers: it goes on."
        )


def _done_by(crew: Crew, jobs: list[Job]) -> Iterator[tuple[Job, Done]]:
    """The jobs and what came of them, in the order in which they end."""
    waiting = iter(jobs)
    running: dict[Future[Done], Job] = {}
    while True:
        for job in islice(waiting, crew.at_once - len(running)):
            running[crew.executor.submit(run_job, job)] = job
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()
