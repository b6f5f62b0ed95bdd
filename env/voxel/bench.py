"""`ghostkeys bench env`: what a tick of the embedded world costs, and how far two processes get beyond one."""
# ruff: noqa: T201

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Literal

import gymnasium
import numba
import numpy as np
from gymnasium.vector import AsyncVectorEnv

import env
from env.command_line import check_at_least_1, run_command
from env.files import write_json
from env.processors import processor_name, usable_processors
from env.video.pictures import resize
from env.voxel.environment import VoxelEnv
from env.voxel.random_play import RandomPlay
from env.waiting import announced

SIZES: Mapping[str, tuple[int, int] | Literal["vpt"]] = {
    "vpt": "vpt",
    "180x320": (180, 320),
    "360x640": (360, 640),
}
"""The pictures measured, by height and width; "vpt" is 128 x 128 pixels of the largest."""
WARM_UP = 10
"""Ticks of each episode that are not timed."""
_START = """
import env, gymnasium
world = gymnasium.make("ghostkeys/Voxel-v0", size="vpt")
world.reset(seed=0)
world.step({"attack": 1, "forward": 1})
"""


@dataclass(frozen=True)
class Conditions:
    """What the figures depend on."""

    processor: str
    processors: int
    load: float
    """Processes that wanted to run, on average of the last minute, as the benchmark began."""
    numba: str
    numpy: str
    ticks: int
    """Ticks played in each world at each size."""
    worlds: int


@dataclass(frozen=True)
class EnvBench:
    """All figures of one run. The play is random: `RandomPlay`."""

    conditions: Conditions
    ms_per_tick: dict[str, float]
    """Processor milliseconds of `step`, by size of the picture."""
    ms_per_tick_unseen: float
    """Processor milliseconds of `VoxelEnv.advance`, which draws nothing."""
    ratio_sparse: float
    """Time of "vpt" over that of drawing the whole picture and resizing it: at most 1."""
    steps_per_second: dict[str, float]
    """Steps by the clock of a vector of one process and of two, at "vpt"."""
    ratio_processes: float
    """Steps of two processes over those of one."""
    start_seconds: float
    """Time by the clock from nothing to the second frame at "vpt", with the kernels compiled before."""
    start_processor_seconds: float


def bench(args: list[str]) -> int:
    """Measures the embedded world."""
    return int(run_command(_bench, args, program="ghostkeys bench env"))


def _bench(ticks: int = 200, worlds: int = 5, rounds: int = 3, json: Path | None = None) -> int:
    """Measures the embedded world, with random play: processor time of a tick, processes side by side, the start.

    Args:
        ticks: Ticks played in each world at each size; the sizes take turns, world by world.
        worlds: How many worlds. Figures are medians over them.
        rounds: Times that one and two processes, and the start, are measured.
        json: File to write the figures to as well.
    """
    check_at_least_1(ticks=ticks, worlds=worlds, rounds=rounds)
    with announced("measuring; the world is compiled first where it has not been, which takes 10 to 30 s …"):
        found = measure(ticks=ticks, worlds=worlds, rounds=rounds)
    print(table(found))
    if json is not None:
        write_json(json, asdict(found))
    return 0


