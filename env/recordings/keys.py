"""Which button each physical key stands for: Minecraft's keys, or another game's from a YAML file."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import yaml

from env.actions import HOTBAR, MAX_TURN, MINERL_KEYS
from env.checks import number, one_of, shown
from env.errors import GhostkeysError
from env.video.container import PathLike

DEGREES_PER_PIXEL = 360 / 2400
"""How far Minecraft's view turns for a pixel of mouse movement."""
MOUSE_BUTTONS = {"attack": 0, "use": 1, "pickItem": 2}
KEYBOARD = {
    "ESC": "key.keyboard.escape",
    "forward": "key.keyboard.w",
    "back": "key.keyboard.s",
    "left": "key.keyboard.a",
    "right": "key.keyboard.d",
    "jump": "key.keyboard.space",
    "sneak": "key.keyboard.left.shift",
    "sprint": "key.keyboard.left.control",
    "drop": "key.keyboard.q",
    "inventory": "key.keyboard.e",
    "swapHands": "key.keyboard.f",
    **{name: f"key.keyboard.{slot}" for slot, name in enumerate(HOTBAR, start=1)},
}
NAMES = tuple(name for name in MINERL_KEYS if name != "camera")
"""What a key can stand for: the 20 buttons of the models; and ESC, pickItem and swapHands, which no model learns."""
MOUSE_BUTTON = re.compile(r"mouse\.(0|[1-9]\d?)")
MAX_BYTES = 2**20


def mouse_button(button: int) -> str:
    """The physical name of a mouse button: 0 is the left one, 1 the right one."""
    return f"mouse.{button}"


def _check_key(key: object) -> None:
    if not isinstance(key, str) or not key:
        raise GhostkeysError(
            f"`keys`: {shown(key)} is no key's name; expected text, in quotes where YAML reads another."
        )
    if key.startswith("mouse.") and not MOUSE_BUTTON.fullmatch(key):
        raise GhostkeysError(f"`keys`: {shown(key)} is no mouse button; expected mouse.0 (left), mouse.1 (right), ...")


@dataclass(frozen=True, kw_only=True)
class KeyTable:
    """How the recordings of a game are read: what its keys stand for, and how far its mouse turns the view.

    Raises `GhostkeysError` for a value that cannot be.
    """

    keys: Mapping[str, str]
    """From the name of a physical key, as the recorder writes it (`key.keyboard.w`), or of a mouse button (`mouse.0`),
    to MineRL's name of a button. Several may stand for one button."""
    degrees_per_pixel: float = DEGREES_PER_PIXEL
    """How far the view turns for a pixel of mouse movement."""
    ticks_per_second: float | None = None
    """Lines that the recorder writes in a second of play. None: as each recording's clock and video tell together,
    else 20."""
    largest_turn: float = MAX_TURN
    """Degrees that the view can turn in a line; one that says more is not used."""

    def __post_init__(self) -> None:
        if not isinstance(self.keys, Mapping) or not self.keys:
            raise GhostkeysError(
                f"`keys` is {shown(self.keys)}; expected a button for each key, key.keyboard.w: forward."
            )
        for key, name in self.keys.items():
            _check_key(key)
            one_of(f"`keys`: {key}", name, NAMES)
        object.__setattr__(self, "keys", dict(self.keys))
        self._check("degrees_per_pixel", least=1e-6, most=MAX_TURN)
        self._check("largest_turn", least=1e-3, most=MAX_TURN)
        if self.ticks_per_second is not None:
            self._check("ticks_per_second", least=1, most=1000)

    def _check(self, name: str, *, least: float, most: float) -> None:
        object.__setattr__(self, name, number(f"`{name}`", getattr(self, name), least=least, most=most))

    @classmethod
    def read(cls, path: PathLike) -> Self:
        """From a YAML file with the fields of this class, `keys` and `degrees_per_pixel` at least.

        Raises `GhostkeysError`, which names file and field, for anything else.
        """
        file = Path(path)
        try:
            return cls(**_fields(file))
        except GhostkeysError as error:
            raise GhostkeysError(f"{file}: {error}") from error

    @cached_property
    def fingerprint(self) -> str:
        """The same 16 characters for equal tables, in every process and version of Python."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def most_pixels(self) -> float:
        """Pixels of mouse movement of the largest turn."""
        return self.largest_turn / self.degrees_per_pixel


MINECRAFT = KeyTable(
    keys={key: name for name, key in KEYBOARD.items()}
    | {mouse_button(button): name for name, button in MOUSE_BUTTONS.items()}
)
"""As VPT's contractors played: Minecraft's own keys."""


def key_table(keys: KeyTable | PathLike | None) -> KeyTable:
    """A table, or the one that a file holds; Minecraft's for None. Raises `GhostkeysError`."""
    if isinstance(keys, str | os.PathLike):
        return KeyTable.read(keys)
    return MINECRAFT if keys is None else keys


class _Loader(yaml.SafeLoader):
    """YAML that gives no name twice in a mapping, and has no references, which can make a short file a huge one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise GhostkeysError("a reference (*name); expected each value written out.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names: set[str] = set()
        for child, _ in node.value:
            if isinstance(child, yaml.ScalarNode):
                if child.value in names:
                    raise GhostkeysError(f"{shown(child.value)} is given twice; expected each name once.")
                names.add(child.value)
        return super().construct_mapping(node, deep=deep)


def _fields(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise GhostkeysError(f"larger than {MAX_BYTES >> 20} MiB; expected a key table in YAML.")
        found = yaml.load(content.decode("utf-8-sig"), _Loader)
    except OSError as error:
        raise GhostkeysError(f"cannot be read ({error.strerror}); expected a key table in YAML.") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise GhostkeysError(f"not YAML ({' '.join(str(error).split())}); expected a key table.") from error
    if not isinstance(found, dict):
        raise GhostkeysError(f"{shown(found)} is no key table; expected `keys`, `degrees_per_pixel` and so on.")
    known = [field.name for field in fields(KeyTable)]
    for name in found:
        one_of("a field's name", name, known)
    for name in ("keys", "degrees_per_pixel"):
        if name not in found:
            raise GhostkeysError(f"`{name}` is missing; expected some of {', '.join(known)}.")
    return found
