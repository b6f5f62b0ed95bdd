"""Small real things: clips of panned noise with known actions, and a tiny model."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from env import BUTTONS, Actions
from env.recordings.recording import RecordingWriter
from idm.config import IDMConfig
from idm.nn.motion import MotionScale
from learning.data import Episode

SIZE = (32, 32)
PIXELS_PER_DEGREE = 0.4
TINY = IDMConfig(
    frame_size=SIZE,
    window=16,
    motion=(
        MotionScale(size=(32, 32), radius=(4, 4), grid=(2, 2)),
        MotionScale(size=(32, 32), radius=(2, 2), grid=(4, 4), follow=True),
    ),
    appearance_patch=4,
    appearance_channels=(8, 8),
    appearance_outputs=16,
    width=32,
    temporal_depth=1,
    depth=1,
    heads=2,
    reach=4,
)


def panned_noise(length: int, *, seed: int) -> tuple[NDArray[np.uint8], Actions]:
    """A view panned over noise; forward brightens a corner, as a hand would show, one tick later."""
    rng = np.random.default_rng(seed)
    canvas = np.kron(rng.integers(0, 200, (128, 128, 3)), np.ones((2, 2, 1))).astype(np.uint8)
    camera = np.repeat(rng.uniform(-8.0, 8.0, (length // 4 + 1, 2)), 4, axis=0)[:length].astype(np.float32)
    buttons = np.zeros((length, len(BUTTONS)), np.bool_)
    buttons[:, BUTTONS.index("attack")] = np.repeat(rng.random(length // 4 + 1) < 0.5, 4)[:length]
    position = 112 + np.concatenate([np.zeros((1, 2)), camera.cumsum(0)[:-1]]) * PIXELS_PER_DEGREE
    frames = np.zeros((length, *SIZE, 3), np.uint8)
    for tick, (y, x) in enumerate(position.round().astype(int) % 220):
        frames[tick] = canvas[y : y + 32, x : x + 32]
        if tick and buttons[tick - 1, BUTTONS.index("attack")]:
            frames[tick, 24:, 24:] = 255
    return frames, Actions(buttons, camera)


def make_episode(length: int, *, seed: int) -> Episode:
    frames, actions = panned_noise(length, seed=seed)
    return Episode(frames, actions, np.ones(length, np.bool_), f"noise-{seed}")


def write_recordings(folder: Path, count: int, *, length: int = 48) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        frames, actions = panned_noise(length, seed=seed)
        with RecordingWriter(folder, f"noise-{seed}", size=SIZE) as writer:
            for frame, action in zip(frames, actions.to_minerl(), strict=True):
                writer.write(frame, action)
    return folder
