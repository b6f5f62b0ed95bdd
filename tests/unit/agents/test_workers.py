"""Work that is dealt to processes, and processes that end in the middle of something."""

import os
import signal
import struct
from collections.abc import Callable
from functools import partial

import pytest

from agents import workers
from agents.workers import work
from env.errors import GhostkeysError


def square(number: int, *, advance: Callable[[int], object], stopped: Callable[[], bool]) -> int:
    advance(1)
    assert not stopped()
    return number * number


def fail(*, advance: Callable[[int], object], stopped: Callable[[], bool]) -> int:
    raise GhostkeysError("the world is full.")


def die_while_answering(*, advance: Callable[[int], object], stopped: Callable[[], bool]) -> int:
    """As a process does that is killed with half of its answer written."""
    assert workers._pipe is not None
    os.write(workers._pipe.fileno(), struct.pack("!i", 1_000_000) + b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@pytest.mark.parametrize("processes", [1, 3])
def test_all_is_done_and_what_it_leads_to(processes: int) -> None:
    results: list[int] = []
    steps: list[int] = []

    def on_result(result: int) -> list[partial[int]]:
        results.append(result)
        return [partial(square, 10)] if result == 4 else []

    work([partial(square, number) for number in range(5)], workers=processes, advance=steps.append, on_result=on_result)
    assert sorted(results) == [0, 1, 4, 9, 16, 100]
    assert sum(steps) == 6


def test_what_a_task_raises_is_raised_here_with_where_it_came_from() -> None:
    with pytest.raises(GhostkeysError, match="the world is full") as caught:
        work([fail, fail], workers=2, advance=lambda _: None)
    assert "in fail" in caught.value.__notes__[0]


@pytest.mark.skipif(os.name != "posix", reason="writes to a pipe as POSIX has it")
def test_a_process_that_dies_while_it_answers_is_not_waited_for() -> None:
    results: list[int] = []

    def on_result(result: int) -> list[partial[int]]:
        results.append(result)
        return []

    with pytest.raises(GhostkeysError, match="a worker process was killed"):
        work([partial(square, 2), die_while_answering], workers=2, advance=lambda _: None, on_result=on_result)
    assert results in ([], [4])
