"""Long pieces of work, done in this process or dealt to several."""

import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from types import FrameType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

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
    if _pipe is None:  # this process is no worker: it is interrupted itself
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


class _Ready(NamedTuple):
    """What a worker says first: it has started."""

    steps: int = 0


class _Advanced(NamedTuple):
    """What a worker says while it is at a task."""

    steps: int
    """Since it last said so."""


class _Done(NamedTuple, Generic[Result]):
    """What a worker says when a task has ended."""

    result: Result
    steps: int


_Message = _Ready | _Advanced | _Done[Result]

SECONDS_BETWEEN_STEPS = 0.2
"""How often a worker says how far it is: at each step would wake the other process for nothing."""

_pipe: Connection | None = None  # set once in each worker process: tasks come through it, until it ends
_untold = 0
_told = 0.0
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
    waiting, pool = deque(tasks), [_Worker() for _ in range(workers)]

    def take(message: _Message[Result]) -> None:
        advance(message.steps)
        if isinstance(message, _Done):
            waiting.extend(on_result(message.result))

    try:
        for worker in pool:
            worker.start()
        while waiting or any(worker.has_task for worker in pool):
            for worker in pool:
                if waiting and worker.is_ready:
                    worker.assign(waiting.popleft())
            for worker in _heard_from(pool):
                take(worker.receive())
    except BaseException:
        for worker in pool:
            worker.tell_to_stop()
        for worker in pool:
            for message in worker.last_messages():
                take(message)
        raise
    finally:
        for worker in pool:
            worker.pipe.close()  # it ends when it next waits for a task
        for worker in pool:
            worker.join()


class _Worker:
    """A process, as the one that hands out the tasks sees it. It shares nothing with other processes but its own pipe.

    So a process that is killed, whatever it is doing, takes no lock with it that others wait for.
    """

    def __init__(self) -> None:
        context = get_context("spawn")
        self.pipe, self._theirs = context.Pipe()
        self._process = context.Process(target=_run_worker, args=(self._theirs,))
        self.has_task = self.is_ready = False

    def start(self) -> None:
        with without_interrupts():
            self._process.start()
        self._theirs.close()  # so that the process's death ends the pipe

    def assign(self, task: Task[Any]) -> None:
        self.has_task, self.is_ready = True, False
        with suppress(BrokenPipeError, ConnectionResetError):  # it is dead, which `receive` finds next
            self.pipe.send(task)

    def receive(self) -> _Message[Any]:
        """What it says next. Raises what its task raised, and GhostkeysError if it is dead."""
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            message = "a worker process was killed, perhaps for want of memory: start again with fewer --workers."
            raise GhostkeysError(message) from None
        self.is_ready = not isinstance(message, _Advanced)
        self.has_task = not self.is_ready
        if isinstance(message, Exception):
            raise message
        return cast("_Message[Any]", message)

    def tell_to_stop(self) -> None:
        """At its next step."""
        with suppress(OSError):
            self.pipe.send(None)

    def last_messages(self) -> Iterator[_Message[Any]]:
        """What it says until it ends, but for what it raises."""
        while self.has_task:
            try:
                yield self.receive()
            except Exception:  # one is raised already
                return

    def join(self) -> None:
        if self._process.pid is not None:
            self._process.join()


def _heard_from(pool: Sequence[_Worker]) -> list[_Worker]:
    """The workers that said something, or died; waits for the first, but not for long: Windows waits deaf to Ctrl-C."""
    heard = connection.wait([worker.pipe for worker in pool if not worker.is_ready], timeout=0.5)
    return [worker for worker in pool if worker.pipe in heard]


def _run_worker(pipe: Connection) -> None:
    """What a worker runs: the tasks that come through the pipe, until it ends or None comes.

    Ctrl-C is left to the parent, which tells it to stop.
    """
    global _pipe
    _pipe = pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)
    Finalize(None, _close_undisturbed, exitpriority=100)  # worker processes run no atexit
    with suppress(EOFError, ConnectionResetError, BrokenPipeError, KeyboardInterrupt):
        pipe.send(_Ready())
        while (task := pipe.recv()) is not None:
            _do(task, pipe)


def _do(task: Task[Any], pipe: Connection) -> None:
    """One task in a worker, and what became of it; KeyboardInterrupt if it was told to stop."""
    global _busy, _untold
    _busy = True
    try:
        message = _outcome(task)
        pipe.send(message)
        _untold = 0
    finally:
        _busy = False
        if _terminated:
            _exit()


def _outcome(task: Task[Any]) -> "_Done[Any] | Exception":
    try:
        return _Done(task(advance=_count, stopped=_is_stopped), _untold)
    except Exception as error:
        error.add_note(traceback.format_exc())  # the traceback itself does not go through a pipe
        return error


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a worker at the next step of its task, which removes what it has begun; without a task, at once."""
    global _in_call, _terminated
    _terminated = True
    if not _busy:
        _exit()
    if _in_call:
        _in_call = False
        raise KeyboardInterrupt


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
    global _told, _untold
    assert _pipe is not None
    _untold += steps
    if _untold and time.monotonic() > _told + SECONDS_BETWEEN_STEPS:
        _pipe.send(_Advanced(_untold))
        _untold, _told = 0, time.monotonic()


def _is_stopped() -> bool:
    """Whether it is to stop, or nobody is left to work for."""
    assert _pipe is not None
    try:
        return _terminated or _pipe.poll()  # nothing else comes while it is at a task
    except OSError:  # on Windows, where the pipe has ended
        return True
