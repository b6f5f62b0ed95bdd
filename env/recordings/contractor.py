"""VPT's contractor format: one JSON object a tick, as the recorder of the game writes them."""

import codecs
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from env.errors import RecordingError
from env.recordings.keys import DEGREES_PER_PIXEL, KEYBOARD, MINECRAFT, MOUSE_BUTTONS, KeyTable, mouse_button
from env.video.container import PathLike

WINDOW_HEIGHT = 720
"""Lines of the window that the cursor's place is counted in; the recorded video is smaller."""
MAX_BYTES = 2**30
"""A larger file is no recording of play: VPT's are about 10 MiB."""
MAX_LINE = 2**20
"""A longer line is no tick: VPT's are about 2 KiB."""
MAX_TICKS = 10**6
"""Fourteen hours; VPT's recordings last five minutes."""
MAX_SHOWN = 60
"""Characters of a wrong value that a message repeats."""
MAX_HELD = 256
"""More keys than this are on no keyboard."""


class Limits(NamedTuple):
    """Which values of a field can be."""

    smallest: float
    largest: float
    expected: str
    whole: bool = False


_PIXELS, _PLACE = Limits(-1e7, 1e7, "a number of pixels"), Limits(-3.2e7, 3.2e7, "a number of blocks within the world")
_CURSOR = Limits(-1e5, 1e5, "a number of pixels on a screen")
MOUSE_LIMITS = {"dx": _PIXELS, "dy": _PIXELS, "x": _CURSOR, "y": _CURSOR}
LIMITS = {
    "hotbar": Limits(0, 8, "a slot from 0 to 8", whole=True),
    "yaw": Limits(-1e7, 1e7, "degrees"),  # turns add up
    "pitch": Limits(-180, 180, "degrees"),
    "xpos": _PLACE,
    "ypos": _PLACE,
    "zpos": _PLACE,
    "tick": Limits(0, 1e9, "a count of ticks", whole=True),
    "milli": Limits(0, 1e14, "a time in milliseconds"),
}
Tick = dict[str, Any]
"""One line of the file."""


@dataclass(frozen=True, slots=True)
class PlayerInput:
    """What mouse and keyboard did in a tick; null and missing values of the file are nothing done."""

    line: int
    """Its number in the file, from 1."""
    names: frozenset[str]
    """MineRL's names of the keys and mouse buttons that are held."""
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
    implausible: tuple[str, ...] = ()
    """Each value that cannot be: name, value, and what was expected."""
    unmapped: frozenset[str] = frozenset()
    """Keys and mouse buttons that are held and stand for no button in the key table, by their physical names."""
    items: frozenset[str] = frozenset()
    """What the player has, where the recorder wrote it."""

    @property
    def usable(self) -> bool:
        """Whether the line tells what the player did."""
        return self.complete and not self.implausible


@dataclass(frozen=True)
class ContractorFile:
    """A contractor recording's `.jsonl`, read."""

    ticks: tuple[PlayerInput, ...]
    """At least one."""
    cut_off: bool
    """Whether the last line was cut off, and left out."""
    blank: int = 0
    """How many lines before the last tick hold nothing; they are no ticks."""


class _NotJSONError(RecordingError):
    """A line that is not JSON, as one that was cut off."""


def read_contractor_file(path: PathLike, keys: KeyTable = MINECRAFT) -> ContractorFile:
    """The lines of a contractor recording, of any version of the recorder. A cut-off last line is left out.

    The file is UTF-8, with or without a byte order mark. Blank lines are passed over. A value that cannot be (see
    `LIMITS` and `KeyTable.largest_turn`) makes its tick unusable. Raises `RecordingError`, which names the line, for a
    missing, empty, huge or malformed file.
    """
    file = Path(path)
    if not file.is_file():
        raise RecordingError(f"{file}: no such file; expected the actions of a recording, one JSON object a line.")
    if file.stat().st_size > MAX_BYTES:
        raise RecordingError(f"{file} is larger than {MAX_BYTES >> 20} MiB; expected five minutes of play, or some.")
    try:
        found = _read_lines(file, keys)
    except RecordingError as error:
        raise RecordingError(f"{file}, {error}") from error
    if not found.ticks:
        raise RecordingError(f"{file} is empty; expected one JSON object a tick.")
    return found


