"""Actions as the generator sees them, and the short scripts people write them in."""

import re

import numpy as np
import torch
from torch import Tensor

from env.actions import BUTTONS, Actions
from env.errors import GhostkeysError

CAMERA_SCALE = 10.0
"""Degrees a tick that count as one; VPT's camera bins end there."""
ACTION_FEATURES = len(BUTTONS) + 4


def action_features(actions: Actions) -> Tensor:
    """float32 (T, ACTION_FEATURES): the buttons as 0 or 1, the camera in tens of degrees, and its mu-law compression.

    The linear copy tells how far the picture moves; the compressed one makes slow turns as visible as fast ones.
    """
    camera = np.clip(actions.camera / CAMERA_SCALE, -4.0, 4.0)
    compressed = np.sign(camera) * np.log1p(10.0 * np.abs(camera)) / np.log1p(10.0)
    features = np.concatenate([actions.buttons.astype(np.float32), camera, compressed], axis=1)
    return torch.from_numpy(features.astype(np.float32))


def parse_actions(script: str) -> Actions:
    """Reads a script such as `20*forward+sprint 10*yaw=5 3*none`: ticks of buttons held and degrees turned a tick.

    `yaw` is positive to the right, `pitch` down. Raises `GhostkeysError`, naming the word that makes no sense.
    """
    runs = [_parse_word(word) for word in script.split()]
    if not runs:
        raise GhostkeysError("the action script is empty; write for example '20*forward 10*yaw=5'.")
    return Actions.concatenate(runs)


def _parse_word(word: str) -> Actions:
    match = re.fullmatch(r"(?:(\d+)\*)?(\S+)", word)
    assert match is not None  # a word has no spaces and at least one letter
    ticks = int(match[1] or 1)
    actions = Actions.none(ticks)
    buttons, camera = actions.buttons.copy(), actions.camera.copy()
    for term in match[2].split("+"):
        name, _, value = term.partition("=")
        if name in BUTTONS and not value:
            buttons[:, BUTTONS.index(name)] = True
        elif name in ("pitch", "yaw") and re.fullmatch(r"-?\d+(\.\d+)?", value):
            camera[:, ("pitch", "yaw").index(name)] = float(value)
        elif term != "none":
            raise GhostkeysError(
                f"{term!r} in {word!r} is no action; write a button ({', '.join(BUTTONS[:9])}, …), "
                "pitch=DEGREES, yaw=DEGREES or none, joined by +, with a count in front: 20*forward+yaw=2."
            )
    return Actions(buttons, camera)
