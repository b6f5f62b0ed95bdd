"""The options of an episode's start, as far as MineRL can have them."""

from collections.abc import Mapping
from typing import Any

from env.checks import number, one_of, shown, whole_number
from env.errors import GhostkeysError
from env.voxel.land.biomes import BIOMES
from env.voxel.observation import FAR

OPTIONS = ("inventory", "biome", "position", "yaw", "pitch")
STACK = 64
"""Items of one slot."""
SLOTS = 36


def start_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Checks the options of `reset` and writes them as the worker reads them; one that is None counts as left out.

    Raises GhostkeysError.
    """
    if not isinstance(options, Mapping | None):
        raise GhostkeysError(f"options is {shown(options)}; expected a dict of {', '.join(OPTIONS)}.")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for name in given:
        if name not in OPTIONS:
            raise GhostkeysError(f"Minecraft has no reset option {shown(name)}: expected {', '.join(OPTIONS)}.")
    start: dict[str, Any] = {}
    if given.get("inventory"):
        start["inventory"] = _stacks(given["inventory"])
    if "biome" in given:
        start["biome"] = one_of("biome", given["biome"], BIOMES)
    if "position" in given:
        start |= {"position": _position(given["position"]), "yaw": 0.0, "pitch": 0.0}
    for name, most in (("yaw", FAR), ("pitch", 90.0)):
        if name in given:
            if "position" not in given:
                raise GhostkeysError(
                    f"the reset option {name} needs a position: Minecraft places the player with both."
                )
            start[name] = number(name, given[name], least=-most, most=most)
    return start


def _stacks(contents: object) -> list[tuple[str, int]]:
    """Item and count of each slot to fill."""
    if not isinstance(contents, Mapping):
        raise GhostkeysError(f"inventory is {shown(contents)}; expected a dict of item names and counts.")
    stacks: list[tuple[str, int]] = []
    for name, count in contents.items():
        left = whole_number(f"inventory: the count of {shown(name)}", count, least=0, most=STACK * SLOTS)
        while left:
            stacks.append((str(name), min(left, STACK)))
            left -= stacks[-1][1]
    if len(stacks) > SLOTS:
        raise GhostkeysError(f"inventory fills {len(stacks)} slots; expected at most {SLOTS}.")
    return stacks


def _position(value: Any) -> list[float]:
    try:
        x, y, z = value
    except (TypeError, ValueError):
        raise GhostkeysError(f"position is {shown(value)}; expected x, y and z.") from None
    return [number("position", side, least=-FAR, most=FAR) for side in (x, y, z)]
