"""What a contractor did, from what the recorder wrote; and what OpenAI's published loader makes of the same lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS, HOTBAR, Actions
from env.errors import GhostkeysError
from env.recordings.contractor import PlayerInput, read_contractor_file
from env.recordings.keys import MINECRAFT, MOUSE_BUTTONS, KeyTable, key_table, mouse_button
from env.video.container import PathLike

GUI_MOUSE_SCALES = {"5.7": 0.5, "5.8": 0.5, "6.7": 2.0, "6.8": 2.0, "6.9": 2.0}
"""What mouse movement in an open GUI is to be multiplied by, by version of the recorder."""
Compat = Literal["openai"]


@dataclass(frozen=True, kw_only=True)
class ContractorOptions:
    """How the lines of a contractor recording are read. The defaults give what the player did.

    All but the first two repeat accidents and omissions of OpenAI's published loader
    (openai/Video-Pre-Training, `data_loader.py`); `compat="openai"` switches these on together.
    """

    version: str | None = None
    """Version of the recorder, such as "6.8"; by default the name of the file's folder, as in the index files."""
    escape_as_inventory: bool = False
    """Escape in an open GUI closes it and counts as the inventory button, as in VPT's own training data."""

    truncate_camera: bool = False
    """Degrees are cut off to whole numbers, which loses about half of all slow mouse movement (its issue #54)."""
    ignore_gui_mouse_scale: bool = False
    """The scales of mouse movement in a GUI are declared but never used."""
    press_every_slot_change: bool = False
    """Each change of the hotbar's slot presses its key, also the first tick's slot and a key that was pressed just
    before; slots count from 0."""
    lose_lone_hotbar: bool = False
    """The wheel is not seen in a tick where nothing else happens."""
    drop_null: bool = False
    """Ticks in which nothing happens are left out."""
    assume_aligned: bool = False
    """Line i belongs to frame i, whatever the recorder's own counts say."""


PUBLISHED_LOADER = ContractorOptions(
    truncate_camera=True,
    ignore_gui_mouse_scale=True,
    press_every_slot_change=True,
    lose_lone_hotbar=True,
    drop_null=True,
    assume_aligned=True,
)
"""What `compat="openai"` stands for."""


@dataclass(frozen=True, eq=False)
class Play:
    """The lines of a contractor recording as actions, all of them (T)."""

    actions: Actions
    null: NDArray[np.bool_]
    """(T,) nothing happens: no key that has a name, no mouse button, not a pixel of movement, no wheel."""
    cursor: NDArray[np.float64]
    """(T, 2) x and y of the cursor to be drawn, in a window of 720 lines; NaN where there is none."""
    usable: NDArray[np.bool_]
    """(T,) False where mouse or keyboard were not logged, or a value is none that can be."""
    gui: NDArray[np.bool_]
    """(T,) whether a screen with a cursor is open."""
    unmapped: tuple[frozenset[str], ...]
    """(T) the physical keys held that stand for no button in the key table."""

    @classmethod
    def of(cls, ticks: Sequence[PlayerInput], options: ContractorOptions, keys: KeyTable = MINECRAFT) -> Self:
        """What the player did at each line."""
        held = _without_stuck_attack(ticks, keys)
        still = [not names and not tick.dx and not tick.dy for names, tick in zip(held, ticks, strict=True)]
        changes = _every_slot_change(ticks) if options.press_every_slot_change else _wheel_slots(ticks)
        wheeled = [
            set() if idle and options.lose_lone_hotbar else slots for idle, slots in zip(still, changes, strict=True)
        ]
        pressed = [{*names, *slots} for names, slots in zip(held, wheeled, strict=True)]
        if options.escape_as_inventory:
            for names, tick in zip(pressed, ticks, strict=True):
                if tick.gui and "ESC" in names:
                    names.add("inventory")
        buttons = np.array([[name in names for name in BUTTONS] for names in pressed])
        cursor = np.array([tick.cursor or (np.nan, np.nan) for tick in ticks], np.float64)
        null = np.array([idle and not slots for idle, slots in zip(still, wheeled, strict=True)])
        usable = np.array([tick.usable for tick in ticks])
        gui = np.array([tick.gui for tick in ticks])
        unmapped = tuple(tick.unmapped for tick in ticks)
        return cls(Actions(buttons, _camera(ticks, options, keys)), null, cursor, usable, gui, unmapped)

    def __getitem__(self, lines: NDArray[np.int64]) -> "Play":
        """Some of the lines, by their numbers."""
        unmapped = tuple(self.unmapped[line] for line in lines)
        parts = (self.null[lines], self.cursor[lines], self.usable[lines], self.gui[lines])
        return Play(self.actions[lines], *parts, unmapped)


