"""What the stand-in for Minecraft's server shows and tells: the embedded world in the terms of MineRL's game."""

import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from env.errors import GhostkeysError
from env.ledger import Ledger
from env.voxel.environment import VoxelEnv
from env.voxel.land.blocks import item, item_name
from env.voxel.rules.game import Game
from env.voxel.rules.player import Player

NAMESPACE = "{http://ProjectMalmo.microsoft.com}"
IGNORED = frozenset({"LowLevelInputs", "GuiScale", "GammaSetting", "FOVSetting", "FakeCursorSize", "DoneOnDeath"})
"""Of what a mission sets at the start, what the embedded world has no use for."""
BIOMES = {"extreme_hills": "mountains", "icy": "snow"}
"""Minecraft's categories of biomes, where the embedded world has other names."""
OTHER_SLOTS = ("offhand", "head", "chest", "legs", "feet")
"""Of equipment, beside the hand: the embedded world leaves them empty."""

LAND = {
    **{"sun_brightness": 0.94, "sky_light_level": 0.71, "light_level": 15, "can_see_sky": True, "is_raining": False},
    **{"biome_id": 0, "biome_rainfall": 0.5, "biome_temperature": 0.5, "sea_level": 63},
}
"""What the game tells of a place beside its position; the same everywhere here."""


class MissionError(GhostkeysError):
    """A mission or a command that the embedded world cannot play."""


@dataclass(frozen=True, kw_only=True)
class Mission:
    """What a MissionInit asks for."""

    size: tuple[int, int]
    """Height and width of the picture."""
    options: Mapping[str, Any]
    """How the embedded world starts: options of its `reset`."""

    @classmethod
    def read(cls, xml: str) -> "Mission":
        """Raises MissionError for what is no mission, and for what the embedded world cannot do."""
        try:
            root = ElementTree.fromstring(xml)
        except ElementTree.ParseError as error:
            raise MissionError(f"the mission is no XML ({error}).") from None
        video = root.find(f".//{NAMESPACE}VideoProducer")
        if video is None:
            raise MissionError("the mission has no VideoProducer, which gives the picture's size.")
        height, width = (int(video.findtext(f"{NAMESPACE}{side}", "0")) for side in ("Height", "Width"))
        options: dict[str, Any] = {}
        for element in root.findall(f".//{NAMESPACE}AgentStart/*"):
            options |= _start_option(element)
        return cls(size=(height, width), options=options)


def _start_option(element: ElementTree.Element) -> dict[str, Any]:
    """What one element of AgentStart means to the embedded world."""
    name = element.tag.removeprefix(NAMESPACE)
    if name in IGNORED:
        return {}
    if name == "Inventory":
        return {"inventory": _inventory(element)}
    if name == "Placement":
        place = {key: float(element.get(key, "0")) for key in ("x", "y", "z", "yaw", "pitch")}
        return {"position": (place["x"], place["y"], place["z"]), "yaw": place["yaw"], "pitch": place["pitch"]}
    if name == "PreferredSpawnBiome":
        biome = element.text or ""
        return {"biome": BIOMES.get(biome, biome)}
    raise MissionError(f"the mission starts with {name}, which the embedded world does not know.")


def _inventory(element: ElementTree.Element) -> dict[str, int]:
    """Item and count. The embedded world fills its slots in order, so that no others can be asked for."""
    counts: Counter[str] = Counter()
    for slot, stack in enumerate(element):
        if stack.get("slot") != str(slot):
            raise MissionError(
                f"the mission fills slot {stack.get('slot')}; expected slot {slot}, one after the other."
            )
        counts[stack.get("type", "")] += int(stack.get("quantity", "1"))
    return dict(counts)


@dataclass
class Statistics(Ledger):
    """The embedded world's ledger, which keeps Minecraft's counters beside it."""

    game: Game | None = None
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in ("pickup", "craft_item", "drop")}
    )
    """Statistic, item, how many since the world began."""

    def gain(self, name: str, count: int, *, tick: int) -> None:
        """Note that items came to the player, from an open screen or from the ground."""
        super().gain(name, count, tick=tick)
        screen = None if self.game is None else self.game.screen
        made = screen is not None and bool(screen.menu.gained)
        self.counts["craft_item" if made else "pickup"][name] += count

    def lose(self, name: str, count: int) -> None:
        """Note that items left the player, thrown or placed."""
        super().lose(name, count)
        self.counts["drop"][name] += count


