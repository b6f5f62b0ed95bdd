"""Autoregressive sampling: one frame after the other, each from noise in a few steps."""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from env.actions import Actions
from env.video.pictures import resize
from generator.actions import action_features
from generator.diffusion import move, roughen, sampling_levels
from generator.model import VideoGenerator


class Sampler:
    """Rolls a trained generator forward. The same seed and device give the same video."""

    def __init__(self, model: VideoGenerator, *, steps: int = 4, context_level: float = 0.05) -> None:
        self.model = model
        self.levels = sampling_levels(steps)
        self.context_level = context_level
        """Scale of the noise that is added to the context, as in training, to drown the model's own errors."""

    def sample(
        self, start_frames: NDArray[np.uint8], actions: Actions, *, generator: torch.Generator | None = None
    ) -> NDArray[np.uint8]:
        """Start frames uint8 (K, H, W, 3), oldest first, and T actions -> T frames at the model's size.

        The first action is taken at the last start frame. Start frames that the model's context lacks are copies of the
        first.
        """
        if len(start_frames) == 0:
            raise ValueError("at least one start frame is needed")
        frames = torch.from_numpy(resize(start_frames, self.model.size)).to(self.model.device)
        missing = max(0, self.model.context - len(frames))
        frames = torch.cat([frames[:1].expand(missing, -1, -1, -1), frames])[-self.model.context :]
        generator = generator or torch.Generator().manual_seed(0)
        latents = self.rollout(self.model.encode(frames)[None], action_features(actions)[None], generator=generator)
        return self.model.decode(latents[0]).cpu().numpy()

    @torch.no_grad()
    def rollout(self, context: Tensor, actions: Tensor, *, generator: torch.Generator) -> Tensor:
        """Latents (B, K, C, h, w) and action features (B, T, F) -> latents (B, T, C, h, w)."""
        actions, on_gpu = actions.to(context.device), context.device.type == "cuda"
        generated = []
        for tick in range(actions.shape[1]):
            with torch.autocast(context.device.type, torch.bfloat16, enabled=on_gpu):
                latent = self.next_latent(context, actions[:, tick], generator=generator)
            context = torch.cat([context[:, 1:], latent[:, None]], dim=1)
            generated.append(latent)
        return torch.stack(generated, dim=1) if generated else context[:, :0]

    @torch.no_grad()
    def next_latent(self, context: Tensor, actions: Tensor, *, generator: torch.Generator) -> Tensor:
        """Latents (B, K, C, h, w) and the action features (B, F) -> the next latent (B, C, h, w)."""
        count, device = len(context), context.device

        def noise_like(latents: Tensor) -> Tensor:
            return torch.randn(latents.shape, generator=generator, device=generator.device).to(device)

        context_levels = torch.full((count,), self.context_level, device=device)
        context = roughen(context, context_levels, noise_like(context))
        x = noise_like(context[:, 0])
        for level, next_level in pairwise(self.levels):
            levels = torch.full((count,), level, device=device)
            x = move(x, self.model.dit(x, levels, context, context_levels, actions).float(), level, next_level)
        return x
