from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from env.actions import Actions
from env.errors import CheckpointError
from generator import DiTConfig, GeneratorConfig, Sampler, VideoGenerator, load
from generator.actions import ACTION_FEATURES, action_features
from generator.data import Clips
from generator.diffusion import FlowConfig
from generator.model import LatentBatch
from generator.noise import Noise
from generator.vae import to_pixels
from learning.data import Episode


def trained(model: VideoGenerator, episode: Episode, *, steps: int) -> VideoGenerator:
    """The model after a few steps on one episode."""
    frames = torch.from_numpy(episode.frames)
    model.vae.fit_linear_path(to_pixels(frames))
    model.set_normalisation(model.encode(frames))
    latents = model.encode(frames).numpy().astype(np.float16)
    clips, rng = Clips([episode], context=model.context), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.dit.parameters(), lr=3e-3)
    noise = Noise(torch.Generator().manual_seed(0))
    for _ in range(steps):
        losses = model.loss(clips.latents(rng.integers(len(clips), size=32), latents), noise=noise)
        optimizer.zero_grad()
        losses["total"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model


def test_untrained_it_repeats_the_last_latent(model: VideoGenerator) -> None:
    context = torch.randn(2, 2, 8, 4, 8)
    levels = torch.rand(2)
    predicted = model.dit(torch.randn(2, 8, 4, 8), levels, context, levels, torch.randn(2, ACTION_FEATURES))
    assert torch.equal(predicted, context[:, -1])


def test_untrained_it_samples_a_still_picture(model: VideoGenerator, episode: Episode) -> None:
    model.vae.fit_linear_path(to_pixels(torch.from_numpy(episode.frames)))
    frames = Sampler(model, context_level=0.0).sample(episode.frames[:2], Actions.none(3))
    assert frames.shape == (3, 16, 32, 3)
    assert frames.dtype == np.uint8
    still = model.decode(model.encode(torch.from_numpy(episode.frames[1:2]))).numpy()
    assert np.abs(frames.astype(int) - still).max() <= 1


def test_latents_are_normalised(model: VideoGenerator, episode: Episode) -> None:
    frames = torch.from_numpy(episode.frames)
    for _ in range(2):  # a second time changes nothing
        model.set_normalisation(model.encode(frames))
        latents = model.encode(frames)
        assert float(latents.mean().abs()) < 1e-4
        assert float(latents.square().mean()) == pytest.approx(1.0, abs=1e-3)


def test_the_seed_decides_the_video(model: VideoGenerator, episode: Episode) -> None:
    trained(model, episode, steps=5)
    sampler = Sampler(model, steps=2)

    def sample(seed: int) -> NDArray[np.uint8]:
        return sampler.sample(episode.frames[:1], Actions.none(4), generator=torch.Generator().manual_seed(seed))

    assert np.array_equal(sample(1), sample(1))
    assert not np.array_equal(sample(1), sample(2))


def test_actions_change_the_video_once_trained(model: VideoGenerator, episode: Episode) -> None:
    trained(model, episode, steps=30)
    sampler = Sampler(model, steps=2)
    left, right = (Actions(np.zeros((1, 20), bool), np.array([[0.0, yaw]], np.float32)) for yaw in (-8.0, 8.0))
    frames = [sampler.sample(episode.frames[:2], turn).astype(int) for turn in (left, right)]
    assert np.abs(frames[0] - frames[1]).mean() > 5.0


def test_training_does_better_than_copying(model: VideoGenerator, episode: Episode) -> None:
    trained(model, episode, steps=60)
    turning = [t for t in range(2, 59) if abs(episode.actions.camera[t, 1]) > 0]
    sampler = Sampler(model, steps=2)
    generated = np.concatenate(
        [sampler.sample(episode.frames[t - 1 : t + 1], episode.actions[t : t + 1]) for t in turning]
    ).astype(float)
    real, last = (episode.frames[:][[t + ahead for t in turning]].astype(float) for ahead in (1, 0))
    assert ((generated - real) ** 2).mean() < 0.8 * ((last - real) ** 2).mean()


def test_a_checkpoint_gives_the_same_video(model: VideoGenerator, episode: Episode, tmp_path: Path) -> None:
    trained(model, episode, steps=3)
    model.save(tmp_path / "generator")
    again = load(tmp_path / "generator")
    assert again.config == model.config
    expected = Sampler(model).sample(episode.frames[:2], episode.actions[2:6])
    assert np.array_equal(Sampler(again).sample(episode.frames[:2], episode.actions[2:6]), expected)


def test_a_folder_without_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_clips_keep_to_usable_ticks(episode: Episode) -> None:
    usable = np.ones(60, bool)
    usable[10] = False
    clips = Clips([episode, Episode(episode.frames, episode.actions, usable, "gap")], context=2)
    inside = set((clips.ends[clips.ends >= 60] - 60).tolist())
    assert inside == set(range(1, 58)) - {8, 9, 10, 11}
    assert max(clips.ends[clips.ends < 60]) == 57  # the targets stay within the episode


def test_action_features_tell_left_from_right() -> None:
    camera = np.array([[0.0, -5.0], [0.0, 5.0], [2.0, 0.0]], np.float32)
    features = action_features(Actions(np.zeros((3, 20), bool), camera))
    assert features.shape == (3, ACTION_FEATURES)
    assert torch.allclose(features[0], -features[1])
    assert float(features.abs().max()) < 1.0


def test_a_context_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        DiTConfig(context=0)


@pytest.mark.parametrize(("own_context", "first_counts"), [(0.0, True), (1.0, False)])
def test_training_on_its_own_predictions_aims_at_the_frame_after_them(
    config: GeneratorConfig, own_context: float, first_counts: bool
) -> None:
    """An untrained model predicts the last latent again, so only targets that differ from it cost anything."""
    flow = FlowConfig(context_noise=0.0, own_context=own_context)
    model = VideoGenerator(replace(config, flow=flow))
    context = torch.randn(3, 2, 8, 4, 8)
    targets = torch.stack([torch.randn(3, 8, 4, 8), context[:, -1]], dim=1)
    losses = model.loss(
        LatentBatch(context, torch.zeros(3, 2, ACTION_FEATURES), targets), noise=Noise(torch.Generator())
    )
    assert bool(losses["total"] > 0.0) == first_counts
