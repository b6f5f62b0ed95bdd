"""What a mirrored clip says of the clip itself: left and right change places, and the view turns the other way.

The hotbar lies in the middle of the picture: its first slot appears where the last one is.
"""

from torch import Tensor

from env.actions import BUTTONS, HOTBAR


def mirrored_buttons() -> list[int]:
    """For each of the 20 buttons, the one that is pressed in its place in a mirrored clip."""
    swapped = {"left": "right", "right": "left", **dict(zip(HOTBAR, reversed(HOTBAR), strict=True))}
    return [BUTTONS.index(swapped.get(name, name)) for name in BUTTONS]


def mirror_buttons(log_probs: Tensor) -> Tensor:
    """Log-probabilities of the buttons (..., 20, 2), seen in a mirror: the same shape."""
    return log_probs[..., mirrored_buttons(), :]


def mirror_camera(log_probs: Tensor) -> Tensor:
    """Log-probabilities of the camera's bins (..., 2, bins), pitch and yaw, seen in a mirror: the same shape."""
    mirrored = log_probs.clone()
    mirrored[..., 1, :] = log_probs[..., 1, :].flip(-1)  # the bins lie symmetrically about no turn
    return mirrored
