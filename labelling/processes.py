"""Work units in several processes; a unit that kills its process costs only itself.

One process works on one unit at a time and tells the parent how far it is. The parent decides everything: it hands out
units, tries a unit whose process died once more on a fresh process, and ends every process on its way out.
"""

import signal
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from env.errors import GhostkeysError

Unit = TypeVar("Unit")
Result = TypeVar("Result")
Report = Callable[[int], None]
"""Called by the work with the number of ticks done since the last call."""
Work = Callable[[Unit, Report], Result]

ATTEMPTS = 2
SECONDS_TO_STOP = 1.0
"""How long processes may take to stop by themselves when the run ends, before they are killed."""


@dataclass(frozen=True)
class Progress:
    """A unit is so many ticks further; negative when the work of a process that died is lost."""

    unit: int
    ticks: int


@dataclass(frozen=True)
class Done(Generic[Result]):
    """A unit is finished."""

    unit: int
    result: Result


@dataclass(frozen=True)
class Failed:
    """A unit cannot be done, for a reason that does not concern the others."""

    unit: int
    reason: str


Event = Progress | Done[Result] | Failed


class WorkerError(RuntimeError):
    """A bug met in a worker, with the worker's trace. It stops the run: the other units would meet it too."""


def work_here(units: Sequence[Unit], work: Work[Unit, Result]) -> Generator[Event[Result]]:
    """Does the units one after another in this process, without protection: for notebooks and debuggers."""
    for index, unit in enumerate(units):
        steps: list[int] = []
        try:
            result = work(unit, steps.append)
        except GhostkeysError as error:
            yield Failed(index, str(error))
        else:
            yield Progress(index, sum(steps))
            yield Done(index, result)


def work_in_processes(
    units: Sequence[Unit],
    make_work: Callable[[int], Work[Unit, Result]],
    *,
    workers: int,
    clean_up: Callable[[Unit], None],
) -> Generator[Event[Result]]:
    """Does the units in up to `workers` spawned processes, in the given order, and yields what happens as it happens.

    `make_work` is pickled, and called in each process with the process's number. `clean_up` is called here for a unit
    that was dropped in the middle. Raises the OSError or, for any other exception, the `WorkerError` a process met.
    """
    waiting = deque(range(len(units)))
    deaths: Counter[int] = Counter()
    crew: dict[int, _Worker] = {}
    try:
        while waiting or any(worker.unit is not None for worker in crew.values()):
            for number in range(workers):
                if waiting and number not in crew:
                    crew[number] = _Worker(number, make_work)
                if waiting and crew[number].unit is None:
                    crew[number].give(waiting.popleft(), units)
            for number in _speaking(crew):
                worker = crew[number]
                if (event := worker.hear()) is not None:
                    yield event
                    continue
                del crew[number]
                cause = worker.cause_of_death()
                if (index := worker.unit) is None:
                    continue
                clean_up(units[index])
                deaths[index] += 1
                yield Progress(index, -worker.ticks)
                if deaths[index] < ATTEMPTS:
                    waiting.appendleft(index)
                else:
                    yield Failed(index, f"the process working on it died {ATTEMPTS} times, {cause}")
    finally:
        for worker in crew.values():
            worker.pipe.close()  # it stops when it next speaks or listens
        deadline = time.monotonic() + SECONDS_TO_STOP
        for worker in crew.values():
            worker.bury(deadline)
            if worker.unit is not None:
                clean_up(units[worker.unit])


class _Worker:
    """One process, as the parent sees it: the unit it works on and the pipe to it."""

    def __init__(self, number: int, make_work: Callable[[int], Work[Any, Any]]) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, make_work, number), daemon=True)
        with _interrupts_held_back():
            self.process.start()
        theirs.close()  # so that the process's death ends the pipe
        self.unit: int | None = None
        self.ticks = 0

    def give(self, index: int, units: Sequence[Any]) -> None:
        self.unit, self.ticks = index, 0
        with suppress(BrokenPipeError):  # it is dead, which the parent hears next
            self.pipe.send((index, units[index]))

    def hear(self) -> Event[Any] | None:
        """The next event; None when the process is dead."""
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if isinstance(message, Exception):
            raise message
        if isinstance(message, Progress):
            self.ticks += message.ticks
        else:
            self.unit = None
        event: Event[Any] = message
        return event

    def cause_of_death(self) -> str:
        self.bury(time.monotonic() + SECONDS_TO_STOP)
        status = self.process.exitcode or 0
        if status >= 0:
            return f"with exit status {status}"
        hint = " (out of memory?)" if -status == signal.SIGKILL else ""
        return f"by {signal.Signals(-status).name}{hint}"

    def bury(self, deadline: float) -> None:
        """Waits for the process to end, and ends it at the deadline (of the monotonic clock)."""
        self.process.join(max(deadline - time.monotonic(), 0.0))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


def _speaking(crew: dict[int, _Worker]) -> list[int]:
    """The workers that have something to say, or died; waits for the first."""
    ready = connection.wait([worker.pipe for worker in crew.values()])
    return [number for number, worker in crew.items() if worker.pipe in ready]


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """A process started inside never sees Ctrl-C, which the terminal sends to all; this one sees it afterwards."""
    resource_tracker.ensure_running()  # multiprocessing's own; its first start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, make_work: Callable[[int], Work[Any, Any]], number: int) -> None:
    """A worker's life: does what comes through the pipe until the pipe ends."""
    try:
        work = make_work(number)
        for index, unit in _orders(pipe):
            try:
                result = work(unit, partial(_report, pipe, index))
            except GhostkeysError as error:
                _say(pipe, Failed(index, str(error)))
            else:
                _say(pipe, Done(index, result))
    except MemoryError:
        sys.exit("out of memory")
    except OSError as error:
        _say(pipe, OSError(error.errno, error.strerror or str(error), error.filename))
    except Exception:
        _say(pipe, WorkerError(traceback.format_exc()))


def _report(pipe: Connection, index: int, ticks: int) -> None:
    _say(pipe, Progress(index, ticks))


def _orders(pipe: Connection) -> Iterator[tuple[int, Any]]:
    """What the parent asks for, until it is gone."""
    with suppress(EOFError, ConnectionResetError):
        while True:
            yield pipe.recv()


def _say(pipe: Connection, message: object) -> None:
    try:
        pipe.send(message)
    except (BrokenPipeError, ConnectionResetError):  # the parent is gone or stopped, so this work is for nobody
        sys.exit(1)
