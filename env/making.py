"""Environments by their gymnasium ids, and what of MineRL's actions and milestones one has."""

import difflib
import inspect
import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator

import env as environments  # noqa: F401  (registers the ghostkeys/* ids)
from env.actions import BUTTONS, MINERL_KEYS
from env.errors import GhostkeysError
from env.ledger import KINDS
from env.video.container import MAX_SIDE

log = logging.getLogger(__name__)

Env = gymnasium.Env[Any, Any]
PictureSize = tuple[int, int] | Literal["vpt"] | None
"""(height, width), what OpenAI's agents see, or the environment's own."""
MANY = 200
"""Milestones that an error lists, at most."""


def make_env(name: str, *, size: PictureSize = None, options: Mapping[str, Any] | None = None) -> Env:
    """The environment of a gymnasium id, checked for a picture and for actions of MineRL's kind.

    `options` are keyword arguments of the environment, as `--env-options` gives them. Raises GhostkeysError, in one
    line, for an id, a size or an option that there is not, and for an environment that cannot be made or has another
    kind of observations or actions.
    """
    if isinstance(size, tuple) and not (0 < size[0] <= MAX_SIDE and 0 < size[1] <= MAX_SIDE):
        raise GhostkeysError(f"--size {size[0]} {size[1]}: expected a height and a width from 1 to {MAX_SIDE}.")
    if options and "size" in options:
        raise GhostkeysError("--env-options.size: give the size of the picture with --size instead.")
    keywords = {**(options or {}), **({} if size is None else {"size": size})}
    try:
        made: Env = gymnasium.make(name, disable_env_checker=True, **keywords)
    except gymnasium.error.UnregisteredEnv as error:
        raise GhostkeysError(f"--env {name}: there is no such environment. {_hint(name, error)}") from None
    except (gymnasium.error.Error, ImportError, AttributeError, ValueError) as error:
        raise GhostkeysError(f"--env {name} cannot be made: {' '.join(str(error).split())}") from None
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown is None or unknown[1] not in keywords:
            if not options and "required" not in str(error):
                raise
            reason = " ".join(str(error).split())
            raise GhostkeysError(f"--env {name} cannot be made with these --env-options: {reason}") from None
        raise GhostkeysError(_no_such_option(name, unknown[1])) from None
    try:
        _check_spaces(name, made)
    except GhostkeysError:
        made.close()
        raise
    return made


def use_minerl_python(path: str | os.PathLike[str] | None) -> None:
    """Has MineRL's environments run under this Python, also those of the processes that this one starts."""
    if path is not None:
        os.environ["GHOSTKEYS_MINERL_PYTHON"] = str(Path(path).expanduser().absolute())


@dataclass(frozen=True, kw_only=True)
class EnvTraits:
    """What an environment says of itself that decides how its episodes are played."""

    own_process: bool
    """It plays in a process of its own, which takes long to start: it is kept from one episode to the next.

    Such an environment's `metadata` has `own_process`, and it has a method `prepare`, which starts as much as can be
    checked in seconds.
    """
    repeats: bool
    """The same seed and actions give the same episode."""

    @classmethod
    def of(cls, made: Env) -> Self:
        """The traits of an environment that has been made."""
        own_process = bool((made.metadata or {}).get("own_process", False))
        return cls(own_process=own_process, repeats=made.spec is None or not made.spec.nondeterministic)


def _no_such_option(name: str, option: str) -> str:
    """What to say of a keyword that the environment does not take."""
    if option == "size":
        return (
            f"--env {name} has one size of picture only: leave --size out, or give `record --player human` --own-size."
        )
    known = [each for each in _keywords(name) if each not in ("size", "render_mode")]
    near = difflib.get_close_matches(option, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}."
    return f"--env-options.{option}: {name} has no such option; {hint}"


def _keywords(name: str) -> list[str]:
    """The names of what an environment can be made with."""
    spec = gymnasium.registry[name.rpartition(":")[2]]
    creator = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    return [] if creator is None else list(inspect.signature(creator).parameters)


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
    """All that the environment can count as achieved; nothing of one that does not tell.

    The embedded world tells at once, MineRL once its process has been started and if its version lists the items.
    """
    from env.minerl.client import MineRLEnv
    from env.voxel.environment import VoxelEnv

    game = made.unwrapped
    items: Iterable[str] = ()
    if isinstance(game, VoxelEnv):
        items = _inventory(made)
    elif isinstance(game, MineRLEnv):
        items = game.items
    names = {*items} - {"air"}
    return tuple(sorted({*KINDS, *names})) if names else ()


def _inventory(made: Env) -> tuple[str, ...]:
    """The items that an environment's observations count."""
    seen = made.observation_space
    inventory = seen.spaces.get("inventory") if isinstance(seen, spaces.Dict) else None
    return tuple(inventory.spaces) if isinstance(inventory, spaces.Dict) else ()


def check_milestone(name: str, made: Env) -> None:
    """Raises GhostkeysError for a milestone that the environment does not know.

    Of an environment that does not tell what it knows, one that only resembles a known name is warned of.
    """
    known = known_milestones(made)
    if name in known:
        return
    if not known:
        usual = {*KINDS, *_inventory(made)}
        near = [] if name in usual else difflib.get_close_matches(name, usual, n=1, cutoff=0.7)
        if near:
            log.warning("--until %s: if there is no such milestone, no episode reaches it; is it %s?", name, near[0])
        return
    near = difflib.get_close_matches(name, known, n=3)
    listed = ", ".join(known) if len(known) <= MANY else f"{', '.join(KINDS)}, or an item of the game"
    hint = f"did you mean {' or '.join(near)}?" if near else f"expected one of {listed}."
    raise GhostkeysError(f"--until {name}: the environment has no such milestone; {hint}")
