"""VPT's contractor format: one JSON object a tick, as the recorder of the game writes them."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from env.actions import HOTBAR
from env.errors import RecordingError
from env.video.decoding import PathLike

DEGREES_PER_PIXEL = 360 / 2400
"""How far the view turns for a pixel of mouse movement."""
WINDOW_HEIGHT = 720
"""Lines of the window that the cursor's place is counted in; the recorded video is smaller."""
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
NAME_OF_KEY = {key: name for name, key in KEYBOARD.items()}
NAME_OF_MOUSE_BUTTON = {button: name for name, button in MOUSE_BUTTONS.items()}
MAX_BYTES = 2**30
"""A larger file is no five minutes of play."""
MAX_PIXELS = 1e7
"""More than this is no movement of a mouse in a tick, nor a place on a screen."""
Tick = dict[str, Any]
"""One line of the file."""


@dataclass(frozen=True)
class PlayerInput:
    """What mouse and keyboard did in a tick; null and missing values of the file are nothing done."""

    keys: tuple[str, ...]
    buttons: tuple[int, ...]
    new_buttons: tuple[int, ...]
    """Mouse buttons that went down in this very tick."""
    dx: float
    dy: float
    hotbar: int | None
    """The slot selected, 0 to 8; None where the file does not tell (recorders before 6.11)."""
    gui: bool
    """Whether a screen with a cursor is open: inventory, chest, crafting table, ..."""
    cursor: tuple[float, float] | None
    """Place of the cursor (x, y) in a window of 720 lines that is missing from the video and should be there."""
    tick: float | None
    """The recorder's own count of ticks."""
    milli: float | None
    """Wall clock, in milliseconds."""
    complete: bool
    """False where mouse or keyboard were logged as null, or not at all."""

    @property
    def names(self) -> set[str]:
        """MineRL's names of what is held."""
        held = {NAME_OF_KEY.get(key) for key in self.keys} | {NAME_OF_MOUSE_BUTTON.get(key) for key in self.buttons}
        return {name for name in held if name is not None}


@dataclass(frozen=True)
class ContractorFile:
    """A contractor recording's `.jsonl`, read."""

    ticks: tuple[PlayerInput, ...]
    """At least one."""
    cut_off: bool
    """Whether the last line was cut off, and left out."""


def read_contractor_file(path: PathLike) -> ContractorFile:
    """The lines of a contractor recording, of any version of the recorder. A cut-off last line is left out.

    Raises `RecordingError` for a missing, empty, huge or malformed file.
    """
    file = Path(path)
    if not file.is_file():
        raise RecordingError(f"{file}: no such file; expected the actions of a recording, one JSON object a line.")
    if file.stat().st_size > MAX_BYTES:
        raise RecordingError(f"{file} is larger than {MAX_BYTES >> 20} MiB; expected five minutes of play, or some.")
    lines = file.read_bytes().rstrip().splitlines()
    if not lines:
        raise RecordingError(f"{file} is empty; expected one JSON object a tick.")
    ticks: list[PlayerInput] = []
    for number, line in enumerate(lines, start=1):
        try:
            tick = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines) > 1:
                return ContractorFile(tuple(ticks), cut_off=True)
            raise RecordingError(f"{file}, line {number}: not JSON ({error}); expected one object a tick.") from error
        try:
            ticks.append(_parse(tick))
        except RecordingError as error:
            raise RecordingError(f"{file}, line {number}: {error}") from error
    return ContractorFile(tuple(ticks), cut_off=False)


def _parse(tick: object) -> PlayerInput:
    if not isinstance(tick, dict) or not {"mouse", "keyboard"} & tick.keys():
        raise RecordingError("expected a JSON object with `mouse` and `keyboard`, as VPT's recorder writes.")
    mouse, keyboard = (_field(tick, name, dict, "an object") for name in ("mouse", "keyboard"))
    complete = mouse is not None and keyboard is not None
    mouse, keyboard = mouse or {}, keyboard or {}
    hotbar = _number(tick, "hotbar", 8, "a slot from 0 to 8")
    if hotbar is not None and hotbar not in range(len(HOTBAR)):
        raise RecordingError(f"`hotbar` is {hotbar}; expected a slot from 0 to 8.")
    gui = bool(tick.get("isGuiOpen"))
    x, y = (_number(mouse, name, MAX_PIXELS, "a number of pixels") for name in ("x", "y"))
    drawn = x is None or y is None or not gui or bool(tick.get("isCursorDrawn"))
    return PlayerInput(
        keys=_members(keyboard, "keys", str),
        buttons=_members(mouse, "buttons", int),
        new_buttons=_members(mouse, "newButtons", int),
        dx=_number(mouse, "dx", MAX_PIXELS, "a number of pixels") or 0.0,
        dy=_number(mouse, "dy", MAX_PIXELS, "a number of pixels") or 0.0,
        hotbar=None if hotbar is None else int(hotbar),
        gui=gui,
        cursor=None if drawn or x is None or y is None else (x, y),
        tick=_number(tick, "tick", 2**53, "a count of ticks"),
        milli=_number(tick, "milli", 2**53, "a time in milliseconds"),
        complete=complete,
    )


