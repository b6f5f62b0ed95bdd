"""Fixed features of dense optical flow."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from idm.config import IDMConfig, motion_identity
from idm.model import InverseDynamicsModel
from idm.nn.flow import PER_CELL, FlowGrid, flow_features, mirror_flow
from idm.nn.motion import MotionFeatures
from idm.nn.phase import PhaseScale
from tests.unit.idm.clips import TINY

GRID = FlowGrid(size=(64, 96), grid=(4, 6))


def texture(seed: int = 0) -> np.ndarray:
    """A soft pattern (160, 192), 0 to 1."""
    noise = np.random.default_rng(seed).random((160, 192), np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.asarray((soft - soft.min()) / (soft.max() - soft.min()))


def shifted(right: float, down: float) -> torch.Tensor:
    """Two pictures (1, 2, 64, 96), of which the second shows the first moved by so many pixels."""
    pattern = texture()
    moved = cv2.warpAffine(pattern, np.array([[1, 0, right], [0, 1, down]], np.float32), (192, 160))
    return torch.from_numpy(np.stack([pattern, moved])[None, :, 40:104, 40:136])


@pytest.mark.parametrize(("right", "down"), [(0.0, 0.0), (0.3, -0.6), (2.7, 1.2), (-9.4, 5.5)])
def test_shifts_are_found_to_a_small_part_of_a_pixel(right: float, down: float) -> None:
    cells = flow_features(shifted(right, down), GRID).view(*GRID.grid, PER_CELL)
    inner = cells[1:-1, 1:-1]
    torch.testing.assert_close(inner[..., 0], torch.full((2, 4), right), atol=0.1, rtol=0)
    torch.testing.assert_close(inner[..., 1], torch.full((2, 4), down), atol=0.1, rtol=0)
    assert float(inner[..., 2:4].max()) < 0.2
    assert float(inner[..., 4].max()) < 3.0


def test_what_no_shift_explains_is_left_over() -> None:
    pictures = shifted(1.0, 0.0)
    pictures[:, 1, 16:32, 16:32] = 1.0
    left_over = flow_features(pictures, GRID).view(*GRID.grid, PER_CELL)[..., 4]
    assert float(left_over[1, 1]) > 10.0 * float(left_over[2, 4])


def test_features_of_mirrored_pictures_are_about_the_mirrored_features() -> None:
    pictures = shifted(1.4, -0.7)
    one = flow_features(pictures.flip(-1), GRID).view(*GRID.grid, PER_CELL)[1:-1, 1:-1]
    two = mirror_flow(flow_features(pictures, GRID), GRID).view(*GRID.grid, PER_CELL)[1:-1, 1:-1]
    torch.testing.assert_close(one[..., :2], two[..., :2], atol=0.1, rtol=0)


def test_features_do_not_depend_on_the_number_of_threads_or_of_pictures() -> None:
    pictures = torch.cat([shifted(1.4, -0.7), shifted(-3.0, 2.0)], dim=1)
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = flow_features(pictures, GRID)
        cv2.setNumThreads(4)
        four = flow_features(pictures, GRID)
    finally:
        cv2.setNumThreads(before)
    assert one.equal(four)
    assert flow_features(pictures[:, 1:3], GRID).equal(one[:, 1:2])
    assert flow_features(pictures[:, :1], GRID).shape == (1, 0, GRID.features)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"grid": (5, 6)}, "does not divide"),
        ({"grid": (0, 6)}, "does not divide"),
        ({"size": (8, 96)}, "expected 16 or more"),
        ({"stride": 9}, "stride of 1 to 8"),
        ({"iterations": 0}, "one iteration or more"),
    ],
)
def test_grids_that_cannot_be_are_refused(wrong: dict[str, int | tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GRID, **wrong)  # type: ignore[arg-type]


def test_flow_is_among_the_motion_features() -> None:
    without = IDMConfig(frame_size=(64, 96), appearance="pairs")
    config = replace(without, flow=(GRID,))
    assert config.has_motion
    assert IDMConfig.from_dict(config.to_dict()) == config
    assert motion_identity(config) not in (None, motion_identity(replace(without, flow=(replace(GRID, stride=5),))))
    frames = torch.randint(0, 255, (1, 3, 64, 96, 3), dtype=torch.uint8)
    features = MotionFeatures((), flow=(GRID,))
    assert features(frames).shape == features.mirror(features(frames)).shape == (1, 3, GRID.features)
    assert not features(frames)[:, -1].any()


def test_convolutions_read_the_flow_and_a_layer_the_rest() -> None:
    """With other motion features or without, and from a sample's mean and spread."""
    grids = (replace(GRID, grid=(8, 12)), replace(GRID, size=(32, 32), grid=(4, 4)))
    config = replace(TINY, frame_size=(64, 96), flow=grids, flow_channels=(4, 6), appearance="none", motion=())
    frames = torch.randint(0, 255, (2, 5, 64, 96, 3), dtype=torch.uint8)
    phases = ((), (PhaseScale(size=(64, 96), window=(32, 32), step=(32, 32), radius=(8, 8)),))
    for phase in phases:
        model = InverseDynamicsModel(replace(config, phase=phase)).eval()
        assert (model.read_motion is None) == (not phase)
        assert model.motion is not None
        assert model.read_flow is not None
        motion = model.motion(frames)
        model.standardise(motion[:, :-1].flatten(0, 1))
        picked = model.read_flow.pick(motion[:, :-1])
        assert abs(float(picked.mean())) < 0.01
        before = model(frames, motion).buttons
        assert before.equal(model(frames).buttons)
        changed = motion.clone()
        changed[:, 2, model.motion.flows] += 1.0
        assert not before.equal(model(frames, changed).buttons)


def test_cells_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cells of \(4, 6\) cannot be halved 2 times"):
        InverseDynamicsModel(replace(TINY, frame_size=(64, 96), flow=(GRID,), flow_channels=(4, 6)))
