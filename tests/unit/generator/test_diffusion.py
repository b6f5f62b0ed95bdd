import itertools

import pytest
import torch

from generator.diffusion import FlowConfig, add_noise, draw_levels, move, sampling_levels
from generator.noise import Noise


def test_the_path_ends_in_the_latent_and_in_noise() -> None:
    latents, noise = torch.randn(2, 2, 4, 3, 3).unbind(0)
    assert torch.equal(add_noise(latents, torch.zeros(2), noise), latents)
    assert torch.equal(add_noise(latents, torch.ones(2), noise), noise)


def test_levels_are_often_pure_noise() -> None:
    levels = draw_levels(10_000, FlowConfig(pure_noise=0.4), Noise(torch.Generator().manual_seed(0)))
    assert float((levels == 1.0).float().mean()) == pytest.approx(0.4, abs=0.03)
    assert float(levels.min()) >= 0.0
    assert float(levels[levels < 1.0].mean()) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_sampling_with_a_perfect_prediction_arrives(steps: int) -> None:
    """From pure noise the steps end exactly in what the network predicts."""
    target, x = torch.randn(2, 1, 4, 3, 3).unbind(0)
    levels = sampling_levels(steps)
    assert levels[0] == 1.0
    assert levels[-1] == 0.0
    assert len(levels) == steps + 1
    for level, next_level in itertools.pairwise(levels):
        x = move(x, target, level, next_level)
    assert torch.allclose(x, target)


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        sampling_levels(0)
