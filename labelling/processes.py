"""Work units in several processes; a unit that kills its process costs only itself.

One process works on one unit at a time and tells the parent how far it is. The parent decides everything: it assigns
units, tries a unit whose process died once more on a fresh process, and ends every process on its way out.
"""

import signal
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from typing import Any

from env.errors import GhostkeysError
from env.waiting import without_interrupts
from labelling.work import Done, Event, Failed, Progress, Result, Unit, Work, WorkerError

ATTEMPTS = 2
SECONDS_TO_STOP = 1.0
"""How long processes may take to stop by themselves when the run ends, before they are killed."""


def work_in_processes(
    units: Sequence[Unit],
    make_work: Callable[[int], Work[Unit, Result]],
    *,
    workers: int,
    clean_up: Callable[[Unit], object],
) -> Generator[Event[Result]]:
    """Does the units in up to `workers` spawned processes, in the given order, and yields what happens as it happens.

    `make_work` is pickled, and called in each process with the process's number. `clean_up` is called here for a unit
    that was dropped in the middle, once its process has ended. Raises the GhostkeysError of `make_work`, and the
    OSError or, for any other exception, the `WorkerError` that a process met. No process is left, however this ends.
    """
    waiting = deque(range(len(units)))
    deaths: Counter[int] = Counter()
    running: dict[int, _Worker] = {}
    try:
        while waiting or any(worker.unit is not None for worker in running.values()):
            for number in range(workers):
                if waiting and number not in running:
                    running[number] = _Worker(number, make_work)
                if waiting and running[number].unit is None:
                    running[number].assign(waiting.popleft(), units)
            for number in _heard_from(running):
                worker = running[number]
                if (event := worker.receive()) is not None:
                    yield event
                    continue
                worker.stop(time.monotonic() + SECONDS_TO_STOP)
                del running[number]
                if (index := worker.unit) is None:
                    continue
                clean_up(units[index])
                deaths[index] += 1
                yield Progress(index, -worker.ticks)
                if deaths[index] < ATTEMPTS:
                    waiting.appendleft(index)
                else:
                    yield Failed(index, f"the process working on it died {ATTEMPTS} times, {worker.exit_reason()}")
    finally:
        for worker in running.values():
            worker.pipe.close()  # it stops when it next sends or receives
        deadline = time.monotonic() + SECONDS_TO_STOP
        for worker in running.values():
            worker.stop(deadline)
        for worker in running.values():
            if worker.unit is not None:
                clean_up(units[worker.unit])


class _Worker:
    """One process, as the parent sees it: the unit it works on and the pipe to it."""

    def __init__(self, number: int, make_work: Callable[[int], Work[Any, Any]]) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_run_worker, args=(theirs, make_work, number), daemon=True)
        with without_interrupts():
            self.process.start()
        theirs.close()  # so that the process's death ends the pipe
        self.unit: int | None = None
        self.ticks = 0

    def assign(self, index: int, units: Sequence[Any]) -> None:
        self.unit, self.ticks = index, 0
        with suppress(BrokenPipeError):  # it is dead, which `receive` finds next
            self.pipe.send((index, units[index]))

    def receive(self) -> Event[Any] | None:
        """The next event; None when the process is dead. Raises the exception that a process sends."""
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

    def stop(self, deadline: float) -> None:
        """Waits for the process to end, and kills it at the deadline (of the monotonic clock)."""
        self.process.join(max(deadline - time.monotonic(), 0.0))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()

    def exit_reason(self) -> str:
        """How the process ended, once it is stopped."""
        status = self.process.exitcode or 0
        if status >= 0:
            return f"with exit status {status}"
        hint = " (out of memory?)" if -status == signal.SIGKILL else ""
        return f"by {signal.Signals(-status).name}{hint}"


def _heard_from(running: dict[int, _Worker]) -> list[int]:
    """The workers that sent something, or died; waits for the first."""
    ready = connection.wait([worker.pipe for worker in running.values()])
    return [number for number, worker in running.items() if worker.pipe in ready]


def _run_worker(pipe: Connection, make_work: Callable[[int], Work[Any, Any]], number: int) -> None:
    """What a process runs: it does the units that come through the pipe until the pipe ends."""
    try:
        work = make_work(number)
        for index, unit in _assigned(pipe):
            try:
                result = work(unit, partial(_report, pipe, index))
            except GhostkeysError as error:
                _send(pipe, Failed(index, str(error)))
            else:
                _send(pipe, Done(index, result))
    except MemoryError:
        sys.exit("out of memory")
    except OSError as error:
        _send(pipe, OSError(error.errno, error.strerror or str(error), error.filename))
    except GhostkeysError as error:
        _send(pipe, error)
    except Exception:
        _send(pipe, WorkerError(traceback.format_exc()))


def _report(pipe: Connection, index: int, ticks: int) -> None:
    _send(pipe, Progress(index, ticks))


def _assigned(pipe: Connection) -> Iterator[tuple[int, Any]]:
    """The units the parent assigns, until it is gone."""
    with suppress(EOFError, ConnectionResetError):
        while True:
            yield pipe.recv()


def _send(pipe: Connection, message: object) -> None:
    try:
        pipe.send(message)
    except (BrokenPipeError, ConnectionResetError):  # the parent is gone or stopped, so this work is for nobody
        sys.exit(1)