def measure(*, ticks: int, worlds: int, rounds: int) -> EnvBench:
    """All the figures."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    conditions = Conditions(
        processor_name(), usable_processors(), load, numba.__version__, np.__version__, ticks, worlds
    )
    seconds = _seconds_per_tick(ticks, worlds)
    sparse = [part / whole for part, whole in zip(seconds["vpt"], seconds["resized"], strict=True)]
    rates = _steps_per_second(ticks, rounds)
    starts = [_start() for _ in range(rounds + 1)][1:]  # the first compiles what is not compiled yet
    return EnvBench(
        conditions,
        {name: 1e3 * median(seconds[name]) for name in SIZES},
        1e3 * median(seconds["unseen"]),
        median(sparse),
        {name: median(rate) for name, rate in rates.items()},
        median(two / one for one, two in zip(rates["one"], rates["two"], strict=True)),
        median(start[0] for start in starts),
        median(start[1] for start in starts),
    )


def _seconds_per_tick(ticks: int, worlds: int) -> dict[str, list[float]]:
    """Processor seconds of a tick in each world, by what is done in it. All play the same, and take turns."""
    games = {name: VoxelEnv(size) for name, size in SIZES.items()}
    whole, small = games["360x640"], games["vpt"]
    ways: dict[str, tuple[VoxelEnv, Callable[[Any], object]]] = {
        **{name: (game, game.step) for name, game in games.items()},
        "resized": (whole, partial(_step_and_resize, whole)),
        "unseen": (small, small.advance),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(worlds):
        for name, (game, tick) in ways.items():
            seconds[name].append(_play(game, tick, seed=seed, ticks=ticks))
    return seconds


def _step_and_resize(game: VoxelEnv, action: Any) -> object:
    """What it takes to get 128 x 128 pixels of the whole picture without "vpt"."""
    return resize(game.step(action)[0]["pov"], (128, 128), interpolation="linear")


def _play(game: VoxelEnv, tick: Callable[[Any], object], *, seed: int, ticks: int) -> float:
    """Processor seconds of a tick in one world."""
    play = RandomPlay(seed)
    game.reset(seed=seed)
    for _ in range(WARM_UP):
        tick(play.act())
    actions = [play.act() for _ in range(ticks)]
    started = time.process_time()
    for action in actions:
        tick(action)
    return (time.process_time() - started) / ticks


def _steps_per_second(ticks: int, rounds: int) -> dict[str, list[float]]:
    """Steps by the clock of one process, which plays two worlds one after the other, and of two that share them."""
    make = partial(gymnasium.make, "ghostkeys/Voxel-v0", size="vpt", disable_env_checker=True)
    vectors = {"one": AsyncVectorEnv([make], copy=False), "two": AsyncVectorEnv([make, make], copy=False)}
    rates: dict[str, list[float]] = {name: [] for name in vectors}
    try:
        for seed in range(rounds):
            alone = sum(_seconds(vectors["one"], [world], ticks=ticks) for world in (seed, seed + 1))
            shared = _seconds(vectors["two"], [seed, seed + 1], ticks=ticks)
            rates["one"].append(2 * ticks / alone)
            rates["two"].append(2 * ticks / shared)
    finally:
        for vector in vectors.values():
            vector.close()
    return rates


def _seconds(vector: AsyncVectorEnv, seeds: list[int], *, ticks: int) -> float:
    """Seconds by the clock of so many steps of a vector, each of its environments in a world of its own."""
    plays = [RandomPlay(seed) for seed in seeds]
    worlds: list[int | None] = [*seeds]
    vector.reset(seed=worlds)

    def together() -> dict[str, Any]:
        acts = [play.act() for play in plays]
        return {name: np.stack([act[name] for act in acts]) for name in acts[0]}

    for _ in range(WARM_UP):
        vector.step(together())
    actions = [together() for _ in range(ticks)]
    started = time.perf_counter()
    for action in actions:
        vector.step(action)
    return time.perf_counter() - started


def _start() -> tuple[float, float]:
    """Seconds by the clock and of the processor that a new process takes until it has played a tick."""
    used, started = _children_seconds(), time.perf_counter()
    subprocess.run([sys.executable, "-c", _START], cwd=Path(env.__file__).parents[1], check=True)
    return time.perf_counter() - started, _children_seconds() - used


def _children_seconds() -> float:
    used = os.times()
    return used.children_user + used.children_system


def table(found: EnvBench) -> str:
    """The figures as text."""
    given, rates = found.conditions, found.steps_per_second
    ticks = ", ".join(f"{ms:.2f} ms at {name}" for name, ms in found.ms_per_tick.items())
    return "\n".join(
        [
            f"{given.processor}, {given.processors} processors (load {given.load:.1f} before), numba {given.numba}, "
            f"numpy {given.numpy}; random play, {given.ticks} ticks in each of {given.worlds} worlds",
            f"a tick takes {ticks} of processor time; {found.ms_per_tick_unseen:.2f} ms without a picture",
            f'"vpt" takes {found.ratio_sparse:.2f} of the time of the whole picture and its resizing',
            f"two processes make {found.ratio_processes:.2f} times the steps of one "
            f"({rates['one']:.0f} and {rates['two']:.0f} a second)",
            f"a second start takes {found.start_seconds:.2f} s to the first tick "
            f"({found.start_processor_seconds:.2f} s of processor time)",
        ]
    )
