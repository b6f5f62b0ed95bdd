"""Long pieces of work, done in this process or dealt to several."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from multiprocessing.util import Finalize
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from tqdm import tqdm

from env.errors import GhostkeysError
from env.waiting import without_interrupts

Result = TypeVar("Result")
ResultOut = TypeVar("ResultOut", covariant=True)


class Task(Protocol[ResultOut]):
    """A piece of work that says how far it has come, and gives up with KeyboardInterrupt when it is told to."""

    def __call__(self, *, advance: Callable[[int], object], stopped: Callable[[], bool]) -> ResultOut:
        """Calls `advance(n)` after n more steps, and asks `stopped` before each."""


class Closable(Protocol):
    """A thing that holds something until it is closed, such as an environment."""

    def close(self) -> object:
        """Gives it up; once more does no harm."""


Kept = TypeVar("Kept", bound=Closable)


def nothing_more(_: object) -> Sequence[Any]:
    """What a result leads to by default."""
    return ()


def work(
    tasks: Sequence[Task[Result]],
    *,
    workers: int,
    advance: Callable[[int], object],
    on_result: Callable[[Result], Sequence[Task[Result]]] = nothing_more,
) -> None:
    """Does all tasks; `on_result` gets what each returns, in the order in which they end, and returns further tasks.

    More than one worker are processes, to which tasks go by pickle. When this process is interrupted or ends, they stop
    at their next step. Raises GhostkeysError if one is killed, and whatever a task raises, after `on_result` has had
    what was done by then. What tasks have `kept` is closed at the end, however that comes.
    """
    if min(workers, len(tasks)) > 1:
        _work_apart(tasks, workers=min(workers, len(tasks)), advance=advance, on_result=on_result)
        return
    left = deque(tasks)
    try:
        while left:
            left.extend(on_result(left.popleft()(advance=advance, stopped=lambda: False)))
    finally:
        close_kept()


def kept(key: object, make: Callable[[], Kept]) -> Kept:
    """What `make` returned for an equal key, in this process, and is still open: for what takes long to start.

    It is closed when the process has no more tasks.
    """
    for known, thing in _kept:
        if known == key:
            return cast(Kept, thing)
    made = make()
    _kept.append((key, made))
    return made


def close_kept() -> None:
    """Closes all that is `kept` in this process."""
    try:
        while _kept:
            _kept.pop()[1].close()
    finally:
        if _kept:  # what was closed last raised: the others are closed all the same
            close_kept()


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block a worker that is told to stop gets KeyboardInterrupt at once.

    Elsewhere only where its task asks `stopped`: that is too late for a call that may take minutes.
    """
    global _in_call
    if _shared is None:  # this process is no worker: it is interrupted itself
        yield
        return
    ended = threading.Event()
    watch = threading.Thread(target=_interrupt_when_stopped, args=(ended,), daemon=True)
    _in_call = True
    watch.start()
    try:
        yield
    finally:
        _in_call = False
        ended.set()
        watch.join()


def _interrupt_when_stopped(ended: threading.Event) -> None:
    while not ended.wait(0.2):
        if _is_stopped():
            os.kill(os.getpid(), signal.SIGTERM)  # a signal, since that alone ends a call that waits
            return


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
_in_call = False
_terminated = False
_kept: list[tuple[object, Closable]] = []


def _work_apart(
    tasks: Sequence[Task[Result]],
    *,
    workers: int,
    advance: Callable[[int], object],
    on_result: Callable[[Result], Sequence[Task[Result]]],
) -> None:
    context = multiprocessing.get_context("spawn")
    shared = _Shared(context.Value("q", 0), context.Event())
    known = 0
    # No lock that an interrupt could leave locked: `wait` locks every future, `steps.value` the number.
    done: SimpleQueue[Future[Result]] = SimpleQueue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(shared,)) as pool:
        left = 0

        def submit(more: Sequence[Task[Result]]) -> None:
            nonlocal left
            left += len(more)
            with without_interrupts():  # a task may start a process
                for task in more:
                    pool.submit(_do, task).add_done_callback(done.put)

        try:
            submit(tasks)
            while left:
                future = _next(done, seconds=0.5)
                steps = shared.steps.get_obj().value
                advance(steps - known)
                known = steps
                if future is not None:
                    left -= 1
                    submit(on_result(future.result()))  # what went wrong in the worker is raised here
        except BrokenProcessPool:
            pool.shutdown(cancel_futures=True)
            _take_finished(done, on_result)
            message = "a worker process was killed, perhaps for want of memory: start again with fewer --workers."
            raise GhostkeysError(message) from None
        except BaseException:
            shared.stop.set()
            pool.shutdown(cancel_futures=True)
            _take_finished(done, on_result)
            raise


def _take_finished(done: "SimpleQueue[Future[Result]]", on_result: Callable[[Result], Sequence[Task[Result]]]) -> None:
    """Hands over what was done when the work was broken off."""
    while not done.empty():
        future = done.get()
        if not future.cancelled() and future.exception() is None:
            on_result(future.result())


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
    Finalize(None, _close_undisturbed, exitpriority=100)  # worker processes run no atexit


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a worker at the next step of its task, which removes what it has begun; without a task, at once."""
    global _in_call, _terminated
    _terminated = True
    if not _busy:
        _exit()
    if _in_call:
        _in_call = False
        raise KeyboardInterrupt


def _do(task: Task[Result]) -> Result:
    """One task in a worker."""
    global _busy
    _busy = True
    try:
        return task(advance=_count, stopped=_is_stopped)
    finally:
        _busy = False
        if _terminated or _is_orphan():
            _exit()  # nobody is left to hand out work or to end this process


def _exit() -> None:
    """Ends a worker at once."""
    try:
        _close_undisturbed()
    finally:
        os._exit(1)


def _close_undisturbed() -> None:
    """Closes what a worker has kept; SIGTERM, which asks for just that, comes too late to stop it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    close_kept()


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
