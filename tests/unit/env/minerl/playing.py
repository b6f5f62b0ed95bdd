"""Episodes of the stand-in in which every observation is held against what the game sent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from env.minerl.client import MineRLEnv
from tests.fakes.minerl.worlds import TICKS_OF_A_LOG, digest
from tests.fakes.standin import StandIn

ATTACK = {"attack": 1, "camera": (0.5, 2.0)}
LOG = 1 / 8
"""The reward of each of the first logs."""


@dataclass(frozen=True)
class Episode:
    """What became of an episode."""

    rewards: float
    ticks: int
    invalid: str | None
    """Why it is void, if it is."""


def play(env: MineRLEnv, stand_in: StandIn, *, seed: int, ticks: int) -> Episode:
    """Plays until the episode ends or is void; checks all that a step says against the game's own account."""
    last = digest(env.reset(seed=seed)[0])
    assert last in stand_in.truth()
    total = 0.0
    for tick in range(1, ticks + 1):
        observation, reward, terminated, truncated, info = env.step(ATTACK)
        if "invalid" in info:
            assert (digest(observation), reward, terminated, truncated) == (last, 0.0, False, True)
            assert info["invalid"]
            assert "\n" not in info["invalid"]
            return Episode(total, tick - 1, info["invalid"])
        assert reward == (LOG if env.task and tick % TICKS_OF_A_LOG == 0 and tick <= 8 * TICKS_OF_A_LOG else 0.0)
        total += reward
        last = digest(observation)
        assert not terminated
        assert not truncated
    assert last in stand_in.truth()
    return Episode(total, ticks, None)


def leavings(stand_in: StandIn, scratch: Path) -> list[Any]:
    """What a closed environment has left: processes, files, memory, open files such as locks."""
    memory = [line for line in Path("/proc/self/maps").read_text().splitlines() if "minerl-" in line]
    opened = [name for name in map(_target, Path("/proc/self/fd").iterdir()) if "minerl-" in name]
    return [*stand_in.processes(), *scratch.glob("minerl-*"), *memory, *opened]


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""
