"""What the inverse dynamics model promises."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from env.camera import CameraQuantizer
from idm.calibration import calibrate
from idm.config import IDMConfig
from idm.datamodule import with_motion
from idm.metrics import always_off, score
from idm.model import (
    InverseDynamicsModel,
    load,
    overlapping_windows,
    weights_between,
)
from learning.windows import Window, collate_windows
from tests.unit.idm.clips import TINY, make_episode


def test_idm_is_not_causal(model: InverseDynamicsModel) -> None:
    """The model must use the future: changing the last frame changes an earlier prediction."""
    frames = torch.from_numpy(make_episode(12, seed=0).frames)[None]
    changed = frames.clone()
    changed[:, -1] = 255 - changed[:, -1]
    assert not torch.equal(model(frames).camera[:, 2], model(changed).camera[:, 2])


@pytest.mark.parametrize(("cloning", "first"), [(False, 9), (True, 10)])
def test_a_causal_idm_sees_the_next_frame_and_none_after_it(cloning: bool, first: int) -> None:
    """A tick's action shows on the next frame, which cloning does not see. Frames after that may be anything; features
    of the cursor included.
    """
    torch.manual_seed(0)
    config = replace(
        TINY, causal=True, cloning=cloning, depth=0, temporal_depth=2, temporal_dilation=2, cursor_outputs=4
    )
    model = InverseDynamicsModel(config).eval()
    frames = torch.from_numpy(make_episode(16, seed=0).frames)[None]
    frames[:, 4:] = frames[:, 4:5]  # where the picture stands still, the features of the cursor count
    changed = frames.clone()
    changed[:, 10:, 4:6, 4:6] = 255 - changed[:, 10:, 4:6, 4:6]
    before, after = model(frames), model(changed)
    for plain, other in zip(before, after, strict=True):
        torch.testing.assert_close(plain[:, :first], other[:, :first])
        assert not torch.allclose(plain[:, first], other[:, first])


@pytest.mark.parametrize("other", [{"depth": 1}, {"depth": 0, "appearance": "impala"}])
def test_a_network_that_sees_the_future_cannot_be_causal(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a causal IDM needs depth 0 and appearance pairs or none"):
        replace(TINY, causal=True, **other)


def test_cloning_without_causal_is_refused() -> None:
    with pytest.raises(ValueError, match="cloning sees no future at all: it needs causal"):
        replace(TINY, cloning=True)


def test_overfitted_model_beats_doing_nothing() -> None:
    """A few clips of panned noise are learnt: the turn and the button."""
    torch.manual_seed(0)
    model = InverseDynamicsModel(TINY)
    episodes = [make_episode(64, seed=seed) for seed in range(2)]
    batch = collate_windows(episodes, [Window(e, s, s + 16) for e in range(2) for s in (0, 16, 32, 48)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(120):
        optimizer.zero_grad()
        model.loss(batch)["total"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.eval()
    true = episodes[0].actions
    scores = score(model.predict(episodes[0].frames).actions, true)
    assert scores.keypress_accuracy > score(always_off(true), true).keypress_accuracy
    assert scores.buttons["attack"].f1 > 0.5
    assert min(scores.camera_r2.values()) > 0.85


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 40])
def test_predicts_videos_of_any_length(model: InverseDynamicsModel, length: int) -> None:
    prediction = model.predict(make_episode(length, seed=0).frames)
    assert len(prediction.actions) == length
    assert prediction.button_log_probs.shape == (length, 20, 2)
    assert prediction.camera_log_probs.shape == (length, 2, 11)
    np.testing.assert_allclose(np.exp(prediction.button_log_probs).sum(-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.exp(prediction.camera_log_probs).sum(-1), 1.0, atol=1e-5)


def test_predicts_no_frames(model: InverseDynamicsModel) -> None:
    assert len(model.predict(np.zeros((0, 32, 32, 3), np.uint8)).actions) == 0


def test_frames_of_another_size_are_refused(model: InverseDynamicsModel) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(T, 32, 32, 3\)"):
        model.predict(np.zeros((4, 64, 64, 3), np.uint8))


@pytest.mark.parametrize(("length", "window"), [(5, 16), (16, 16), (17, 16), (100, 16), (129, 64)])
def test_windows_keep_every_tick_once(length: int, window: int) -> None:
    kept = [range(length)[w][k] for w, k in overlapping_windows(length, window)]
    assert [tick for ticks in kept for tick in ticks] == list(range(length))


def test_camera_targets_average_to_the_angle() -> None:
    """The weights on two neighbouring bins have the true angle as their mean; beyond the range they clip."""
    centres = torch.from_numpy(CameraQuantizer().centres)
    degrees = torch.tensor([-10.0, -7.3, -0.1, 0.0, 0.4, 3.3, 10.0])
    torch.testing.assert_close(weights_between(degrees, centres) @ centres, degrees)
    torch.testing.assert_close(weights_between(torch.tensor([25.0]), centres) @ centres, torch.tensor([10.0]))


def test_wider_bins_take_faster_turns() -> None:
    """VPT's end at 10 degrees a tick."""
    frames = make_episode(8, seed=0).frames
    for camera, farthest in ((CameraQuantizer(), 10.0), (CameraQuantizer(90.0, 7.5, 100.0), 90.0)):
        model = InverseDynamicsModel(replace(TINY, camera=camera)).eval()
        torch.nn.init.zeros_(model.camera_head.linear.weight)
        bias = torch.full((2, camera.bins), -40.0)
        bias[:, -1] = 40.0
        model.camera_head.linear.bias.data.copy_(bias.flatten())
        prediction = model.predict(frames)
        assert prediction.quantizer == camera
        np.testing.assert_allclose(prediction.actions.camera, farthest, rtol=1e-5)


