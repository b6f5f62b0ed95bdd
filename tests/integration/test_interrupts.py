"""Ctrl-C in a terminal, and SIGTERM, on every command that takes long: one line, 130 or 143, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.record import record
from agents.trial import Trial
from env import Recording, find_recordings
from ghostkeys import main
from learning.checkpoint import read_metadata
from tests.unit.agents.failing_env import FAILING_ID, noted

TIMEOUT = 120
RECORD = "record --player scripted --episode-ticks 40 --size 36 64 --workers 2"
EVALUATE = "evaluate --agent random --size 36 64 --workers 2 --episodes 400 --max-ticks 40"

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}

Interrupt = Callable[[str, Callable[[Path], bool]], str]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few seconds of play to train on."""
    folder = tmp_path_factory.mktemp("played")
    record(folder, minutes=0.3, episode_ticks=120, size=(72, 128), style="explorer", workers=1)
    return folder


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def stop(request: pytest.FixtureRequest) -> signal.Signals:
    """What stops the command: all of its processes get it."""
    return signal.Signals(request.param)


@pytest.fixture
def interrupt(tmp_path: Path, stop: signal.Signals) -> Iterator[Interrupt]:
    """Runs a command line until a condition on its log holds, stops it, and gives the last line it printed."""
    started: list[subprocess.Popen[str]] = []

    def run(line: str, ready: Callable[[Path], bool]) -> str:
        log = tmp_path / "log"
        with log.open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "ghostkeys", *line.split()],
                start_new_session=True, stdout=printed, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        started.append(process)
        deadline = time.monotonic() + TIMEOUT
        while not ready(log):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        os.killpg(process.pid, stop)
        status = process.wait(timeout=TIMEOUT)
        text = log.read_text()
        assert status == STATUS[stop], text
        assert "Traceback" not in text
        return text.strip().splitlines()[-1]

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def half_written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.is_file()]


def test_record(interrupt: Interrupt, tmp_path: Path) -> None:
    """Recordings that were finished stay, and the next start adds the rest."""
    output = tmp_path / "recordings"
    message = interrupt(f"{RECORD} --minutes 10 --output {output}", lambda _: any(output.glob("*.mp4")))
    assert "stopped" in message
    assert not half_written(output)
    done = {path: path.stat().st_mtime_ns for path in find_recordings([output])}
    assert all(len(Recording.open(path)) == 40 for path in done)
    minutes = (len(done) + 1) * 40 / 1200
    assert main(f"{RECORD} --minutes {minutes} --output {output}".split()) == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert len(find_recordings([output])) > len(done)


@pytest.mark.parametrize("package", ["idm", "agents", "generator"])
def test_training(interrupt: Interrupt, tmp_path: Path, played: Path, package: str) -> None:
    """The model so far is there, and the message says how to go on."""
    command = "agent" if package == "agents" else package
    output = tmp_path / "run"
    line = f"{command} fit --config tiny --data.root {played} --output {output}"
    line += " --trainer.accelerator cpu --trainer.max_steps 5000"
    message = interrupt(line, lambda log: "/5000 [" in log.read_text().replace(" 0/5000", ""))
    assert "stopped after" in message
    assert "the same command goes on" in message
    steps = read_metadata(output)["steps"]
    assert 0 < steps < 5000
    assert (output / "last.ckpt").exists()
    assert not half_written(output)


def test_evaluate(interrupt: Interrupt, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    played = tmp_path / ".result.json.played"
    message = interrupt(f"{EVALUATE} --json {result}", lambda _: any(played.glob("*.json")))
    assert "stopped" in message
    assert not result.exists()
    assert any(played.iterdir())
    assert not half_written(tmp_path)


def hanging(notes: Path) -> str:
    """An evaluation whose first two episodes take for ever to begin, each in a game of its own."""
    seeds = Trial(agent="random", env=FAILING_ID).env_seeds(2)
    options = {"notes": str(notes), "fails": {str(seed): ["hang"] for seed in seeds}}
    line = f"evaluate --agent random --env {FAILING_ID} --episodes 8 --max-ticks 40 --workers 2"
    return f"{line} --env-options {json.dumps(options, separators=(',', ':'))}"


def test_evaluate_while_games_start(interrupt: Interrupt, tmp_path: Path) -> None:
    """They are closed, though a reset under way would take minutes."""
    notes = tmp_path / "notes"
    assert "stopped" in interrupt(hanging(notes), lambda _: noted(notes, "reset") == 2)
    assert noted(notes, "open") == noted(notes, "close") == 3


def test_games_are_closed_when_an_evaluation_is_killed(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    process = subprocess.Popen([sys.executable, "-m", "ghostkeys", *hanging(notes).split()], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + TIMEOUT
    for start, count in (("reset", 2), ("close", 3)):
        while noted(notes, start) < count:
            assert time.monotonic() < deadline, notes.read_text() if notes.exists() else "nothing was opened"
            time.sleep(0.05)
        process.kill()
    process.wait()
