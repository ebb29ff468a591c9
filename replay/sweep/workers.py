"""Who does the jobs: this process, some processes, or a Dask cluster. The bytes are the same."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from replay.sweep.days import SweepError
from replay.sweep.jobs import Job, warm

LOST = 3  # how often a job may lose its worker


class Inline(Executor):
    """Does each job when it is handed in: no process is started for one job."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A Future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Crew(NamedTuple):
    """Any Executor, and how many jobs it is handed at once (the rest wait)."""

    executor: Executor
    at_once: int


Workers = Callable[[Sequence[Job]], AbstractContextManager[Crew]]


def processes(count: int) -> Workers:
    """So many processes, or fewer jobs; one is this one."""

    @contextmanager
    def crew(jobs: Sequence[Job]) -> Iterator[Crew]:
        n = min(count, len(jobs))
        if n == 1:
            yield Crew(Inline(), 1)
            return
        warm(jobs[0])  # compiled once, here, and not by each of them
        # A fork of a process with Arrow's threads may hang: each worker starts from nothing.
        pool = ProcessPoolExecutor(n, multiprocessing.get_context("spawn"))
        try:
            yield Crew(pool, 2 * n)
        finally:
            pool.shutdown(cancel_futures=True)

    return crew


def cluster(address: str) -> Workers:
    """A Dask cluster's workers, each with this version of MicroPulse and the same paths.

    What a worker that dies has not finished, others do.
    """

    @contextmanager
    def crew(jobs: Sequence[Job]) -> Iterator[Crew]:
        """Raises SweepError when nobody answers."""
        with _client(address) as client:
            yield Crew(client.get_executor(pure=False, retries=LOST), len(jobs))

    return crew


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise SweepError(
            "--dask needs the package distributed: pip install 'micropulse[cluster]'."
        ) from None
    connect: Any = Client
    try:
        return connect(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise SweepError(
            f"No Dask scheduler answers at {address} ({error}). `dask scheduler` starts one, "
            "`dask worker ADDRESS` gives it a worker."
        ) from None


def cores() -> int:
    """How many processes can run at once here."""
    return len(os.sched_getaffinity(0))
