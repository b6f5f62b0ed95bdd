"""`ghostkeys label` as its own process: killed, interrupted, robbed of a worker, it loses and half-writes nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from env.video.encoding import write_video
from idm.config import IDMConfig
from idm.model import InverseDynamicsModel
from idm.nn.motion import MotionScale
from labelling import read_labels

VIDEOS = 5
TICKS = 300
TIMEOUT = 120

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for worker processes in /proc")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = IDMConfig(
        frame_size=(32, 32), window=32, motion=(MotionScale(size=(16, 16), radius=(1, 1)),), appearance="none",
        width=16, depth=1, heads=2,
    )  # fmt: skip
    return InverseDynamicsModel(config).save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    landscape = rng.integers(40, 220, (16, 64, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    for number in range(VIDEOS):
        frames = np.stack([np.roll(landscape, -3 * tick, axis=1)[:, :64] for tick in range(TICKS + number)])
        write_video(folder / f"{number}.mp4", frames)
    return folder


Start = Callable[[Path], subprocess.Popen[str]]


@pytest.fixture
def start(checkpoint: Path, videos: Path) -> Iterator[Start]:
    """Starts `ghostkeys label` with one worker, in a process group of its own as a terminal would."""
    started: list[subprocess.Popen[str]] = []

    def run(output: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ghostkeys", "label", str(videos), "--checkpoint", str(checkpoint)]
        process = subprocess.Popen(
            [*command, "--output", str(output), "--workers", "1"],
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def contents(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir()}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Filled with the label files of the first run that went through."""
    return {}


def assert_complete(output: Path, unbroken: dict[str, bytes]) -> None:
    found = contents(output)
    assert sorted(found) == [f"{number}.labels.parquet" for number in range(VIDEOS)]
    for number in range(VIDEOS):
        assert len(read_labels(output / f"{number}.labels.parquet")) == TICKS + number
    assert found == (unbroken or found)
    unbroken.update(found)


def test_a_killed_worker_costs_nothing_but_time(start: Start, tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    process = start(tmp_path)
    wait_for(lambda: any(tmp_path.glob("*.parquet")))
    (worker,) = workers_of(process)
    os.kill(worker, signal.SIGKILL)
    output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    # A file that was whole, and not yet reported, when the worker died was there before, to the next one.
    labelled = [int(number) for number in re.findall(r"(\d+) labelled", output)]
    assert (sum(labelled), "0 failed" in output) == (VIDEOS, True)
    assert_complete(tmp_path, unbroken)


@pytest.mark.parametrize(("sent", "to_all"), [("SIGINT", True), ("SIGTERM", False), ("SIGTERM", True)])
def test_stopped_it_leaves_whole_files_and_no_process_and_goes_on_later(
    start: Start, tmp_path: Path, unbroken: dict[str, bytes], sent: str, to_all: bool
) -> None:
    """A terminal sends Ctrl-C to every process of the run; SIGTERM comes to the first, or to all."""
    process = start(tmp_path)
    wait_for(lambda: any(tmp_path.glob("*.parquet")))
    (worker,) = workers_of(process)
    number = signal.Signals[sent]
    if to_all:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode in {"SIGINT": (130,), "SIGTERM": (143, -signal.SIGTERM)}[sent]
    assert "Traceback" not in errors
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    assert all(name.endswith(".labels.parquet") and not name.startswith(".") for name in contents(tmp_path))
    done = len(contents(tmp_path))
    assert done < VIDEOS
    process = start(tmp_path)
    output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    assert f"{VIDEOS - done} labelled, {done} labelled before" in output
    assert_complete(tmp_path, unbroken)


def test_two_runs_at_once_finish_the_same_folder(start: Start, tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    for process in [start(tmp_path), start(tmp_path)]:
        output, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        assert " 0 failed" in output
    assert_complete(tmp_path, unbroken)


def test_killed_and_started_again_it_gives_the_same_files(
    start: Start, tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    process = start(tmp_path)
    wait_for(lambda: any(tmp_path.glob("*.parquet")))
    (worker,) = workers_of(process)
    process.kill()
    process.wait()
    wait_for(lambda: not Path(f"/proc/{worker}").exists())  # a worker without a parent stops by itself
    assert not list(tmp_path.glob(".*"))
    assert len(contents(tmp_path)) < VIDEOS
    _, errors = start(tmp_path).communicate(timeout=TIMEOUT)
    assert "Traceback" not in errors
    assert_complete(tmp_path, unbroken)
