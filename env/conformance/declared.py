"""Checks of what an environment declares: spaces, pictures, seeds."""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.actions import MINERL_KEYS, minerl_action_space
from env.checks import shown
from env.conformance.finding import Finding
from env.conformance.probe import CheckSkipped, Probe
from env.video.pictures import Frame
from env.voxel.random_play import RandomPlay

NEAR = 48.0
"""Blocks within which equal seeds spawn: Minecraft draws the place anew, around the same point."""


def first_reset(probe: Probe) -> Finding:
    """The first reset, and a few steps."""
    probe.reset()
    probe.wait()
    return Finding(f"{probe.reset_seconds[0]:.1f} s")


def keys_of_actions(probe: Probe) -> Finding:
    """The action space."""
    space = probe.game.env.action_space
    missing = probe.game.missing
    if missing:
        return Finding(f"{len(MINERL_KEYS) - len(missing)} keys: it lacks {', '.join(missing)}", False)
    same = space == minerl_action_space()
    return Finding("24 keys" if same else f"24 keys, and another camera: {space['camera']}", same)  # type: ignore[index]


def picture_format(probe: Probe) -> Finding:
    """Type and size of the pictures, and whether they show anything."""
    declared, picture = _pov_space(probe), probe.observation["pov"]
    found = f"{picture.dtype} {picture.shape}, from {picture.min()} to {picture.max()}"
    right = picture.dtype == np.uint8 == declared.dtype and picture.shape == declared.shape
    return Finding(found, right and bool(picture.min() < picture.max()))


def picture_layout(probe: Probe) -> Finding:
    """How the pictures lie in memory: MineRL's own have rows in reverse order, which PyTorch refuses."""
    strides = probe.observation["pov"].strides
    return Finding(f"strides {strides}", all(stride > 0 for stride in strides))


def _pov_space(probe: Probe) -> spaces.Space[Any]:
    seen = probe.game.observation_space
    assert isinstance(seen, spaces.Dict)
    return seen["pov"]


def observations_in_space(probe: Probe) -> Finding:
    """Whether what is observed is what was declared, over a little random play."""
    space = probe.game.observation_space
    play = RandomPlay(probe.seed)
    for tick in range(40):
        if wrong := _outside(space, probe.observation, "observation"):
            return Finding(f"tick {tick}: {wrong}", False)
        probe.act({**play.act(), "ESC": 0, "inventory": 0, "drop": 0})
    return Finding("41 observations, all inside")


def _outside(space: spaces.Space[Any], value: Any, name: str) -> str:
    """The first part of a value that is not in its space; empty if all is."""
    if not isinstance(space, spaces.Dict):
        return "" if space.contains(value) else f"{name} is {shown(value)}, not in {space}"
    if not isinstance(value, dict) or set(value) != set(space.spaces):
        return f"{name} has other names than its space"
    parts = (_outside(inside, value[key], f"{name}.{key}") for key, inside in space.spaces.items())
    return next((part for part in parts if part), "")


def equal_seeds(probe: Probe) -> Finding:
    """Two episodes of one seed: the same pictures, or, in a game that is not deterministic, about the same place."""
    deterministic = not (probe.game.spec and probe.game.spec.nondeterministic)
    first, second = _opening(probe), _opening(probe)
    if deterministic:
        same = sum(np.array_equal(*pair) for pair in zip(first.frames, second.frames, strict=True))
        return Finding(f"{same} of {len(first.frames)} pictures are equal", same == len(first.frames))
    if first.place is None or second.place is None:
        raise CheckSkipped("the game is not deterministic, and tells no location_stats")
    apart = float(np.hypot(*(second.place - first.place)[[0, 2]]))
    return Finding(f"spawned {apart:.1f} blocks apart (the game is not deterministic)", apart <= NEAR)


class _Opening(NamedTuple):
    frames: list[Frame]
    place: NDArray[np.float64] | None


def _opening(probe: Probe) -> _Opening:
    """The first moments of an episode."""
    play = RandomPlay(probe.seed)
    frames = [probe.reset()]
    try:
        place = probe.position
    except CheckSkipped:
        place = None
    frames += [probe.act({**play.act(), "ESC": 0, "inventory": 0}) for _ in range(20)]
    return _Opening(frames, place)
