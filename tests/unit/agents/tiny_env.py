"""A game with MineRL's action space that is learnt in seconds: attack the red picture, and a log comes."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from env.actions import minerl_action_space

ENV_ID = "tests.unit.agents.tiny_env:RedPicture-v0"
"""Names its module, so that spawned processes find it too."""
TIMED_ENV_ID = "tests.unit.agents.tiny_env:TimedRedPicture-v0"
"""The same, over after nine ticks."""


class RedPicture(gymnasium.Env[dict[str, Any], dict[str, Any]]):
    """The picture turns red and grey by itself; five ticks of attack on red, one after the other, give a log."""

    def __init__(self, size: tuple[int, int] = (20, 32)) -> None:
        self.action_space: spaces.Space[Any] = minerl_action_space()
        self.observation_space: spaces.Space[Any] = spaces.Dict({"pov": spaces.Box(0, 255, (*size, 3), np.uint8)})
        self.size = size

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.tick = self.held = 0
        self.milestones: dict[str, int] = {}
        self.phase = int(self.np_random.integers(20))
        return self._observe(), {}

    def step(self, action: dict[str, Any]) -> Any:
        self.tick += 1
        self.held = self.held + 1 if action["attack"] and self.red else 0
        if self.held == 5:
            self.milestones.setdefault("log", self.tick)
        return self._observe(), 0.0, False, False, {"milestones": dict(self.milestones)}

    @property
    def red(self) -> bool:
        return (self.tick + self.phase) // 10 % 2 == 1

    def _observe(self) -> dict[str, Any]:
        colour = (200, 20, 20) if self.red else (90, 90, 90)
        noise = self.np_random.integers(-10, 11, (*self.size, 1))
        return {"pov": (np.array(colour) + noise).astype(np.uint8)}


class FewKeys(RedPicture):
    """The same with three buttons and the camera; any other key is an error, as in an environment of MineRL's own."""

    def __init__(self, size: tuple[int, int] = (20, 32)) -> None:
        super().__init__(size)
        kept = ("attack", "forward", "jump", "camera")
        self.action_space = spaces.Dict({name: minerl_action_space()[name] for name in kept})

    def step(self, action: dict[str, Any]) -> Any:
        assert action.keys() == {"attack", "forward", "jump", "camera"}
        return super().step(action)


class Odd(RedPicture):
    """Of another kind: `lacks` says which of the things that agents need."""

    def __init__(self, lacks: str) -> None:
        super().__init__()
        picture = spaces.Box(0, 255, (*self.size, 3), np.uint8)
        camera = minerl_action_space()["camera"]
        actions: dict[str, spaces.Space[Any]] = {
            "keys": spaces.Discrete(4),
            "camera": spaces.Dict({"attack": spaces.Discrete(2)}),
            "degrees": spaces.Dict({"camera": spaces.Discrete(9)}),
            "names": spaces.Dict({"camera": camera, "craft": spaces.Discrete(9)}),
        }
        pictures: dict[str, spaces.Space[Any]] = {"pov": spaces.Dict({"image": picture}), "dict": picture}
        self.action_space = actions.get(lacks, self.action_space)
        self.observation_space = pictures.get(lacks, self.observation_space)


FEW_KEYS_ID = "tests.unit.agents.tiny_env:FewKeys-v0"
ODD = {
    lacks: f"tests.unit.agents.tiny_env:Odd{lacks.title()}-v0"
    for lacks in ("keys", "camera", "degrees", "names", "pov", "dict")
}
"""Ids of environments without one of the things that agents need."""

gymnasium.register("FewKeys-v0", entry_point=f"{__name__}:FewKeys")
for lacks, name in ODD.items():
    gymnasium.register(name.split(":")[1], entry_point=f"{__name__}:Odd", kwargs={"lacks": lacks})
gymnasium.register("RedPicture-v0", entry_point=f"{__name__}:RedPicture")
gymnasium.register("TimedRedPicture-v0", entry_point=f"{__name__}:RedPicture", max_episode_steps=9)