def _field(fields: Mapping[str, Any], name: str, kind: type, expected: str) -> Any:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise RecordingError(f"`{name}` is {value!r}; expected {expected}.")
    return value


def _members(fields: Mapping[str, Any], name: str, kind: type) -> tuple[Any, ...]:
    members = _field(fields, name, list, "a list") or []
    if not all(isinstance(member, kind) for member in members):
        raise RecordingError(f"`{name}` is {members!r}; expected a list of {kind.__name__}.")
    return tuple(members)


def _number(fields: Mapping[str, Any], name: str, largest: float, expected: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or not abs(value) <= largest:
        raise RecordingError(f"`{name}` is {value!r}; expected {expected}.")
    return float(value)


def contractor_tick(number: int, action: Mapping[str, Any], state: Mapping[str, Any], previous: Tick | None) -> Tick:
    """One tick as the recorder writes it.

    `action` is MineRL's; `state` holds what the game knows at the frame, by the format's own names (`isGuiOpen`,
    `hotbar`, `yaw`, `xpos`, `inventory`, ...; `mouse` for the cursor's x and y), and whatever it leaves out gets a
    neutral value. `previous` is the tick before, which tells the newly pressed from the held. `isCursorDrawn`, which
    VPT's recorder does not write, says that the frame shows the cursor: an environment's picture does, a contractor's
    video does not.
    """
    moved = np.asarray(action.get("camera", (0.0, 0.0)), np.float64).reshape(2) / DEGREES_PER_PIXEL
    # Degrees in float32 miss whole pixels by their rounding.
    dy, dx = (float(round(way)) if math.isclose(way, round(way), rel_tol=2e-7) else way for way in moved.tolist())
    buttons = [button for name, button in MOUSE_BUTTONS.items() if _is_pressed(action.get(name, 0))]
    keys = [key for name, key in KEYBOARD.items() if _is_pressed(action.get(name, 0))]
    # A first tick with a newly pressed attack stands for a button that was stuck before: at the start nothing is new.
    held_buttons = buttons if previous is None else previous["mouse"]["buttons"]
    held_keys = [] if previous is None else previous["keyboard"]["keys"]
    mouse = {
        "x": 640.0, "y": 360.0, "dx": float(dx), "dy": float(dy),
        "scaledX": 0.0, "scaledY": 0.0, "dwheel": 0.0,
        "buttons": buttons, "newButtons": [button for button in buttons if button not in held_buttons],
    }  # fmt: skip
    tick = {
        "mouse": mouse,
        "keyboard": {"keys": keys, "newKeys": [key for key in keys if key not in held_keys], "chars": ""},
        "isGuiOpen": False, "isGuiInventory": False, "isCursorDrawn": True, "hotbar": 0,
        "yaw": 0.0, "pitch": 0.0, "xpos": 0.0, "ypos": 0.0, "zpos": 0.0,
        "tick": number, "milli": 50 * number, "inventory": [],
        "serverTick": number, "serverTickDurationMs": 50.0, "stats": {},
    }  # fmt: skip
    cursor = {name: float(value) for name, value in state.get("mouse", {}).items() if name in ("x", "y")}
    return {**tick, **state, "mouse": mouse | cursor}


def _is_pressed(value: Any) -> bool:
    """Whether a button's value, a number or an array of one, is not 0; numbers are quick."""
    return bool(value if isinstance(value, int) else np.any(value))


def to_json(tick: Tick) -> str:
    """One line of the file, without its line end. NumPy's numbers and arrays are written as Python's."""
    return json.dumps(tick, default=lambda value: value.tolist())
