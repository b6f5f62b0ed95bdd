"""Rectified flow with x-prediction: the straight path between a latent (level 0) and noise (level 1).

The transformer predicts the clean latent itself and is trained on its squared error, which Dreamer 4 (arXiv 2509.24527)
found to be stable over long rollouts. Much of training happens at pure noise, where the picture is decided.
"""

from dataclasses import dataclass

from torch import Tensor

from env.errors import GhostkeysError
from generator.noise import Noise


@dataclass(frozen=True, kw_only=True)
class FlowConfig:
    """How noise levels are drawn in training."""

    pure_noise: float = 0.4
    """Share of training at level 1; the other levels are uniform."""
    context_noise: float = 0.3
    """Context latents in training carry noise of a scale up to this, so that rollouts bear their own errors."""
    own_context: float = 0.5
    """Share of training in which the last context latent is the model's own prediction, for the same reason."""

    def __post_init__(self) -> None:
        for name in ("pure_noise", "context_noise", "own_context"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, not {getattr(self, name)}")


def draw_levels(count: int, config: FlowConfig, noise: Noise) -> Tensor:
    """Training levels (count,): 1 for a share `pure_noise`, else uniform in 0..1."""
    levels = noise.uniform(count)
    return levels.masked_fill(noise.uniform(count) < config.pure_noise, 1.0)


def add_noise(latents: Tensor, levels: Tensor, noise: Tensor) -> Tensor:
    """The path's point at `levels` (B,): the latents (B, ...) at 0, the noise at 1."""
    levels = levels.view(-1, *[1] * (latents.ndim - 1))
    return (1.0 - levels) * latents + levels * noise


def roughen(context: Tensor, scales: Tensor, noise: Tensor) -> Tensor:
    """Adds noise of `scales` (B,) to context latents (B, K, ...), which keep their size.

    Were they shrunk as on the path, the model would have to enlarge them again, and a slight excess would grow from
    frame to frame until the picture is white.
    """
    return context + scales.view(-1, *[1] * (context.ndim - 1)) * noise


def sampling_levels(steps: int) -> list[float]:
    """Levels of a sampling run, from 1 down to 0: `steps` + 1 of them."""
    if steps < 1:
        raise GhostkeysError(f"steps must be at least 1, not {steps}.")
    return [1.0 - step / steps for step in range(steps)] + [0.0]


def move(noisy: Tensor, prediction: Tensor, level: float, next_level: float) -> Tensor:
    """One Euler step along the path through `noisy` (at `level`) that ends in the predicted clean latent."""
    return prediction + (noisy - prediction) * (next_level / level)