def test_one_absurd_turn_does_not_decide_the_weights(model: InverseDynamicsModel) -> None:
    """A mouse that leaps by 57,000 pixels weighs as the largest turn there is: 10°."""
    actions = make_episode(4000, seed=0).actions
    model.weigh_losses(actions)
    spread = model.camera_spread.clone()
    actions.camera[100] = (-8550.0, 8550.0)
    model.weigh_losses(actions)
    torch.testing.assert_close(model.camera_spread, spread, rtol=0.01, atol=0.0)
    model.weigh_losses(actions[100:101])
    assert torch.equal(model.camera_spread, torch.tensor([0.1, 0.1]))


def test_unusable_ticks_do_not_enter_the_loss(model: InverseDynamicsModel) -> None:
    """Whatever they say; and a batch without any other ticks costs nothing."""
    batch = collate_windows([make_episode(16, seed=0)], [Window(0, 0, 16)])
    usable = batch.usable.clone()
    usable[:, 5] = False
    camera, buttons = batch.camera.clone(), batch.buttons.clone()
    camera[:, 5], buttons[:, 5] = 8550.0, ~buttons[:, 5]
    with torch.no_grad():
        clean = model.loss(batch._replace(usable=usable))
        absurd = model.loss(batch._replace(usable=usable, camera=camera, buttons=buttons))
        assert absurd == clean
        assert model.loss(batch._replace(usable=torch.zeros_like(usable)))["total"] == 0.0


def test_precomputed_motion_gives_the_same_loss(model: InverseDynamicsModel) -> None:
    assert model.motion is not None
    episode = make_episode(100, seed=1)
    windows = [Window(0, 0, 16), Window(0, 60, 76)]
    plain = collate_windows([episode], windows)
    known = collate_windows([with_motion(episode, model.motion)], windows)
    assert known.motion is not None
    torch.testing.assert_close(model.loss(plain)["total"], model.loss(known)["total"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        IDMConfig(
            frame_size=(32, 32), appearance="impala", appearance_channels=(4, 8), temporal_filters=4, width=16, heads=2
        ),
        IDMConfig(frame_size=(32, 32), appearance="none", motion=TINY.motion, width=16, heads=2, temporal_depth=0),
        replace(TINY, camera=CameraQuantizer(90.0, 7.5, 100.0)),
    ],
    ids=["tiny", "vpt", "motion-only", "wide-camera"],
)
def test_checkpoint_gives_the_same_model_back(config: IDMConfig, tmp_path: Path) -> None:
    model = InverseDynamicsModel(config).eval()
    model.save(tmp_path)
    frames = make_episode(20, seed=2).frames
    found, expected = load(tmp_path).predict(frames), model.predict(frames)
    assert load(tmp_path).config == config
    np.testing.assert_array_equal(found.button_log_probs, expected.button_log_probs)
    np.testing.assert_array_equal(found.actions.camera, expected.actions.camera)


def test_a_model_needs_some_encoder() -> None:
    with pytest.raises(ValueError, match="switched off"):
        IDMConfig(appearance="none")


def test_too_short_held_out_play_leaves_the_calibration(
    model: InverseDynamicsModel, caplog: pytest.LogCaptureFixture
) -> None:
    before = model.predict(make_episode(20, seed=0).frames)
    calibrate(model, [make_episode(15, seed=1)])
    assert "no held-out recording has the 16 ticks of a window: not calibrated" in caplog.text
    assert model.predict(make_episode(20, seed=0).frames).actions == before.actions


def test_with_dilation_as_many_weights_see_farther() -> None:
    """Three convolutions of 5 ticks see 6 ticks either side, and 14 when each looks twice as far as the one before."""
    reaches = []
    for dilation in (1, 2):
        config = replace(TINY, depth=0, temporal_depth=3, temporal_dilation=dilation)
        model = InverseDynamicsModel(config).eval()
        x = torch.randn(1, 41, config.width, requires_grad=True)
        model.read(x).buttons[0, 20].sum().backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        seen = x.grad[0].abs().sum(1).nonzero()[:, 0]
        reaches.append((20 - int(seen.min()), int(seen.max()) - 20))
    assert reaches == [(6, 6), (14, 14)]


def test_convolutions_see_as_much_before_as_after() -> None:
    with pytest.raises(ValueError, match=r"temporal_kernel \(4\) must be odd"):
        IDMConfig(motion=TINY.motion, temporal_kernel=4)
    with pytest.raises(ValueError, match=r"temporal_dilation \(0\) 1 or more"):
        IDMConfig(motion=TINY.motion, temporal_dilation=0)
