"""VPT's contractor format: one JSON object a tick, as the recorder of the game writes them."""

import json
import math
from collections.abc import Iterator, Mapping
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


def read_contractor_actions(path: PathLike) -> Actions:
    """The actions of a VPT contractor recording's `.jsonl`, one a line.

    Mends what recorders got wrong: an attack button stuck from before the start is let go until it is pressed anew; a
    hotbar slot chosen by the wheel becomes its `hotbar.N`; a mouse or keyboard logged as null did nothing; a cut-off
    last line is left out. The camera keeps fractions of a degree. Raises `RecordingError` for a missing, empty or
    malformed file.
    """
    ticks = list(read_ticks(path))
    actions = Actions.none(len(ticks))
    stuck = _list(ticks[0], "mouse", "newButtons") == [MOUSE_BUTTONS["attack"]]
    slot = ticks[0].get("hotbar")
    keyed: set[str] = set()
    for number, tick in enumerate(ticks):
        pressed = _names(tick)
        if number and MOUSE_BUTTONS["attack"] in _list(tick, "mouse", "newButtons"):
            stuck = False
        if stuck:
            pressed.discard("attack")
        previous, slot = slot, tick.get("hotbar", slot)
        just_keyed, keyed = keyed, pressed & set(HOTBAR)
        if slot != previous and isinstance(slot, int) and 0 <= slot < len(HOTBAR):
            # A key shows in the slot of its own tick or of the next one; any other change is the wheel's.
            pressed |= {HOTBAR[slot]} - just_keyed
        actions.buttons[number] = [name in pressed for name in BUTTONS]
        actions.camera[number] = [
            _number(path, number, tick, "dy") * DEGREES_PER_PIXEL,
            _number(path, number, tick, "dx") * DEGREES_PER_PIXEL,
        ]
    return actions


def read_ticks(path: PathLike) -> Iterator[Tick]:
    """The JSON objects of a contractor recording. A cut-off last line is left out. Raises `RecordingError`."""
    file = Path(path)
    if not file.is_file():
        raise RecordingError(f"{file}: no such file; expected the actions of a recording, one JSON object a line.")
    lines = file.read_bytes().splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        try:
            tick = json.loads(line)
        except ValueError as error:
            if number == len(lines) > 1:
                return
            raise RecordingError(
                f"{file}, line {number}: not JSON ({error}); expected one JSON object a tick."
            ) from error
        if not isinstance(tick, dict) or not {"mouse", "keyboard"} & tick.keys():
            raise RecordingError(
                f"{file}, line {number}: expected a JSON object with `mouse` and `keyboard`, as VPT's recorder writes."
            )
        yield tick
    if not lines:
        raise RecordingError(f"{file} is empty; expected one JSON object a tick.")


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


def _names(tick: Tick) -> set[str]:
    """MineRL names of the buttons held."""
    keys = {NAME_OF_KEY.get(key) for key in _list(tick, "keyboard", "keys")}
    buttons = {NAME_OF_MOUSE_BUTTON.get(button) for button in _list(tick, "mouse", "buttons")}
    return {name for name in keys | buttons if name is not None}


def _list(tick: Tick, device: str, field: str) -> list[Any]:
    return (tick.get(device) or {}).get(field) or []


def _number(path: PathLike, number: int, tick: Tick, field: str) -> float:
    value = (tick.get("mouse") or {}).get(field) or 0.0
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise RecordingError(f"{path}, line {number + 1}: mouse `{field}` is {value!r}; expected a number of pixels.")
    return float(value)
