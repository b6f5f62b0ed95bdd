"""What a player does in a tick: the buttons held and how far the view turns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from env.checks import as_numbers, did_you_mean, shown
from env.errors import GhostkeysError

HOTBAR = tuple(f"hotbar.{slot}" for slot in range(1, 10))

BUTTONS: tuple[str, ...] = (
    "attack", "back", "forward", "jump", "left", "right", "sneak", "sprint", "use", "drop", "inventory", *HOTBAR,
)  # fmt: skip
"""The 20 buttons VPT predicts, by their MineRL names, in VPT's order."""

MINERL_KEYS: tuple[str, ...] = (
    "ESC", "attack", "back", "camera", "drop", "forward", *HOTBAR,
    "inventory", "jump", "left", "pickItem", "right", "sneak", "sprint", "swapHands", "use",
)  # fmt: skip
"""The 24 names of MineRL's action space, in its order."""

MAX_TURN = 180.0
"""Bound of MineRL's camera, in degrees a tick."""

_KEYS = frozenset(MINERL_KEYS)
_HELD = {0: False, 1: True}


class TickAction(NamedTuple):
    """One tick's action, checked."""

    held: frozenset[str]
    """MineRL's names of the keys that are down."""
    camera: tuple[float, float]
    """Degrees (pitch, yaw) that the view turns down and to the right."""


def read_action(action: Mapping[str, Any]) -> TickAction:
    """Checks one tick's MineRL action, in whatever numbers it comes; every environment reads its actions with this.

    Keys that are left out are not held, and a `camera` that is left out does not turn, as in MineRL. A button is 0 or
    1: a Python or NumPy number, or an array of one. `camera` is two finite numbers within +-`MAX_TURN`, the bound of
    MineRL's action space, of shape (2,) or (1, 2); larger ones are not clipped, because an agent that turns by less
    than it asked for would not know. Raises `GhostkeysError`, which names the key, for anything else.
    """
    if not isinstance(action, Mapping):
        raise GhostkeysError(f"the action is {shown(action)}; expected a dict of MineRL's keys.")
    if not action.keys() <= _KEYS:
        _check_names(action)
    held, camera = [], (0.0, 0.0)
    for name, value in action.items():
        if name == "camera":
            camera = _turn(value)
        elif _is_held(name, value):
            held.append(name)
    return TickAction(frozenset(held), camera)


def _is_held(name: str, value: Any) -> bool:
    try:
        held = _HELD.get(value)  # equal numbers have equal hashes, NumPy's included
    except TypeError:  # an array
        held = None
    if held is None:
        numbers = as_numbers(value)
        held = _HELD.get(numbers.item()) if numbers is not None and numbers.size == 1 else None
    if held is None:
        raise GhostkeysError(f"{name!r} is {shown(value)}; expected 0 or 1.")
    return held


def _turn(value: Any) -> tuple[float, float]:
    numbers = as_numbers(value)
    if numbers is None or numbers.shape not in ((2,), (1, 2)) or numbers.dtype == np.bool_:
        raise GhostkeysError(f"'camera' is {shown(value)}; expected two numbers, (pitch, yaw) in degrees.")
    pitch, yaw = numbers.reshape(2).tolist()
    if not (-MAX_TURN <= pitch <= MAX_TURN and -MAX_TURN <= yaw <= MAX_TURN):  # NaN fails, too
        raise GhostkeysError(f"'camera' is {shown(value)}; expected degrees from {-MAX_TURN:g} to {MAX_TURN:g}.")
    return float(pitch), float(yaw)