def read_contractor_actions(
    path: PathLike, compat: Compat | None = None, *, keys: KeyTable | PathLike | None = None, **options: Any
) -> Actions:
    """The actions of a VPT contractor recording's `.jsonl`, one a line, at whatever rate they were written.

    Mends what recorders got wrong: an attack button stuck from before the start is let go until it is pressed anew; a
    hotbar slot chosen by the wheel becomes its `hotbar.N`; a mouse or keyboard logged as null did nothing; a cut-off
    last line is left out; movement in a GUI has one scale in all versions. The camera keeps fractions of a degree.

    `compat="openai"` gives the items of OpenAI's published loader instead, its accidents included and ticks without
    any input left out. Each of these, and some choices, is an option by a name of its own: see `ContractorOptions`.
    `keys` is the key table of another game, or the YAML file that holds it. Raises `RecordingError` for a missing,
    empty or malformed file, `GhostkeysError` for such a table or for one together with `compat`.
    """
    chosen, table = reading_options(path, compat, options), reading_keys(path, compat, keys)
    play = Play.of(read_contractor_file(path, table).ticks, chosen, table)
    return play.actions[~play.null] if chosen.drop_null else play.actions


def reading_options(path: PathLike, compat: Compat | None, options: dict[str, Any]) -> ContractorOptions:
    """The defaults of `compat`, with options changed by name, and the recorder's version from the file's folder.

    Raises `TypeError` for a name that is none.
    """
    if compat not in (None, "openai"):
        raise ValueError(f'compat is {compat!r}; expected None or "openai".')
    known = [field.name for field in fields(ContractorOptions)]
    unknown = ", ".join(sorted(options.keys() - set(known)))
    if unknown:
        raise TypeError(f"there is no option {unknown} of contractor recordings; expected some of {', '.join(known)}.")
    chosen = replace(PUBLISHED_LOADER if compat else ContractorOptions(), **options)
    return chosen if chosen.version else replace(chosen, version=Path(path).absolute().parent.name)


def reading_keys(path: PathLike, compat: Compat | None, keys: KeyTable | PathLike | None) -> KeyTable:
    """The key table by which a recording is read. Raises `GhostkeysError` for one together with `compat`."""
    if compat is not None and keys is not None:
        raise GhostkeysError(
            f"{path}: OpenAI's loader knows Minecraft's keys only; expected no key table with `compat`."
        )
    return key_table(keys)


def _camera(ticks: Sequence[PlayerInput], options: ContractorOptions, keys: KeyTable) -> NDArray[np.float32]:
    """(T, 2) degrees, pitch and yaw."""
    scale = 1.0 if options.ignore_gui_mouse_scale else GUI_MOUSE_SCALES.get(options.version or "", 1.0)
    scales = np.array([scale if tick.gui else 1.0 for tick in ticks])
    degrees = np.array([(tick.dy, tick.dx) for tick in ticks]) * scales[:, None] * keys.degrees_per_pixel
    camera: NDArray[np.float64] = np.trunc(degrees) if options.truncate_camera else degrees
    return camera.astype(np.float32)


def _without_stuck_attack(ticks: Sequence[PlayerInput], keys: KeyTable) -> list[frozenset[str]]:
    """Names held in each tick. A left mouse button that goes down in the first was held from before, and is none."""
    left = MOUSE_BUTTONS["attack"]
    name = keys.keys.get(mouse_button(left))
    stuck = ticks[0].new_buttons == (left,)
    held = []
    for number, tick in enumerate(ticks):
        stuck = stuck and not (number and left in tick.new_buttons)
        held.append(tick.names - {name} if stuck else tick.names)
    return held


def _wheel_slots(ticks: Sequence[PlayerInput]) -> Iterator[set[str]]:
    """The `hotbar.N` that the mouse wheel stands for in each tick.

    A key shows in the slot of its own tick or of the next one; any other change of the slot is the wheel's.
    """
    slot: int | None = None
    keyed: frozenset[str] = frozenset()
    for tick in ticks:
        changed = None not in (slot, tick.hotbar) and tick.hotbar != slot
        slot = slot if tick.hotbar is None else tick.hotbar
        yield {HOTBAR[slot]} - keyed if changed and slot is not None else set()
        keyed = tick.names & set(HOTBAR)


def _every_slot_change(ticks: Sequence[PlayerInput]) -> Iterator[set[str]]:
    """The `hotbar.N` of each slot that differs from the one before, which is the first at the start."""
    slot = 0
    for tick in ticks:
        before, slot = slot, slot if tick.hotbar is None else tick.hotbar
        yield {HOTBAR[slot]} if slot != before else set()
