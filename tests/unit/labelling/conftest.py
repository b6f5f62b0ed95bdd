"""A model of random weights and videos to label with it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from env.video.encoding import write_video
from idm.config import IDMConfig
from idm.model import InverseDynamicsModel
from idm.nn.flow import FlowGrid
from idm.nn.motion import MotionScale
from idm.nn.phase import PhaseScale

SIZE = (32, 32)
WINDOW = 32


def make_model(seed: int = 0) -> InverseDynamicsModel:
    """An inverse dynamics model of width 16 with random weights, as sharp as a trained one."""
    torch.manual_seed(seed)
    config = IDMConfig(
        frame_size=SIZE,
        window=WINDOW,
        motion=(MotionScale(size=(16, 16), radius=(1, 1)),),
        phase=(PhaseScale(size=(32, 32), window=(16, 16), step=(16, 16), radius=(4, 4)),),
        flow=(FlowGrid(size=(32, 32), grid=(4, 4)),),
        appearance_channels=(4, 8),
        appearance_outputs=8,
        width=16,
        depth=1,
        heads=2,
        reach=4,
    )
    model = InverseDynamicsModel(config).eval()
    for head in (model.button_head, model.camera_head):
        torch.nn.init.normal_(head.linear.weight, std=1.0)
    return model


def landscape_frames(ticks: int, *, seed: int = 0) -> np.ndarray:
    """A view that turns over a landscape of blotches: uint8 (T, 64, 64, 3)."""
    rng = np.random.default_rng(seed)
    turns = np.concatenate([[0], np.cumsum(rng.integers(0, 6, max(ticks - 1, 0)))]).astype(int)
    landscape = rng.integers(40, 220, (16, 64, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    return np.stack([np.roll(landscape, -turn, axis=1)[:, :64] for turn in turns])


@pytest.fixture(scope="session")
def model() -> InverseDynamicsModel:
    return make_model()


@pytest.fixture(scope="session")
def checkpoint(model: InverseDynamicsModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model.save(tmp_path_factory.mktemp("checkpoints") / "idm")


@pytest.fixture(scope="session")
def make_frames() -> Callable[..., np.ndarray]:
    """Makes so many frames of a view that turns: uint8 (T, 64, 64, 3)."""
    return landscape_frames


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Writes a video of so many frames below the test's folder."""

    def make(name: str, ticks: int = 40, *, seed: int = 0, fps: float = 20) -> Path:
        return write_video(tmp_path / name, landscape_frames(ticks, seed=seed), fps=fps)

    return make
