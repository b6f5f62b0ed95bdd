"""Environments by their gymnasium ids, and what of MineRL's actions and milestones one has."""

import difflib
from collections.abc import Mapping
from typing import Any, Literal

import gymnasium
from gymnasium import spaces

import env as environments  # noqa: F401  (registers the ghostkeys/* ids)
from env.actions import BUTTONS, MINERL_KEYS
from env.errors import GhostkeysError
from env.ledger import KINDS
from env.video.container import MAX_SIDE

Env = gymnasium.Env[Any, Any]
PictureSize = tuple[int, int] | Literal["vpt"] | None
"""(height, width), what OpenAI's agents see, or the environment's own."""


def make_env(name: str, *, size: PictureSize = None) -> Env:
    """The environment of a gymnasium id, checked for a picture and for actions of MineRL's kind.

    Raises GhostkeysError, in one line, for an id or a size that there is not, and for an environment that cannot be
    made or has another kind of observations or actions.
    """
    if isinstance(size, tuple) and not (0 < size[0] <= MAX_SIDE and 0 < size[1] <= MAX_SIDE):
        raise GhostkeysError(f"--size {size[0]} {size[1]}: expected a height and a width from 1 to {MAX_SIDE}.")
    sized: dict[str, Any] = {} if size is None else {"size": size}
    try:
        made: Env = gymnasium.make(name, disable_env_checker=True, **sized)
    except gymnasium.error.UnregisteredEnv as error:
        raise GhostkeysError(f"--env {name}: there is no such environment. {_hint(name, error)}") from None
    except (gymnasium.error.Error, ImportError, AttributeError, ValueError) as error:
        raise GhostkeysError(f"--env {name} cannot be made: {' '.join(str(error).split())}") from None
    except TypeError as error:
        if "unexpected keyword argument 'size'" not in str(error):
            raise
        raise GhostkeysError(f"--env {name} has one size of picture only: leave --size out.") from None
    try:
        _check_spaces(name, made)
    except GhostkeysError:
        made.close()
        raise
    return made


def _hint(name: str, error: Exception) -> str:
    """The id that may have been meant, ours first."""
    ours = [each for each in gymnasium.registry if each.startswith("ghostkeys/")]
    near = difflib.get_close_matches(name, ours, n=1, cutoff=0.5) or difflib.get_close_matches(
        name, list(gymnasium.registry), n=1, cutoff=0.8
    )
    return f"Did you mean {near[0]}?" if near else f"{' '.join(str(error).split())} Ours are {', '.join(ours)}."


def _check_spaces(name: str, made: Env) -> None:
    seen, keys = made.observation_space, made.action_space
    picture = seen.spaces.get("pov") if isinstance(seen, spaces.Dict) else None
    if not isinstance(picture, spaces.Box) or len(picture.shape) != 3 or picture.shape[2] != 3:
        raise GhostkeysError(
            f"--env {name} shows no picture: its observations ({_outline(seen)}) lack `pov`, uint8 (height, width, 3)."
        )
    if not isinstance(keys, spaces.Dict):
        raise GhostkeysError(
            f"--env {name} takes {_outline(keys)}; expected a Dict of MineRL's keys, such as `forward`, and `camera`."
        )
    camera = keys.spaces.get("camera")
    if not isinstance(camera, spaces.Box) or camera.shape != (2,):
        raise GhostkeysError(
            f"--env {name} cannot turn the view: its actions lack `camera`, a Box of (pitch, yaw) in degrees."
        )
    others = [key for key, space in keys.spaces.items() if key not in MINERL_KEYS or not _is_key(key, space)]
    if others:
        raise GhostkeysError(
            f"--env {name} has actions that MineRL has not: {', '.join(others)}; expected 0 or 1 for some of "
            f"{', '.join(MINERL_KEYS)}."
        )


def _is_key(key: str, space: spaces.Space[Any]) -> bool:
    return key == "camera" or (isinstance(space, spaces.Discrete) and space.n == 2 and space.start == 0)


def _outline(space: spaces.Space[Any]) -> str:
    return f"Dict of {', '.join(space.spaces)}" if isinstance(space, spaces.Dict) else type(space).__name__


def lacking_buttons(made: Env) -> tuple[str, ...]:
    """Those of the 20 buttons that the environment does not have."""
    keys = made.action_space
    return tuple(name for name in BUTTONS if name not in keys.spaces) if isinstance(keys, spaces.Dict) else ()


def possible_action(made: Env, action: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a MineRL action that the environment can take: the keys it has."""
    keys = made.action_space
    if not isinstance(keys, spaces.Dict):
        return dict(action)
    return {name: value for name, value in action.items() if name in keys.spaces}


def known_milestones(made: Env) -> tuple[str, ...]:
    """All that the embedded world can count as achieved; nothing of an environment that does not tell."""
    from env.voxel.environment import VoxelEnv

    if not isinstance(made.unwrapped, VoxelEnv) or not isinstance(made.observation_space, spaces.Dict):
        return ()
    inventory = made.observation_space["inventory"]
    assert isinstance(inventory, spaces.Dict)
    return tuple(sorted({*KINDS, *inventory.spaces} - {"air"}))


def check_milestone(name: str, made: Env) -> None:
    """Raises GhostkeysError for a milestone that the environment does not know."""
    known = known_milestones(made)
    if not known or name in known:
        return
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(known)}."
    raise GhostkeysError(f"--until {name}: the environment has no such milestone; {hint}")
