"""What the bridge to MineRL costs: ms a step with it and in MineRL's own process, and two games beside one.

    python -m tests.fakes.overhead MINERL_PYTHON [--steps 200] [--rounds 7]

Behind all is the stand-in's fixed frame of 640 x 360. The bridge observes less than MineRL's spec does, and so it is
measured beside MineRL's environment as it is and beside one that observes the same. Two games of each kind tell how far
two processes get on this machine. Measured in alternation; what is printed are medians of rounds.
Beside the time that passes stands the time in which MineRL's process, and the bridge's two, compute: on a machine with
other work, the difference of those says more.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import psutil

ROOT = Path(__file__).parents[2]
GAME = ROOT / "tests" / "fakes" / "minecraft"
SPEC = "MineRLHumanSurvival-v0"
IN_PROCESS = """
import os, sys, time
import numpy as np
from minerl.env.malmo import InstanceManager
from minerl.herobraine.envs import ENVS
InstanceManager.MINECRAFT_DIR = sys.argv[1]
env = {spec.name: spec for spec in ENVS}[sys.argv[2]].make().unwrapped
if sys.argv[3] == "same":
    sys.path.append(sys.argv[4])
    import worker
    worker._choose_observables(env.task)
env.reset()
keys = list(env.action_space.spaces)
for line in sys.stdin:
    begin, busy = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        action = {key: int(key == "forward") for key in keys}
        action["camera"] = np.zeros(2, np.float32)
        _, _, _, info = env.step(action)
        assert "error" not in info
    took = time.perf_counter() - begin, time.process_time() - busy
    print("TOOK", *(1e3 * each / int(line) for each in took), flush=True)
env.close()
os._exit(0)
"""


class Took(NamedTuple):
    """Milliseconds a step."""

    passed: float
    computed: float
    """By MineRL's process and the bridge's; without the game's."""


class InProcess:
    """MineRL's environment stepped in its own Python."""

    def __init__(self, python: str, *, same: bool) -> None:
        observes = "same" if same else "all"
        command = [python, "-c", IN_PROCESS, str(GAME), SPEC, observes, str(ROOT / "env" / "minerl")]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self._folder = tempfile.TemporaryDirectory()  # MineRL writes its logs to the current folder
        self._process = subprocess.Popen(
            command, cwd=self._folder.name, stdin=pipe, stdout=pipe, stderr=nowhere, text=True
        )

    def step(self, count: int) -> Took:
        """Milliseconds a step."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(count, file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("TOOK"):
                return Took(*map(float, line.split()[1:]))
        raise SystemExit("MineRL's process ended.")

    def close(self) -> None:
        """Ends it and its game."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._folder.cleanup()


class Bridged:
    """The bridge's environment, in a process of its own as an evaluation's worker is."""

    def __init__(self, python: str) -> None:
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_play, args=(other, python))
        self._process.start()

    def step(self, count: int) -> Took:
        """Milliseconds a step."""
        self._connection.send(count)
        return Took(*self._connection.recv())

    def close(self) -> None:
        """Ends it and its game."""
        self._connection.send(0)
        self._process.join(60)


def _play(connection: "Connection[Any, Any]", python: str) -> None:
    from env.minerl.client import MineRLEnv

    env = MineRLEnv(python=python, minecraft=GAME)
    env.reset(seed=1)
    (worker,) = [each for each in psutil.Process().children() if "worker.py" in " ".join(each.cmdline())]
    while count := connection.recv():
        begin, busy = time.perf_counter(), _computed(worker)
        for _ in range(count):
            assert "invalid" not in env.step({"forward": 1})[4]
        took = time.perf_counter() - begin, _computed(worker) - busy
        connection.send([1e3 * each / count for each in took])
    env.close()


def _computed(worker: psutil.Process) -> float:
    times = worker.cpu_times()
    return time.process_time() + float(times.user + times.system)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="What the bridge to MineRL costs.")
    parser.add_argument("python", help="MineRL's")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    os.environ |= {"GHOSTKEYS_FAKE_PYTHON": sys.executable, "GHOSTKEYS_FAKE_OPTIONS": "--fixed-frame"}
    games: dict[str, list[InProcess | Bridged]] = {
        "in process, as it is": [InProcess(given.python, same=False)],
        "in process, observing the same": [InProcess(given.python, same=True) for _ in range(2)],
        "bridged": [Bridged(given.python) for _ in range(2)],
    }
    alone: dict[str, list[Took]] = {name: [] for name in games}
    together: dict[str, list[float]] = {name: [] for name, each in games.items() if len(each) == 2}
    for each in games.values():
        for game in each:
            game.step(20)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(given.rounds):
            for name, each in games.items():
                alone[name].append(each[0].step(given.steps))
            for name, found in together.items():
                pair = pool.map(lambda one: one.step(given.steps), games[name])
                found.append(sum(1e3 / took.passed for took in pair))
    for each in games.values():
        for game in each:
            game.close()
    _report(alone, together)


def _report(alone: dict[str, list[Took]], together: dict[str, list[float]]) -> None:
    for field in Took._fields:
        print(f"ms a step, {field}:")
        for name, found in alone.items():
            print(f"    {name:32}{_shown([getattr(took, field) for took in found])}")
    for name, rates in together.items():
        one, two = 1e3 / statistics.median(took.passed for took in alone[name]), statistics.median(rates)
        print(f"{name}: one game {one:.0f} steps/s, two together {two:.0f}: x {two / one:.2f}")


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
