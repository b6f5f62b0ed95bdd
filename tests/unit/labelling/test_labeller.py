"""Each tick is answered once, as the model alone would, however the video comes."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from env.video.pictures import resize
from idm.config import IDMConfig
from idm.model import InverseDynamicsModel
from idm.nn.motion import MotionScale
from labelling.inference import Inference
from labelling.labeller import Answers, Labeller

MakeFrames = Callable[..., NDArray[np.uint8]]
SIZE = (32, 32)
WINDOW = 32


def chunked(frames: NDArray[np.uint8], size: int) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(frames), size):
        yield frames[start : start + size]


def label(
    model: InverseDynamicsModel,
    frames: NDArray[np.uint8],
    *,
    chunk: int = 64,
    batch: int = 4,
    mirrored: bool | None = None,
) -> Answers:
    labeller = Labeller(Inference(model, mirrored=mirrored), window=WINDOW, batch=batch)
    return Answers.concatenate(list(labeller.label(chunked(frames, chunk))))


@pytest.mark.parametrize("ticks", [0, 1, 5, 15, 16, 17, 31, 32, 33, 64, 75])
def test_every_tick_gets_an_answer(model: InverseDynamicsModel, make_frames: MakeFrames, ticks: int) -> None:
    answers = label(model, make_frames(max(ticks, 1))[:ticks, :32, :32])
    assert len(answers.actions) == len(answers.button_probabilities) == len(answers.camera_probability) == ticks


def test_a_video_of_one_window_is_answered_as_by_the_model_alone(
    model: InverseDynamicsModel, make_frames: MakeFrames
) -> None:
    frames = resize(make_frames(WINDOW), SIZE)
    answers, prediction = label(model, frames, chunk=7), model.predict(frames)
    assert answers.actions.buttons.any()
    np.testing.assert_array_equal(answers.actions.buttons, prediction.actions.buttons)
    np.testing.assert_allclose(answers.actions.camera, prediction.actions.camera, atol=1e-4)


def test_how_the_frames_come_changes_nothing(model: InverseDynamicsModel, make_frames: MakeFrames) -> None:
    frames = resize(make_frames(100), SIZE)
    whole = label(model, frames, chunk=100, batch=1)
    for chunk, batch in ((1, 1), (3, 2), (64, 8)):
        answers = label(model, frames, chunk=chunk, batch=batch)
        np.testing.assert_allclose(answers.button_probabilities, whole.button_probabilities, atol=1e-5)
        np.testing.assert_allclose(answers.actions.camera, whole.actions.camera, atol=1e-4)


def test_far_frames_do_not_matter_and_near_ones_do(model: InverseDynamicsModel, make_frames: MakeFrames) -> None:
    """Memory is bounded: a tick's answer depends on its window, wherever in a long video that lies."""
    frames = resize(make_frames(200), SIZE)
    changed = frames.copy()
    changed[150:] = 255 - changed[150:]
    before, after = label(model, frames), label(model, changed)
    np.testing.assert_allclose(before.button_probabilities[:110], after.button_probabilities[:110], atol=1e-5)
    assert not np.allclose(before.button_probabilities[149], after.button_probabilities[149], atol=1e-3)


def test_probabilities_are_probabilities(model: InverseDynamicsModel, make_frames: MakeFrames) -> None:
    answers = label(model, resize(make_frames(40), SIZE))
    for values in (answers.button_probabilities, answers.camera_probability, answers.confidence):
        assert values.dtype == np.float32
        assert ((values >= 0) & (values <= 1 + 1e-5)).all()
    assert (answers.confidence <= answers.camera_probability + 1e-5).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_long_video_is_answered_as_by_the_model_alone(
    model: InverseDynamicsModel, make_frames: MakeFrames, mirrored: bool
) -> None:
    """`predict` and `label` share what is computed of a frame between windows, and differ only in how they are cut."""
    frames = resize(make_frames(2 * WINDOW), SIZE)
    answers, prediction = label(model, frames, mirrored=mirrored), model.predict(frames, mirrored=mirrored)
    np.testing.assert_array_equal(answers.actions.buttons, prediction.actions.buttons)
    np.testing.assert_allclose(answers.actions.camera, prediction.actions.camera, atol=1e-4)


def test_how_the_frames_come_changes_nothing_for_a_cursor() -> None:
    """The cursor's sensor looks two ticks to either side, over the ends of chunks, too."""
    config = IDMConfig(
        frame_size=SIZE,
        window=WINDOW,
        motion=(MotionScale(size=SIZE, radius=(4, 4), grid=(2, 2)),),
        cursor_outputs=8,
        appearance="none",
        width=16,
        temporal_depth=1,
    )
    model = InverseDynamicsModel(config).eval()
    frames = np.full((70, *SIZE, 3), 90, np.uint8)
    for tick, (y, x) in enumerate(np.random.default_rng(0).integers(2, 30, (70, 2))):
        frames[tick, y : y + 2, x : x + 2] = 255
    assert model.motion is not None
    assert model.motion(torch.from_numpy(frames)[None])[0, :-1, -9].all()  # it stands still but for the cursor
    whole = label(model, frames, chunk=70, batch=1)
    for chunk in (1, 2, 5, 33):
        answers = label(model, frames, chunk=chunk)
        np.testing.assert_allclose(answers.button_probabilities, whole.button_probabilities, atol=1e-5)
        np.testing.assert_allclose(answers.actions.camera, whole.actions.camera, atol=1e-4)