def _read_lines(file: Path, keys: KeyTable) -> ContractorFile:
    ticks: list[PlayerInput] = []
    blank = blank_since = 0
    malformed: _NotJSONError | None = None
    for number, line in _lines(file):
        if not line:
            blank_since += 1
            continue
        if malformed is not None:
            raise malformed
        blank, blank_since = blank + blank_since, 0
        try:
            ticks.append(_parse(_fields(number, line), number, keys))
        except _NotJSONError as error:
            malformed = error  # unless it is the last line
        except RecordingError as error:
            raise RecordingError(f"line {number}: {error}") from error
        if len(ticks) > MAX_TICKS:
            raise RecordingError(f"line {number}: more than {MAX_TICKS} ticks; expected five minutes of play, or some.")
    if malformed is not None and not ticks:
        raise malformed
    if ticks and all(tick.implausible for tick in ticks):
        raise RecordingError(f"line {ticks[0].line}: {ticks[0].implausible[0]}; no other line is plausible, either.")
    return ContractorFile(tuple(ticks), malformed is not None, blank)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The number of each line, from 1, and what it holds without blanks at its ends."""
    with file.open("rb") as content:
        number = 0
        while line := content.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise RecordingError(f"line {number}: longer than {MAX_LINE >> 20} MiB; expected one object a tick.")
            yield number, (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip()


def _fields(number: int, line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except RecordingError:
        raise
    except (ValueError, RecursionError) as error:
        raise _NotJSONError(f"line {number}: not JSON ({error}); expected one object a tick.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RecordingError(f"{_brief(twice)} is given twice; expected each name once in an object.")
    return fields


def _parse(fields: object, line: int, table: KeyTable) -> PlayerInput:
    if not isinstance(fields, dict) or not {"mouse", "keyboard"} & fields.keys():
        raise RecordingError("expected a JSON object with `mouse` and `keyboard`, as VPT's recorder writes.")
    mouse, keyboard = (_field(fields, name, dict, "an object") for name in ("mouse", "keyboard"))
    complete = mouse is not None and keyboard is not None
    mouse, keyboard = mouse or {}, keyboard or {}
    numbers: dict[str, float | None] = {}
    implausible: list[str] = []
    for source, limits in ((mouse, MOUSE_LIMITS), (fields, LIMITS)):
        for name, limit in limits.items():
            numbers[name] = value = _number(source, name, limit)
            if value is None and source.get(name) is not None:
                implausible.append(f"`{name}` is {_brief(source[name])}; expected {limit.expected}")
    most = table.most_pixels
    for name in ("dx", "dy"):
        pixels = numbers[name] or 0.0
        if abs(pixels) > most:
            turn = abs(pixels) * table.degrees_per_pixel
            implausible.append(f"`{name}` is {pixels:g}, a turn of {turn:g}°; expected {most:g} pixels at most")
    hotbar, x, y = numbers["hotbar"], numbers["x"], numbers["y"]
    gui, drawn = _flag(fields, "isGuiOpen"), _flag(fields, "isCursorDrawn")
    keys, buttons = _members(keyboard, "keys", str), _members(mouse, "buttons", int)
    held = {*keys, *map(mouse_button, buttons)}
    return PlayerInput(
        line=line,
        names=frozenset(table.keys[key] for key in held & table.keys.keys()),
        new_buttons=_members(mouse, "newButtons", int),
        dx=numbers["dx"] or 0.0,
        dy=numbers["dy"] or 0.0,
        hotbar=None if hotbar is None else int(hotbar),
        gui=gui,
        cursor=(x, y) if gui and not drawn and x is not None and y is not None else None,
        tick=numbers["tick"],
        milli=numbers["milli"],
        complete=complete,
        implausible=tuple(implausible),
        unmapped=frozenset(held - table.keys.keys()),
        items=_items(fields.get("inventory")),
    )


def _items(inventory: object) -> frozenset[str]:
    """The names of what is in an inventory; nothing where it is not written as VPT's recorder does."""
    stacks = inventory[:MAX_HELD] if isinstance(inventory, list) else []
    names = [stack.get("type") for stack in stacks if isinstance(stack, dict)]
    return frozenset(name for name in names if isinstance(name, str))


def _field(fields: Mapping[str, Any], name: str, kind: type, expected: str) -> Any:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise RecordingError(f"`{name}` is {_brief(value)}; expected {expected}.")
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value not in (None, False, True):
        raise RecordingError(f"`{name}` is {_brief(value)}; expected true or false.")
    return bool(value)


def _members(fields: Mapping[str, Any], name: str, kind: type) -> tuple[Any, ...]:
    members = _field(fields, name, list, "a list") or []
    if len(members) > MAX_HELD:
        raise RecordingError(f"`{name}` has {len(members)} members; expected {MAX_HELD} at most.")
    if not all(isinstance(member, kind) and not isinstance(member, bool) for member in members):
        raise RecordingError(f"`{name}` is {_brief(members)}; expected a list of {kind.__name__}.")
    return tuple(members)


def _number(fields: Mapping[str, Any], name: str, limit: Limits) -> float | None:
    """The value of a field, None where there is none that can be."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise RecordingError(f"`{name}` is {_brief(value)}; expected {limit.expected}.")
    if value is None or not limit.smallest <= value <= limit.largest or (limit.whole and value != int(value)):
        return None
    return float(value)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


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