@dataclass(frozen=True, eq=False)
class Actions:
    """A run of ticks. Buttons follow `BUTTONS`; camera is (pitch, yaw) in degrees, positive is down and right.

    `len(actions)` is T, `actions[a:b]` a shorter run (an index array or a mask works too).
    """

    buttons: NDArray[np.bool_]
    """(T, 20)"""
    camera: NDArray[np.float32]
    """(T, 2)"""

    def __post_init__(self) -> None:
        buttons, camera = np.asarray(self.buttons, bool), np.asarray(self.camera, np.float32)
        length = len(camera) if camera.ndim else 0
        if buttons.shape != (length, len(BUTTONS)) or camera.shape != (length, 2):
            raise ValueError(
                f"buttons of shape {buttons.shape} and camera of shape {camera.shape} are no run of ticks: "
                f"expected (T, {len(BUTTONS)}) and (T, 2)."
            )
        object.__setattr__(self, "buttons", buttons)
        object.__setattr__(self, "camera", camera)

    @classmethod
    def none(cls, length: int) -> Self:
        """`length` ticks of doing nothing."""
        return cls(np.zeros((length, len(BUTTONS)), bool), np.zeros((length, 2), np.float32))

    @classmethod
    def concatenate(cls, runs: Sequence["Actions"]) -> Self:
        """One run after the other."""
        if not runs:
            return cls.none(0)
        return cls(np.concatenate([run.buttons for run in runs]), np.concatenate([run.camera for run in runs]))

    @classmethod
    def from_minerl(cls, actions: Iterable[Mapping[str, Any]] | Mapping[str, Any]) -> Self:
        """From MineRL's dicts, one a tick, or from one dict of arrays over the ticks: (T,) a button, (T, 2) the camera.

        A missing name is a button not pressed or a view not turned. ESC, pickItem and swapHands have no place among
        the 20 buttons and vanish. Raises `GhostkeysError` for what `read_action` refuses, and for arrays of unequal
        lengths.
        """
        if isinstance(actions, Mapping):
            return cls._from_arrays(actions)
        ticks = [read_action(action) for action in actions]
        buttons = np.array([[name in tick.held for name in BUTTONS] for tick in ticks], bool)
        camera = np.array([tick.camera for tick in ticks], np.float32)
        return cls(buttons.reshape(-1, len(BUTTONS)), camera.reshape(-1, 2))

    @classmethod
    def _from_arrays(cls, actions: Mapping[str, Any]) -> Self:
        _check_names(actions)
        camera = _turns(actions.get("camera", (0.0, 0.0)))
        pressed = {name: _presses(name, actions[name]) for name in BUTTONS if name in actions}
        lengths = {name: len(values) for name, values in pressed.items()} | {"camera": len(camera)}
        length = max(lengths.values(), default=0) if "camera" not in actions else len(camera)
        for name, found in lengths.items():
            if found not in (1, length):
                raise GhostkeysError(f"{name!r} has {found} ticks; expected {length} as in the rest of the action.")
        nothing = np.zeros(1, bool)
        columns = [np.broadcast_to(pressed.get(name, nothing), length) for name in BUTTONS]
        return cls(np.stack(columns, axis=-1), np.broadcast_to(camera, (length, 2)).copy())

    def to_minerl_arrays(self) -> dict[str, NDArray[Any]]:
        """One dict of arrays with all 24 of MineRL's names: int64 (T,) for each button, float32 (T, 2) the camera."""
        columns = dict(zip(BUTTONS, self.buttons.T.astype(np.int64), strict=True))
        nothing = np.zeros(len(self), np.int64)
        arrays: dict[str, NDArray[Any]] = {name: columns.get(name, nothing.copy()) for name in MINERL_KEYS}
        return {**arrays, "camera": self.camera.copy()}

    def to_minerl(self) -> list[dict[str, Any]]:
        """MineRL's dicts, one a tick, with all 24 names: an int for each button, float32 (2,) for the camera."""
        dicts = []
        for pressed, camera in zip(self.buttons, self.camera, strict=True):
            action = no_op()
            action.update(zip(BUTTONS, pressed.astype(int).tolist(), strict=True))
            action["camera"] = camera.copy()
            dicts.append(action)
        return dicts

    def button(self, name: str) -> NDArray[np.bool_]:
        """(T,) whether the button of that MineRL name is held."""
        return self.buttons[:, BUTTONS.index(name)]

    def __len__(self) -> int:
        return len(self.camera)

    def __getitem__(self, ticks: slice | NDArray[Any] | Sequence[int]) -> "Actions":
        return Actions(self.buttons[ticks], self.camera[ticks])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Actions):
            return NotImplemented
        return np.array_equal(self.buttons, other.buttons) and np.array_equal(self.camera, other.camera)

    __hash__ = None  # type: ignore[assignment]  # arrays can change


def minerl_action_space() -> spaces.Dict:
    """MineRL's action space: 23 buttons of 0 or 1 and the camera's turn in degrees (pitch, yaw) within +-180."""
    camera = spaces.Box(-MAX_TURN, MAX_TURN, (2,), np.float32)
    return spaces.Dict({name: camera if name == "camera" else spaces.Discrete(2) for name in MINERL_KEYS})


def no_op() -> dict[str, Any]:
    """MineRL's action of doing nothing."""
    return {name: np.zeros(2, np.float32) if name == "camera" else 0 for name in MINERL_KEYS}


def _presses(name: str, value: Any) -> NDArray[np.bool_]:
    """(T,) one button over the ticks."""
    numbers = as_numbers(value)
    if numbers is None or not np.isin(numbers, (0, 1)).all():
        raise GhostkeysError(f"{name!r} is {shown(value)}; expected 0 or 1 at each tick.")
    return numbers.astype(bool).reshape(-1)


def _turns(value: Any) -> NDArray[np.float32]:
    """(T, 2) degrees over the ticks."""
    numbers = as_numbers(value)
    if numbers is None or numbers.size % 2 or (numbers.ndim > 1 and numbers.shape[-1] != 2):
        raise GhostkeysError(f"'camera' is {shown(value)}; expected (T, 2) numbers, (pitch, yaw) in degrees.")
    if not (np.abs(numbers) <= MAX_TURN).all():  # NaN fails, too
        raise GhostkeysError(f"'camera' is {shown(value)}; expected degrees from {-MAX_TURN:g} to {MAX_TURN:g}.")
    return numbers.astype(np.float32).reshape(-1, 2)


def _check_names(action: Mapping[str, ArrayLike]) -> None:
    for name in action.keys() - _KEYS:
        raise GhostkeysError(f"{name!r} is no name of MineRL's action space: {did_you_mean(name, MINERL_KEYS)}")
