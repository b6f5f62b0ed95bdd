"""VPT's joint (hierarchical) actions: one index for all buttons, one for the camera."""

from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from env.actions import BUTTONS, HOTBAR

# One member of each group at most is pressed; 0 stands for none. The last group varies fastest.
GROUPS: tuple[tuple[str, ...], ...] = (
    HOTBAR, ("forward", "back"), ("left", "right"), ("sprint", "sneak"), ("use",), ("drop",), ("attack",), ("jump",),
    ("camera",),
)  # fmt: skip
OPPOSITES = (("forward", "back"), ("left", "right"))
"""Groups whose members cancel; in the others the later member wins."""
CAMERA_BINS = 11
"""VPT's, of `CameraQuantizer` with its default settings."""


def is_null(
    buttons: ArrayLike, camera_bins: ArrayLike, *, null_bin: int = CAMERA_BINS // 2, null_test_never_fires: bool = False
) -> NDArray[np.bool_]:
    """(...) whether a factored action, (..., 20) buttons and (..., 2) camera bins, does nothing.

    VPT trained its policies without these ticks (arXiv 2206.11795, appendix). OpenAI's published test never finds
    one, because it compares the bins with a method instead of that method's value; `null_test_never_fires` does as it
    does.
    """
    idle = ~np.asarray(buttons, bool).any(axis=-1) & (np.asarray(camera_bins) == null_bin).all(axis=-1)
    return np.zeros_like(idle) if null_test_never_fires else idle


class JointMapping:
    """Factored actions (20 buttons, two camera bins) <-> joint indices, for arrays of any leading shape.

    8,640 combinations of the button groups (the last group says whether the camera turns at all), then one index for
    the inventory; 121 pairs of camera bins (VPT, arXiv 2206.11795, appendix on the action space), or the square of any
    other odd number of `camera_bins`. Lossy: of conflicting buttons one or none survives, and the inventory button
    hides all the others and the camera.
    """

    def __init__(self, camera_bins: int = CAMERA_BINS) -> None:
        if camera_bins < 1 or camera_bins % 2 == 0:
            raise ValueError(f"camera_bins is {camera_bins}; it must be odd, so that the middle bin means no turn.")
        self.camera_bins = camera_bins
        combinations = np.array(list(product(*(range(len(group) + 1) for group in GROUPS))))  # (8640, groups)
        self.button_count = len(combinations) + 1
        self.camera_count = camera_bins**2
        self.inventory = len(combinations)
        """Index of the inventory button."""
        self.null_button, self.null_camera = 0, self.camera_count // 2
        """Indices of doing nothing."""
        self._buttons = np.zeros((self.button_count, len(BUTTONS)), bool)
        self._turns = np.ones(self.button_count, bool)
        self._turns[:-1] = combinations[:, -1] == 1
        for column, group in zip(combinations.T[:-1], GROUPS[:-1], strict=True):
            for member, name in enumerate(group, start=1):
                self._buttons[:-1, BUTTONS.index(name)] = column == member
        self._buttons[self.inventory, BUTTONS.index("inventory")] = True

    def encode(self, buttons: ArrayLike, camera_bins: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(..., 20) buttons and (..., 2) bins -> (...) button index, (...) camera index."""
        pressed, bins = np.asarray(buttons, bool), self._checked(camera_bins, self.camera_bins, "camera bin")
        turns = (bins != self.camera_bins // 2).any(axis=-1)
        button_index = np.zeros(pressed.shape[:-1], np.int64)
        for group in GROUPS[:-1]:
            button_index = button_index * (len(group) + 1) + _member(pressed, group)
        button_index = button_index * 2 + turns
        camera_index = bins[..., 0] * self.camera_bins + bins[..., 1]
        inventory = pressed[..., BUTTONS.index("inventory")]
        return np.where(inventory, self.inventory, button_index), np.where(inventory, self.null_camera, camera_index)

    def decode(self, button_index: ArrayLike, camera_index: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """(...) button index and (...) camera index -> (..., 20) buttons, (..., 2) camera bins.

        The camera index counts only if the button index says that the camera turns. The inventory's says so too: no
        encoded action asks for it, but a policy may sample the pair, and VPT's agents then turn.
        """
        joint = self._checked(button_index, self.button_count, "button index")
        turn = self._checked(camera_index, self.camera_count, "camera index")
        bins = np.stack(np.divmod(turn, self.camera_bins), axis=-1)
        return self._buttons[joint], np.where(self._turns[joint][..., None], bins, self.camera_bins // 2)

    @staticmethod
    def _checked(values: ArrayLike, count: int, name: str) -> NDArray[np.int64]:
        array = np.asarray(values, np.int64)
        if array.size and (array.min() < 0 or array.max() >= count):
            raise ValueError(f"{name} {array.min()} to {array.max()} is out of range: expected 0 to {count - 1}.")
        return array


def _member(pressed: NDArray[np.bool_], group: tuple[str, ...]) -> NDArray[np.int64]:
    """(...) which member of the group counts, from 1; 0 is none."""
    member = np.zeros(pressed.shape[:-1], np.int64)
    for number, name in enumerate(group, start=1):
        member = np.where(pressed[..., BUTTONS.index(name)], number, member)
    if group in OPPOSITES:
        both = pressed[..., [BUTTONS.index(name) for name in group]].all(axis=-1)
        member = np.where(both, 0, member)
    return member
