"""A small generator and small synthetic play: a striped wall that the mouse pans."""

from pathlib import Path

import numpy as np
import pytest
import torch

from env.actions import Actions
from env.recordings.recording import RecordingWriter
from generator import DiTConfig, GeneratorConfig, VAEConfig, VideoGenerator
from learning.data import Episode

SIZE = (16, 32)


def pan(ticks: int, *, seed: int, pixels_per_degree: float = 0.5) -> Episode:
    """Play in which a turn to the right moves the picture to the left, and nothing else happens."""
    rng = np.random.default_rng(seed)
    wall = np.repeat(rng.integers(0, 256, (SIZE[0] // 4, 40, 3), np.uint8), 4, axis=0).repeat(4, axis=1)
    camera = np.zeros((ticks, 2), np.float32)
    camera[:, 1] = rng.choice([-8.0, 0.0, 8.0], ticks)
    offsets = np.concatenate([[0.0], np.cumsum(camera[:-1, 1] * pixels_per_degree)]).astype(int)
    frames = np.stack([np.roll(wall, -offset, axis=1)[:, : SIZE[1]] for offset in offsets])
    return Episode(frames, Actions(np.zeros((ticks, 20), bool), camera), np.ones(ticks, bool), f"pan{seed}")


@pytest.fixture
def config() -> GeneratorConfig:
    return GeneratorConfig(
        vae=VAEConfig(size=SIZE, patch=4, latent_channels=8, width=32, heads=2, encoder_depth=1, decoder_depth=1),
        dit=DiTConfig(patch=2, width=64, depth=2, heads=2, context=2),
    )


@pytest.fixture
def episode() -> Episode:
    return pan(60, seed=0)


@pytest.fixture
def model(config: GeneratorConfig) -> VideoGenerator:
    torch.manual_seed(0)
    return VideoGenerator(config).eval()


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Three short recordings, pan0 to pan2."""
    folder = tmp_path / "recordings"
    for seed in range(3):
        episode = pan(40, seed=seed)
        with RecordingWriter(folder, episode.name, size=SIZE) as writer:
            for frame, action in zip(episode.frames[:], episode.actions.to_minerl(), strict=True):
                writer.write(frame, action, {})
    return folder
