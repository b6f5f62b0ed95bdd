"""Groups of episodes, played in this process or dealt to several."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import NamedTuple

from agents.rollout import Episode
from agents.trial import Trial
from env.errors import GhostkeysError


class _Shared(NamedTuple):
    """What a worker process shares with the one that started it."""

    ended: "Synchronized[int]"
    """Episodes that have ended, over all workers."""
    stop: Event


_shared: _Shared | None = None  # set once in each worker process


def play_here(
    trial: Trial,
    groups: Sequence[list[int]],
    *,
    advance: Callable[[int], object],
    on_group: Callable[[list[Episode]], object],
) -> None:
    """Plays group after group of seeds in this process.

    `advance(n)` is told when n more episodes have ended, `on_group` gets a group when all of its episodes have.
    """
    for seeds in groups:
        on_group(trial.play_group(seeds, on_end=lambda _: advance(1), stopped=lambda: False))


def play_apart(
    trial: Trial,
    groups: Sequence[list[int]],
    *,
    workers: int,
    advance: Callable[[int], object],
    on_group: Callable[[list[Episode]], object],
) -> None:
    """As `play_here`, in worker processes. When this process is interrupted, they stop within a tick."""
    context = multiprocessing.get_context("spawn")
    shared = _Shared(context.Value("q", 0), context.Event())
    known = 0
    with ProcessPoolExecutor(
        min(workers, len(groups)), mp_context=context, initializer=_start, initargs=(shared,)
    ) as pool:
        try:
            running = {pool.submit(_play, trial, seeds) for seeds in groups}
            while running:
                done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                ended = shared.ended.value
                advance(ended - known)
                known = ended
                for future in done:
                    on_group(future.result())  # what went wrong in the worker is raised here
        except BrokenProcessPool:
            message = "a worker process was killed, perhaps for want of memory: try again with fewer workers."
            raise GhostkeysError(message) from None
        except BaseException:
            shared.stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _start(shared: _Shared) -> None:
    """Runs first in each worker. Ctrl-C is left to the parent, which then sets `stop`."""
    global _shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _shared = shared


def _play(trial: Trial, seeds: list[int]) -> list[Episode]:
    """Plays one group in a worker."""
    assert _shared is not None
    return trial.play_group(seeds, on_end=_count, stopped=_shared.stop.is_set)


def _count(_: Episode) -> None:
    assert _shared is not None
    with _shared.ended.get_lock():
        _shared.ended.value += 1
