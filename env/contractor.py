"""VPT's contractor format: one JSON object a tick, as the recorder of the game writes them."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from env.actions import BUTTONS, HOTBAR, Actions
from env.decoding import PathLike
from env.errors import RecordingError

DEGREES_PER_PIXEL = 360 / 2400
"""How far the view turns for a pixel of mouse movement."""
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
    """The slot selected, 0 to 8; None where the file does not tell."""

    @property
    def names(self) -> set[str]:
        """MineRL's names of what is held."""
        held = {NAME_OF_KEY.get(key) for key in self.keys} | {NAME_OF_MOUSE_BUTTON.get(key) for key in self.buttons}
        return {name for name in held if name is not None}


def read_contractor_actions(path: PathLike) -> Actions:
    """The actions of a VPT contractor recording's `.jsonl`, one a line.

    Mends what recorders got wrong: an attack button stuck from before the start is let go until it is pressed anew; a
    hotbar slot chosen by the wheel becomes its `hotbar.N`; a mouse or keyboard logged as null did nothing; a cut-off
    last line is left out. The camera keeps fractions of a degree. Raises `RecordingError` for a missing, empty or
    malformed file.
    """
    ticks = list(read_inputs(path))
    held = _without_stuck_attack(ticks)
    for names, wheeled in zip(held, _wheel_slots(ticks), strict=True):
        names |= wheeled
    buttons = np.array([[name in names for name in BUTTONS] for names in held])
    camera = np.array([(tick.dy, tick.dx) for tick in ticks]) * DEGREES_PER_PIXEL
    return Actions(buttons, camera.astype(np.float32))


def _without_stuck_attack(ticks: Sequence[PlayerInput]) -> list[set[str]]:
    """Names held in each tick. An attack that goes down in the first tick was held from before, and is none."""
    attack = MOUSE_BUTTONS["attack"]
    stuck = ticks[0].new_buttons == (attack,)
    held = []
    for number, tick in enumerate(ticks):
        stuck = stuck and not (number and attack in tick.new_buttons)
        held.append(tick.names - {"attack"} if stuck else tick.names)
    return held


def _wheel_slots(ticks: Sequence[PlayerInput]) -> Iterator[set[str]]:
    """The `hotbar.N` that the mouse wheel stands for in each tick.

    A key shows in the slot of its own tick or of the next one; any other change of the slot is the wheel's.
    """
    slot: int | None = None
    keyed: set[str] = set()
    for tick in ticks:
        changed = None not in (slot, tick.hotbar) and tick.hotbar != slot
        slot = slot if tick.hotbar is None else tick.hotbar
        yield {HOTBAR[slot]} - keyed if changed and slot is not None else set()
        keyed = tick.names & set(HOTBAR)


def read_inputs(path: PathLike) -> Iterator[PlayerInput]:
    """The lines of a contractor recording. A cut-off last line is left out. Raises `RecordingError`."""
    file = Path(path)
    if not file.is_file():
        raise RecordingError(f"{file}: no such file; expected the actions of a recording, one JSON object a line.")
    lines = file.read_bytes().rstrip().splitlines()
    if not lines:
        raise RecordingError(f"{file} is empty; expected one JSON object a tick.")
    for number, line in enumerate(lines, start=1):
        try:
            tick = json.loads(line)
        except ValueError as error:
            if number == len(lines) > 1:
                return
            raise RecordingError(f"{file}, line {number}: not JSON ({error}); expected one object a tick.") from error
        try:
            yield _parse(tick)
        except RecordingError as error:
            raise RecordingError(f"{file}, line {number}: {error}") from error


def _parse(tick: object) -> PlayerInput:
    if not isinstance(tick, dict) or not {"mouse", "keyboard"} & tick.keys():
        raise RecordingError("expected a JSON object with `mouse` and `keyboard`, as VPT's recorder writes.")
    mouse, keyboard = (_field(tick, name, dict, "an object") or {} for name in ("mouse", "keyboard"))
    hotbar = _field(tick, "hotbar", int, "a slot from 0 to 8")
    if hotbar is not None and not 0 <= hotbar < len(HOTBAR):
        raise RecordingError(f"`hotbar` is {hotbar}; expected a slot from 0 to 8.")
    return PlayerInput(
        keys=_members(keyboard, "keys", str),
        buttons=_members(mouse, "buttons", int),
        new_buttons=_members(mouse, "newButtons", int),
        dx=_pixels(mouse, "dx"),
        dy=_pixels(mouse, "dy"),
        hotbar=hotbar,
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


def _pixels(mouse: Mapping[str, Any], name: str) -> float:
    value = mouse.get(name) or 0.0
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise RecordingError(f"mouse `{name}` is {value!r}; expected a number of pixels.")
    return float(value)


def contractor_tick(number: int, action: Mapping[str, Any], state: Mapping[str, Any], previous: Tick | None) -> Tick:
    """One tick as the recorder writes it.

    `action` is MineRL's; `state` holds what the game knows at the frame, by the format's own names (`isGuiOpen`,
    `hotbar`, `yaw`, `xpos`, `inventory`, ...; `mouse` for the cursor's x and y), and whatever it leaves out gets a
    neutral value. `previous` is the tick before, which tells the newly pressed from the held.
    """
    pitch, yaw = np.asarray(action.get("camera", (0.0, 0.0)), np.float64).reshape(2)
    buttons = [button for name, button in MOUSE_BUTTONS.items() if np.any(action.get(name, 0))]
    keys = [key for name, key in KEYBOARD.items() if np.any(action.get(name, 0))]
    # A first tick with a newly pressed attack stands for a button that was stuck before: at the start nothing is new.
    held_buttons = buttons if previous is None else previous["mouse"]["buttons"]
    held_keys = [] if previous is None else previous["keyboard"]["keys"]
    mouse = {
        "x": 640.0, "y": 360.0, "dx": float(yaw) / DEGREES_PER_PIXEL, "dy": float(pitch) / DEGREES_PER_PIXEL,
        "scaledX": 0.0, "scaledY": 0.0, "dwheel": 0.0,
        "buttons": buttons, "newButtons": [button for button in buttons if button not in held_buttons],
    }  # fmt: skip
    tick = {
        "mouse": mouse,
        "keyboard": {"keys": keys, "newKeys": [key for key in keys if key not in held_keys], "chars": ""},
        "isGuiOpen": False, "isGuiInventory": False, "hotbar": 0,
        "yaw": 0.0, "pitch": 0.0, "xpos": 0.0, "ypos": 0.0, "zpos": 0.0,
        "tick": number, "milli": 50 * number, "inventory": [],
        "serverTick": number, "serverTickDurationMs": 50.0, "stats": {},
    }  # fmt: skip
    cursor = {name: float(value) for name, value in state.get("mouse", {}).items() if name in ("x", "y")}
    return {**tick, **state, "mouse": mouse | cursor}


def to_json(tick: Tick) -> str:
    """One line of the file, without its line end. NumPy's numbers and arrays are written as Python's."""
    return json.dumps(tick, default=lambda value: value.tolist())
