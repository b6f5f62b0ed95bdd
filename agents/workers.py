"""Long pieces of work, done in this process or dealt to several."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, NamedTuple, Protocol, TypeVar

from tqdm import tqdm

from env.errors import GhostkeysError
from env.waiting import without_interrupts

Result = TypeVar("Result")
ResultOut = TypeVar("ResultOut", covariant=True)


class Task(Protocol[ResultOut]):
    """A piece of work that says how far it has come, and gives up with KeyboardInterrupt when it is told to."""

    def __call__(self, *, advance: Callable[[int], object], stopped: Callable[[], bool]) -> ResultOut:
        """Calls `advance(n)` after n more steps, and asks `stopped` before each."""


def work(
    tasks: Sequence[Task[Result]],
    *,
    workers: int,
    advance: Callable[[int], object],
    on_result: Callable[[Result], object] = lambda _: None,
) -> None:
    """Does all tasks; `on_result` gets what each returns, in the order in which they end.

    More than one worker are processes, to which tasks go by pickle. When this process is interrupted or ends, they stop
    at their next step. Raises GhostkeysError if one is killed, and whatever a task raises.
    """
    if min(workers, len(tasks)) > 1:
        _work_apart(tasks, workers=min(workers, len(tasks)), advance=advance, on_result=on_result)
        return
    for task in tasks:
        on_result(task(advance=advance, stopped=lambda: False))


def check_workers(workers: int) -> None:
    """Raises GhostkeysError for a number below 0; 0 and 1 mean this process."""
    if workers < 0:
        raise GhostkeysError(f"--workers {workers}: expected 1 or more, or 0 for no processes besides this one.")


def counting(bar: "tqdm[Any]") -> Callable[[int], object]:
    """What moves a progress bar on. Its rate counts from the first step: starting the processes is not playing."""

    def advance(steps: int) -> None:
        if steps and bar.n == bar.initial:
            bar.unpause()
        bar.update(steps)

    return advance


class _Shared(NamedTuple):
    """What a worker process shares with the one that started it."""

    steps: "Synchronized[int]"
    """Done so far, over all workers."""
    stop: Event


_shared: _Shared | None = None  # set once in each worker process
_busy = False
_terminated = False


def _work_apart(
    tasks: Sequence[Task[Result]],
    *,
    workers: int,
    advance: Callable[[int], object],
    on_result: Callable[[Result], object],
) -> None:
    context = multiprocessing.get_context("spawn")
    shared = _Shared(context.Value("q", 0), context.Event())
    known = 0
    # No lock that an interrupt could leave locked: `wait` locks every future, `steps.value` the number.
    done: SimpleQueue[Future[Result]] = SimpleQueue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(shared,)) as pool:
        try:
            with without_interrupts():  # the first task starts the processes
                for task in tasks:
                    pool.submit(_do, task).add_done_callback(done.put)
            left = len(tasks)
            while left:
                future = _next(done, seconds=0.5)
                steps = shared.steps.get_obj().value
                advance(steps - known)
                known = steps
                if future is not None:
                    left -= 1
                    on_result(future.result())  # what went wrong in the worker is raised here
        except BrokenProcessPool:
            message = "a worker process was killed, perhaps for want of memory: start again with fewer --workers."
            raise GhostkeysError(message) from None
        except BaseException:
            shared.stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _next(done: "SimpleQueue[Future[Result]]", *, seconds: float) -> "Future[Result] | None":
    """The next task that ended, or None if none does for so long."""
    try:
        return done.get(timeout=seconds)
    except Empty:
        return None


def _start(shared: _Shared) -> None:
    """Runs first in each worker. Ctrl-C is left to the parent, which then sets `stop`."""
    global _shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)
    _shared = shared


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a worker at the next step of its task, which removes what it has begun; without a task, at once."""
    global _terminated
    _terminated = True
    if not _busy:
        os._exit(1)


def _do(task: Task[Result]) -> Result:
    """One task in a worker."""
    global _busy
    _busy = True
    try:
        return task(advance=_count, stopped=_is_stopped)
    finally:
        _busy = False
        if _terminated or _is_orphan():
            os._exit(1)  # nobody is left to hand out work or to end this process


def _count(steps: int) -> None:
    assert _shared is not None
    with _shared.steps.get_lock():
        _shared.steps.value += steps


def _is_stopped() -> bool:
    assert _shared is not None
    return _terminated or _shared.stop.is_set() or _is_orphan()


def _is_orphan() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()
