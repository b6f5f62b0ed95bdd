"""Whatever happens to a process, the other units are done, and nothing of the unit it held is left behind."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from env.errors import VideoError
from labelling.pool import Done, Failed, Progress, Report, WorkerError, work_in_processes


def make_work(number: int) -> Callable[[str, Report], int]:
    return work


def work(unit: str, report: Report) -> int:
    """Does what the unit's first word says, on the file that its second word names."""
    what, _, argument = unit.partition(" ")
    report(3)
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
    if what == "sleep":
        try:
            time.sleep(60)
        finally:
            Path(argument).touch()
    return len(unit)


def run(units: list[str], *, workers: int = 2) -> tuple[dict[int, int], dict[int, str], list[str]]:
    """What was done, what failed, and what was cleaned up after."""
    done: dict[int, int] = {}
    failed: dict[int, str] = {}
    dropped: list[str] = []
    for event in work_in_processes(units, make_work, workers=workers, clean_up=dropped.append):
        if isinstance(event, Done):
            done[event.unit] = event.result
        elif isinstance(event, Failed):
            failed[event.unit] = event.reason
    return done, failed, dropped


def test_a_bad_unit_costs_only_itself() -> None:
    assert run(["a", "bad", "bb"]) == ({0: 1, 2: 2}, {1: "no video"}, [])


def test_a_killed_process_costs_one_more_try(tmp_path: Path) -> None:
    unit = f"die-once {tmp_path / 'died'}"
    done, failed, dropped = run([unit, "a", "bb"])
    assert (set(done), failed, dropped) == ({0, 1, 2}, {}, [unit])


def test_a_unit_that_kills_every_process_fails() -> None:
    done, failed, dropped = run(["die", "a", "bb"])
    assert done == {1: 1, 2: 2}
    assert failed == {0: "the process working on it died 2 times, by SIGKILL (out of memory?)"}
    assert dropped == ["die", "die"]


def test_lost_progress_is_taken_back() -> None:
    events = list(work_in_processes(["die"], make_work, workers=1, clean_up=lambda unit: None))
    assert sum(event.ticks for event in events if isinstance(event, Progress)) == 0


def test_a_bug_stops_the_run_with_its_trace() -> None:
    with pytest.raises(WorkerError, match="KeyError: 'a bug'"):
        run(["bug", "a"])


def test_a_full_disk_stops_the_run() -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        run(["full", "a"])
    assert caught.value.filename == "labels"


def test_stopping_lets_the_work_clean_up_and_is_quick(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    dropped: list[str] = []
    units = [f"sleep {file}" for file in files]
    with closing(work_in_processes(units, make_work, workers=2, clean_up=dropped.append)) as events:
        next(events), next(events)
        start = time.monotonic()
    assert time.monotonic() - start < 3
    assert all(file.exists() for file in files)
    assert dropped == units


def test_make_work_can_be_partial() -> None:
    done = list(work_in_processes(["a"], partial(make_work), workers=4, clean_up=lambda unit: None))
    assert done[-1] == Done(0, 1)
