"""Whatever happens to a process, the other units are done, and nothing of the unit it held is left behind."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from env.errors import VideoError
from labelling.processes import work_in_processes
from labelling.work import Done, Failed, Progress, Report, WorkerError, work_here


def make_work(number: int) -> Callable[[str, Report], int]:
    return work


def work(unit: str, report: Report) -> int:
    """Does what the unit's first word says, on the file that its second word names."""
    what, _, argument = unit.partition(" ")
    report(3)
    while what == "long":
        try:
            time.sleep(0.01)
            report(1)
        except SystemExit:
            Path(argument).touch()
            raise
    if what == "stuck":
        time.sleep(60)
    if what == "bad":
        raise VideoError("no video")
    if what == "bug":
        raise KeyError("a bug")
    if what == "full":
        raise OSError(28, "No space left on device", "labels")
    if what == "die" or (what == "die-once" and not Path(argument).exists()):
        if argument:
            Path(argument).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return len(unit)


def run(units: list[str], *, workers: int = 1) -> tuple[dict[int, int], dict[int, str], dict[int, int], list[str]]:
    """What was done, what failed, the ticks counted, and what was cleaned up after."""
    done: dict[int, int] = {}
    failed: dict[int, str] = {}
    ticks: dict[int, int] = dict.fromkeys(range(len(units)), 0)
    dropped: list[str] = []
    for event in work_in_processes(units, make_work, workers=workers, clean_up=dropped.append):
        if isinstance(event, Done):
            done[event.unit] = event.result
        elif isinstance(event, Failed):
            failed[event.unit] = event.reason
        elif isinstance(event, Progress):
            ticks[event.unit] += event.ticks
    return done, failed, ticks, dropped


def test_a_bad_unit_and_a_killed_process_cost_only_themselves(tmp_path: Path) -> None:
    unit = f"die-once {tmp_path / 'died'}"
    done, failed, ticks, dropped = run(["a", "bad", unit, "bb"], workers=2)
    assert done == {0: 1, 2: len(unit), 3: 2}
    assert failed == {1: "no video"}
    assert ticks == {0: 3, 1: 3, 2: 3, 3: 3}
    assert dropped == [unit]


def test_a_unit_that_kills_every_process_fails_and_its_progress_is_taken_back() -> None:
    done, failed, ticks, dropped = run(["die", "a"])
    assert done == {1: 1}
    assert failed == {0: "the process working on it died 2 times, by SIGKILL (out of memory?)"}
    assert ticks == {0: 0, 1: 3}
    assert dropped == ["die", "die"]


def test_a_bug_stops_the_run_with_its_trace() -> None:
    with pytest.raises(WorkerError, match="KeyError: 'a bug'"):
        run(["bug", "a"])


def test_a_full_disk_stops_the_run() -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        run(["full", "a"])
    assert caught.value.filename == "labels"


@pytest.mark.parametrize("what", ["long", "stuck"])
def test_stopping_is_quick_and_everything_is_cleaned_up(tmp_path: Path, what: str) -> None:
    dropped: list[str] = []
    unit = f"{what} {tmp_path / 'stopped'}"
    with closing(work_in_processes([unit], make_work, workers=1, clean_up=dropped.append)) as events:
        next(events)
        start = time.monotonic()
    assert time.monotonic() - start < 5  # a second on a quiet machine
    assert (tmp_path / "stopped").exists() == (what == "long")
    assert dropped == [unit]


def test_in_this_process_a_bad_unit_costs_only_itself() -> None:
    events = list(work_here(["a", "bad", "bb"], work))
    assert [event for event in events if isinstance(event, Done)] == [Done(0, 1), Done(2, 2)]
    assert [event for event in events if isinstance(event, Failed)] == [Failed(1, "no video")]
