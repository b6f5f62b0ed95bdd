"""The specs of the environments by which MineRL is asked."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minerl.env._multiagent import _SingleAgentEnv
from minerl.herobraine.hero import handlers
from minerl.herobraine.hero.mc import ALL_ITEMS, KEYS
from minerl.settings import read_settings

MOST = 2**31 - 1
STATISTICS = ("use_item", "drop", "pickup", "break_item", "craft_item", "mine_block", None)


class ObservationSpace:
    """From which MineRL draws the observation that it invents after an error."""

    def __init__(self, height: int, width: int, names: list[str]) -> None:
        self._shape = (height, width, 3)
        self._names = names
        self._generator = np.random.default_rng()

    def sample(self) -> dict[str, Any]:
        """Anything that could be: every item, any number of it."""
        drawn: dict[str, Any] = {name: self._counts() for name in self._names if name not in ("pov", *_SAMPLED)}
        drawn["pov"] = self._generator.integers(0, 256, self._shape, np.uint8)
        return drawn | {name: values(self._generator) for name, values in _SAMPLED.items() if name in self._names}

    def _counts(self) -> dict[str, Any]:
        return {item: self._generator.integers(1, MOST) for item in ALL_ITEMS}


class ActionSpace:
    """The keys and the camera."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.spaces: dict[str, object] = {**dict.fromkeys(keys, "Discrete(2)"), "camera": "Box(-180.0, 180.0, (2,))"}


class EnvSpec:
    """A task of MineRL."""

    def __init__(self, name: str, *, observed: str, keys: tuple[str, ...] = KEYS) -> None:
        settings = read_settings()
        self.name = name
        self.resolution = (settings.width, settings.height)
        self.max_episode_steps = settings.timeout
        self._observed, self._keys = observed, keys
        self.reset()

    def reset(self) -> None:
        """Makes the handlers anew, as MineRL does before every episode."""
        self.observables, self.monitors = self.create_observables(), self.create_monitors()
        self.agent_start = self.create_agent_start()
        names = [each.to_string() for each in self.observables]
        assert len(names) == len(set(names)), f"observed twice: {names}"
        self.observation_space = ObservationSpace(*self.resolution[::-1], names)
        self.action_space = ActionSpace(self._keys)

    def create_observables(self) -> list[Any]:
        """All that MineRL tells with HumanSurvival, the inventory with Obtain, the picture alone with BASALT."""
        observed: list[Any] = [handlers.POVObservation(self.resolution)]
        if self._observed != "picture":
            observed.append(handlers.FlatInventoryObservation(ALL_ITEMS))
        if self._observed == "all":
            observed += [
                handlers.EquippedItemObservation(ALL_ITEMS, mainhand=True, _default="air", _other="air"),
                handlers.ObservationFromLifeStats(),
                handlers.ObservationFromCurrentLocation(),
                *(handlers.ObserveFromFullStats(name) for name in STATISTICS),
            ]
        return observed

    def create_monitors(self) -> list[Any]:
        """What `info` holds."""
        return [handlers.IsGuiOpen(), handlers.ObservationFromCurrentLocation()] if self._observed == "all" else []

    def create_agent_start(self) -> list[Any]:
        """Nothing that matters here."""
        return []

    def make(self) -> Any:
        """The environment, in its wrapper if it has one."""
        env = _SingleAgentEnv(self)
        return ObtainDiamondShovelWrapper(env) if "DiamondShovel" in self.name else env


class ObtainDiamondShovelWrapper:
    """Pays for what lies in the inventory, true or not, and counts steps over all episodes."""

    def __init__(self, env: _SingleAgentEnv) -> None:
        self.env = env
        self.timeout = env.task.max_episode_steps
        self.num_steps = 0

    @property
    def unwrapped(self) -> _SingleAgentEnv:
        return self.env

    def reset(self) -> dict[str, Any]:
        observation: dict[str, Any] = self.env.reset()
        return observation

    def step(self, action: Mapping[str, Any]) -> tuple[dict[str, Any], float, bool, dict[str, Any]]:
        observation, reward, done, info = self.env.step(action)
        self.num_steps += 1
        if observation["inventory"]["diamond_shovel"] > 0:
            reward, done = 2048.0, True
        return observation, reward, done or self.num_steps >= self.timeout, info


_PLACE = ("xpos", "ypos", "zpos", "pitch", "yaw")
_LIFE = ("is_alive", "life", "food", "saturation", "air")
_SAMPLED: dict[str, Any] = {
    "equipped_items": lambda generator: {
        "mainhand": {"type": generator.choice(ALL_ITEMS), "damage": np.array(3), "maxDamage": np.array(9)}
    },
    "life_stats": lambda generator: dict(zip(_LIFE, generator.uniform(0, 1, 5), strict=True)),
    "location_stats": lambda generator: dict(zip(_PLACE, generator.normal(0, 60, 5), strict=True)),
}

ENVS = [
    EnvSpec("MineRLHumanSurvival-v0", observed="all"),
    EnvSpec("MineRLObtainDiamondShovel-v0", observed="inventory"),
    EnvSpec("MineRLBasaltFindCave-v0", observed="picture", keys=tuple(key for key in KEYS if key != "pickItem")),
]
