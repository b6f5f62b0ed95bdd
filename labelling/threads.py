"""Work units in several threads of this process: for GPUs, where one model serves many decoders."""

import queue
import threading
from collections import deque
from collections.abc import Generator, Sequence

from env.errors import GhostkeysError
from labelling.work import Done, Event, Failed, Progress, Result, Unit, Work


class _StoppedError(Exception):
    """The run ends; the unit is left."""


def work_in_threads(
    units: Sequence[Unit], works: Sequence[Work[Unit, Result]], *, threads: int
) -> Generator[Event[Result]]:
    """Does the units in the given order, `threads` at a time, and yields what happens as it happens.

    Thread i works with `works[i % len(works)]`. Raises what a thread met, except that a GhostkeysError fails its unit.
    Closing this generator, or Ctrl-C, leaves every unit in work at its next report.
    """
    waiting = deque(range(len(units)))
    events: queue.Queue[Event[Result] | BaseException | None] = queue.Queue()
    stopped = threading.Event()

    def run(work: Work[Unit, Result]) -> None:
        while not stopped.is_set():
            try:
                index = waiting.popleft()
            except IndexError:
                break

            def report(ticks: int, index: int = index) -> None:
                if stopped.is_set():
                    raise _StoppedError
                events.put(Progress(index, ticks))

            try:
                events.put(Done(index, work(units[index], report)))
            except GhostkeysError as error:
                events.put(Failed(index, str(error)))
            except BaseException as error:
                events.put(error)
                break
        events.put(None)

    started = [threading.Thread(target=run, args=(works[n % len(works)],), daemon=True) for n in range(threads)]
    for thread in started:
        thread.start()
    try:
        working = len(started)
        while working:
            event = events.get()
            if event is None:
                working -= 1
            elif isinstance(event, BaseException):
                raise event
            else:
                yield event
    finally:
        stopped.set()
        for thread in started:
            thread.join()
