"""Units of work and what is reported of them, whether they are done in this process, in threads or in processes."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from env.errors import GhostkeysError

Unit = TypeVar("Unit")
Result = TypeVar("Result")
Report = Callable[[int], None]
"""Called by the work with the number of ticks done since the last call."""
Work = Callable[[Unit, Report], Result]


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
