"""Inference averaged with the mirrored clip, and its calibration."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from env.actions import BUTTONS
from idm.calibration import calibrate
from idm.config import IDMConfig
from idm.datamodule import with_motion
from idm.model import LOW_CONFIDENCE, InverseDynamicsModel, load
from idm.module import mirror_some
from idm.reliability import prediction_confidence
from learning.windows import Window, collate_windows
from tests.unit.idm.clips import TINY, make_episode

LEFT, RIGHT = BUTTONS.index("left"), BUTTONS.index("right")
IMAGES = IDMConfig(
    frame_size=(32, 32),
    window=16,
    appearance="impala",
    appearance_channels=(4, 8),
    temporal_filters=4,
    width=16,
    heads=2,
)
CURSOR = replace(TINY, cursor_outputs=8)


@pytest.fixture(params=[TINY, IMAGES, CURSOR], ids=["motion", "images", "cursor"])
def any_model(request: pytest.FixtureRequest) -> InverseDynamicsModel:
    torch.manual_seed(0)
    model = InverseDynamicsModel(request.param).eval()
    for head in (model.button_head, model.camera_head):
        torch.nn.init.normal_(head.linear.weight, std=0.5)
    return model


def mirror_image(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frames[:, :, ::-1])


def test_a_mirrored_clip_has_mirrored_labels(any_model: InverseDynamicsModel) -> None:
    """Averaged with its mirror image, neither side is preferred; a clip alone is not read the same in the mirror."""
    frames = np.array(make_episode(40, seed=0).frames)
    found, reflected = (any_model.predict(each, mirrored=True) for each in (frames, mirror_image(frames)))
    order = list(range(len(BUTTONS)))
    order[LEFT], order[RIGHT] = RIGHT, LEFT
    order[-9:] = order[:-10:-1]  # the hotbar's slots
    np.testing.assert_allclose(reflected.button_log_probs, found.button_log_probs[:, order], atol=2e-3)
    np.testing.assert_allclose(reflected.camera_log_probs[:, 0], found.camera_log_probs[:, 0], atol=2e-3)
    np.testing.assert_allclose(reflected.camera_log_probs[:, 1], found.camera_log_probs[:, 1, ::-1], atol=2e-3)
    np.testing.assert_allclose(reflected.actions.camera, found.actions.camera * (1, -1), atol=1e-2)
    alone = any_model.predict(frames, mirrored=False)
    assert not np.allclose(alone.camera_log_probs, found.camera_log_probs, atol=0.02)


def test_the_clip_alone_is_read_as_ever(any_model: InverseDynamicsModel) -> None:
    """Of one window: the very numbers of the network and its calibration."""
    frames = make_episode(16, seed=1).frames
    alone = any_model.predict(frames, mirrored=False)
    with torch.inference_mode():
        expected = any_model.calibration(any_model(torch.from_numpy(frames)[None]))
    np.testing.assert_array_equal(alone.button_log_probs, expected.buttons[0].numpy())
    np.testing.assert_array_equal(alone.camera_log_probs, expected.camera[0].numpy())


def test_calibration_decides_whether_averaging_is_the_default(model: InverseDynamicsModel) -> None:
    """Where a mirror image says as much as the clip it pays, where it misleads it does not."""
    frames = make_episode(40, seed=0).frames
    for pays in (True, False):
        model.mirror_pays.fill_(pays)
        np.testing.assert_array_equal(
            model.predict(frames).button_log_probs, model.predict(frames, mirrored=pays).button_log_probs
        )
    assert not np.array_equal(
        model.predict(frames, mirrored=True).button_log_probs, model.predict(frames, mirrored=False).button_log_probs
    )


def test_models_of_images_alone_do_not_average_by_default() -> None:
    """It would double their time."""
    model = InverseDynamicsModel(IMAGES).eval()
    calibrate(model, [make_episode(64, seed=seed) for seed in range(2)])
    assert not model.mirrors()
    assert model.mirrors(True)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_tenth_of_the_calibration_play_is_of_low_confidence(model: InverseDynamicsModel, mirrored: bool) -> None:
    episode = make_episode(200, seed=0)
    assert model.low_confidence(mirrored=mirrored) == LOW_CONFIDENCE
    calibrate(model, [episode])
    low = model.low_confidence(mirrored=mirrored)
    inner = prediction_confidence(model.predict(episode.frames, mirrored=mirrored))[4:-4]
    assert low != LOW_CONFIDENCE
    assert (inner < low).mean() == pytest.approx(0.1, abs=0.03)


def test_calibrations_are_stored_and_read(model: InverseDynamicsModel, tmp_path: Path) -> None:
    calibrate(model, [make_episode(100, seed=0)])
    again = load(model.save(tmp_path))
    assert bool(again.mirror_pays) == bool(model.mirror_pays)
    for mirrored in (False, True):
        assert again.low_confidence(mirrored=mirrored) == model.low_confidence(mirrored=mirrored)
        assert torch.equal(again.calibration_of(mirrored=mirrored).scale, model.calibration_of(mirrored=mirrored).scale)
    assert not torch.equal(model.calibration.scale, model.mirrored_calibration.scale)


def test_a_checkpoint_of_before_labels_as_before(model: InverseDynamicsModel, tmp_path: Path) -> None:
    """It does not average, marks few ticks, and has one calibration for both ways."""
    calibrate(model, [make_episode(100, seed=0)])
    weights = model.save(tmp_path) / "model.safetensors"
    later = ("mirrored_calibration.", "calibration.low_confidence", "mirror_pays")
    save_file({name: t for name, t in load_file(weights).items() if not name.startswith(later)}, weights)
    old = load(tmp_path)
    assert not old.mirrors()
    assert old.low_confidence(mirrored=False) == old.low_confidence(mirrored=True) == LOW_CONFIDENCE
    assert torch.equal(old.mirrored_calibration.scale, model.calibration.scale)
    frames = make_episode(40, seed=1).frames
    np.testing.assert_array_equal(
        old.predict(frames).button_log_probs, model.predict(frames, mirrored=False).button_log_probs
    )


def test_windows_are_mirrored_alike_with_their_pictures_or_without(model: InverseDynamicsModel) -> None:
    features = model.motion
    assert features is not None
    episode = with_motion(make_episode(48, seed=0), features)
    batch = collate_windows([episode], [Window(0, start, start + 16) for start in (0, 16, 32)] * 3)
    found = []
    for pictures in (True, False):
        torch.manual_seed(0)
        found.append(mirror_some(batch, features, pictures=pictures))
    for name in ("buttons", "camera", "usable", "first", "motion"):
        assert getattr(found[0], name).equal(getattr(found[1], name)), name
    mirrored = [not one.equal(two) for one, two in zip(batch.frames, found[0].frames, strict=True)]
    assert 0 < sum(mirrored) < len(mirrored)
    assert mirrored == [not one.equal(two) for one, two in zip(batch.camera, found[1].camera, strict=True)]
    assert found[1].frames.equal(batch.frames)