def keep_statistics(game: Game) -> Statistics:
    """Has a game that just began count what the player gets and gives away; nothing else in it changes."""
    statistics = Statistics(game=game)
    game.ledger = game.hands.ledger = statistics
    return statistics


class EmbeddedWorld:
    """The embedded world behind the server; it does what it is told, tick by tick."""

    def __init__(self, mission: Mission, *, seed: int | None) -> None:
        self._env = VoxelEnv(mission.size)
        self._env.reset(seed=seed, options=mission.options)
        self._statistics = keep_statistics(self._env.game)

    @property
    def done(self) -> bool:
        """Whether the player is dead."""
        return not self._env.player.vitals.alive

    def play(self, commands: str) -> None:
        """Plays a tick with MineRL's commands, one a line: a key and 0 or 1, or `camera` with pitch and yaw."""
        self._env.advance(read_commands(commands))

    def kill(self) -> None:
        """Takes the player's life."""
        self._env.player.vitals.health = 0.0

    def frame(self) -> bytes:
        """The picture, RGB, its bottom row first."""
        picture = self._env.render()
        assert picture is not None
        return picture[::-1].tobytes()

    def info(self) -> bytes:
        """What MineRL's handlers read of the game's state, as JSON."""
        player, x_y_z = self._env.player, self._env.player.position
        state = {
            "inventory": player.inventory.stacks(),
            "isGuiOpen": self._env.game.screen is not None,
            "equipped_items": _equipped(player),
            "life_stats": _life(player),
            **dict(zip(("xpos", "ypos", "zpos"), x_y_z, strict=True)),
            "yaw": player.yaw,
            "pitch": player.pitch,
            **LAND,
            **self._statistics.counts,
        }
        return json.dumps(state).encode()


class StillWorld:
    """A picture that never changes, and nothing behind it: for measuring what lies in front."""

    def __init__(self, mission: Mission) -> None:
        height, width = mission.size
        self._frame = bytes(range(256)) * (height * width * 3 // 256) + bytes(height * width * 3 % 256)
        state = {"inventory": [], "isGuiOpen": False, "equipped_items": {}, "life_stats": {"is_alive": True}}
        self._info = json.dumps(state).encode()
        self.done = False

    def play(self, commands: str) -> None:
        """Reads the commands, and does nothing."""
        read_commands(commands)

    def kill(self) -> None:
        """Takes the player's life."""
        self.done = True

    def frame(self) -> bytes:
        """The picture."""
        return self._frame

    def info(self) -> bytes:
        """The state."""
        return self._info


def read_commands(text: str) -> dict[str, Any]:
    """A MineRL action from commands such as `forward 1`; the keys' names are checked by the world."""
    action: dict[str, Any] = {}
    for line in text.split("\n"):
        name, *values = line.split(" ")
        try:
            action[name] = [float(value) for value in values] if name == "camera" else int(*values)
        except (TypeError, ValueError):
            raise MissionError(f"the command {line!r} is no key with 0 or 1 and no camera with two turns.") from None
    return action


def _equipped(player: Player) -> dict[str, str]:
    """Slot and what is in it; each is JSON of its own, as in MineRL's game."""
    number = player.held_item
    hand = {
        "type": item_name(number),
        "damage": int(player.inventory.damage[player.hotbar_selected]),
        "maxDamage": item(number).durability if number else 0,
    }
    nothing = json.dumps({"type": "air", "damage": 0, "maxDamage": 0})
    return {"mainhand": json.dumps(hand), **dict.fromkeys(OTHER_SLOTS, nothing)}


def _life(player: Player) -> dict[str, float | bool]:
    vitals = player.vitals
    return {
        "is_alive": vitals.alive,
        "life": vitals.health,
        "food": vitals.food,
        "saturation": vitals.saturation,
        "air": max(vitals.air, 0),
        "score": 0,
        "xp": 0,
    }
