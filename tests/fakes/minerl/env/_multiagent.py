"""MineRL's environment, in the shape of gym 0.23, with what MineRL 1.0 does wrong."""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minerl.env.malmo import InstanceManager, MinecraftInstance
from minerl.faults import next_fault, strike
from minerl.settings import Settings, append, read_settings
from minerl.worlds import CheapWorld, EmbeddedWorld, State, World, digest

SOCKTIME = 60.0 * 4
MESSAGES = ("empty", "huge", "trickle", "eof")
"""Faults of a message from the game."""


class _SingleAgentEnv:
    """Plays one spec."""

    def __init__(self, env_spec: Any) -> None:
        self.task = env_spec
        self.instances: list[MinecraftInstance] = []
        self.done = True
        self.action_space, self.observation_space = env_spec.action_space, env_spec.observation_space
        self._seed: int | None = None
        self._settings = read_settings()
        self._world = _world(self._settings)
        self._resets = self._steps = self._closes = 0
        self._already_closed = False
        if not self._settings.apart:
            self._launch, self._get_new_instance = self._get_new_instance, None  # type: ignore[method-assign,assignment]
        else:
            self._launch = self._get_new_instance

    @property
    def unwrapped(self) -> "_SingleAgentEnv":
        return self

    def seed(self, seed: Any = None) -> None:
        assert isinstance(seed, int) or seed is None, "Seed must be an int!"
        self._seed = seed
        append(self._settings.calls, json.dumps({"op": "seed", "seed": seed}))

    def reset(self) -> dict[str, Any]:
        self._resets, self._steps = self._resets + 1, 0
        try:
            self.task.reset()
            start = _start(self.task.agent_start)
            append(self._settings.calls, json.dumps({"op": "reset", "seed": self._seed, "start": start}))
            if not self.instances:
                self.instances.append(self._launch())
            fault = next_fault("reset", self._resets)
            strike(fault)
            self._strike_game(fault)
            self.instances[0].connect()
            picture = self.instances[0].tick(fault if fault in MESSAGES else "tick")
            self.done = False
            return self._observe(self._world.reset(self._seed, start), fault, picture)
        finally:
            self._seed = None  # MineRL forgets it with every reset

    def step(self, action: Mapping[str, Any]) -> tuple[dict[str, Any], float, bool, dict[str, Any]]:
        if self.done:
            raise RuntimeError("Attempted to step an environment server with done=True")
        self._steps += 1
        append(self._settings.calls, json.dumps({"op": "step", **_plain(action)}))
        fault = next_fault("step", self._steps)
        try:
            if fault != "TypeError":
                strike(fault)
            self._strike_game(fault)
            picture = self.instances[0].tick(fault if fault in MESSAGES else "tick")
            if fault in ("error_info", "TypeError"):
                raise TypeError("'NoneType' object is not subscriptable")
        except (OSError, TypeError):
            if fault == "TypeError":  # as the error path of StepServer does
                strike(fault)
            self.done = True
            return self.observation_space.sample(), 0.0, True, {"error": "Connection timed out!"}
        state, self.done = self._world.step(action)
        observation = self._observe(state, fault, picture)
        info = {each.to_string(): each.from_hero(state) for each in self.task.monitors}
        return observation, 0.0, self.done, "done" if fault == "info_text" else info  # type: ignore[return-value]

    def close(self) -> None:
        self._closes += 1
        fault = next_fault("close", self._closes)
        if fault == "slow":
            time.sleep(15.0)
        strike(fault)
        self._strike_game(fault)
        if self._already_closed:
            return
        for instance in self.instances:
            instance.kill()
        self._already_closed = True

    def noop_action(self) -> dict[str, Any]:
        return dict.fromkeys(self.action_space.spaces, 0) | {"camera": np.zeros(2, np.float32)}

    def _observe(self, state: State, fault: str | None, picture: bytes) -> dict[str, Any]:
        """What the handlers make of the game's state; it is logged as true unless something is wrong with it."""
        observation = {each.to_string(): each.from_hero(state) for each in self.task.observables}
        if not picture:
            observation["pov"] = np.zeros_like(observation["pov"])
        elif fault in _LIES:
            _LIES[fault](observation)
        else:
            append(self._settings.truth, digest(state))
        return observation

    def _strike_game(self, fault: str | None) -> None:
        found = {"kill_game": signal.SIGKILL, "stop_game": signal.SIGSTOP}.get(fault or "")
        if found is not None and self.instances and (process := self.instances[0].process) is not None:
            os.kill(process.pid, found)
            if found == signal.SIGKILL:
                process.wait()

    def _get_new_instance(self) -> MinecraftInstance:
        instance = InstanceManager.get_instance(os.getpid())
        instance.launch()
        return instance


def _world(settings: Settings) -> World:
    if settings.world == "embedded":
        return EmbeddedWorld(height=settings.height, width=settings.width)
    return CheapWorld(height=settings.height, width=settings.width, die_at=settings.die_at)


def _start(handlers: list[Any]) -> dict[str, Any]:
    """What the handlers of an episode's start ask for."""
    start: dict[str, Any] = {}
    for handler in handlers:
        start |= handler.asked()
    return start


def _plain(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action as JSON: the keys that are held, and the camera."""
    camera = action["camera"]
    assert isinstance(camera, np.ndarray), "the camera must be an array"
    assert camera.dtype == np.float32, "the camera must be float32"
    names = list(action)
    return {
        "held": [name for name in names if name != "camera" and action[name] == 1],
        "camera": camera.tolist(),
        "keys": len(names),
    }


def _set(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(observation: dict[str, Any]) -> None:
        for name in path[:-1]:
            observation = observation[name]
        observation[path[-1]] = value

    return change


def _wrong_shape(observation: dict[str, Any]) -> None:
    observation["pov"] = observation["pov"][:-1]


def _wrong_dtype(observation: dict[str, Any]) -> None:
    observation["pov"] = observation["pov"].astype(np.float32)


_LIES: dict[str | None, Callable[[dict[str, Any]], None]] = {
    "wrong_shape": _wrong_shape,
    "wrong_dtype": _wrong_dtype,
    "no_picture": _set("pov", value=None),
    "huge_counts": _set("inventory", "diamond_shovel", value=2**40),
    "negative_counts": _set("inventory", "diamond_shovel", value=-1),
    "fractional_counts": _set("inventory", "diamond_shovel", value=1.5),
    "nan_counts": _set("inventory", "diamond_shovel", value=float("nan")),
    "words_for_counts": _set("inventory", "diamond_shovel", value="many"),
    "list_inventory": _set("inventory", value=[["diamond_shovel", 1]]),
    "true_counts": _set("inventory", "diamond_shovel", value={"quantity": 1}),
    "huge_statistics": _set("pickup", value={"diamond_shovel": 2**70}),
    "words_for_statistics": _set("craft_item", value="diamond_shovel"),
    "nonsense_types": _set("equipped_items", value=7),
    "huge_damage": _set("equipped_items", "mainhand", "damage", value=2**40),
    "nonsense_name": _set("equipped_items", "mainhand", "type", value="DIAMOND\n" * 999),
    "nan_location": _set("location_stats", "xpos", value=np.float32("nan")),
    "words_for_life": _set("life_stats", "life", value="plenty"),
    "info_text": lambda observation: None,
}
"""Faults of what the game's state says."""
