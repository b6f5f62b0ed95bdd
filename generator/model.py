"""The video generator: the autoencoder and the diffusion transformer that works on its latents."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generator.actions import ACTION_FEATURES
from generator.diffusion import FlowConfig, add_noise, draw_levels, roughen
from generator.dit import DiT, DiTConfig
from generator.noise import Noise
from generator.vae import VAE, VAEConfig, to_frames, to_pixels
from learning.checkpoint import load_checkpoint, load_strictly, save_checkpoint


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """Everything that the generator is built from."""

    vae: VAEConfig = field(default_factory=VAEConfig)
    dit: DiTConfig = field(default_factory=DiTConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GeneratorConfig":
        """From the plain dictionary that `to_dict` makes."""
        vae = {**values["vae"], "size": tuple(values["vae"]["size"])}
        return cls(vae=VAEConfig(**vae), dit=DiTConfig(**values["dit"]), flow=FlowConfig(**values["flow"]))

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, for YAML."""
        values = asdict(self)
        values["vae"]["size"] = list(self.vae.size)
        return values


@dataclass(frozen=True)
class LatentBatch:
    """Latents and the actions between them."""

    context: Tensor
    """(B, K, C, h, w), oldest first."""
    actions: Tensor
    """(B, 2, F): the actions that lead from the last context latent to the first target, and on to the second."""
    targets: Tensor
    """(B, 2, C, h, w)"""

    def to(self, device: torch.device) -> "LatentBatch":
        """This batch on another device."""
        return LatentBatch(self.context.to(device), self.actions.to(device), self.targets.to(device))


class VideoGenerator(nn.Module):
    """Predicts a video's next frame from its last frames and an action, in the latents of its own autoencoder."""

    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.vae.latent_channels
        self.vae = VAE(config.vae)
        self.dit = DiT(
            config.dit, latent_channels=channels, latent_size=config.vae.grid, action_features=ACTION_FEATURES
        )
        self.register_buffer("latent_mean", torch.zeros(channels))
        self.register_buffer("latent_scale", torch.ones(()))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame."""
        return self.config.vae.size

    @property
    def context(self) -> int:
        """Past frames that the model sees."""
        return self.config.dit.context

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.latent_mean.device

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """uint8 (..., H, W, 3) -> normalised latents (..., C, h, w)."""
        latents = self.vae.encode(to_pixels(frames.flatten(0, -4))).float()
        latents = (latents - self.latent_mean[:, None, None]) / self.latent_scale
        return latents.view(*frames.shape[:-3], *latents.shape[1:])

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents (..., C, h, w) -> uint8 (..., H, W, 3)."""
        plain = latents.flatten(0, -4) * self.latent_scale + self.latent_mean[:, None, None]
        frames = to_frames(self.vae.decode(plain))
        return frames.reshape(*latents.shape[:-3], *frames.shape[1:])

    @torch.no_grad()
    def set_normalisation(self, latents: Tensor) -> None:
        """Makes these latents (B, C, h, w), encoded with the present normalisation, have mean 0 and variance 1.

        One scale serves all channels: their relative size is what the autoencoder gave them.
        """
        mean = latents.mean(dim=(0, 2, 3))
        scale = (latents - mean[:, None, None]).square().mean().sqrt().clamp(min=1e-6)
        self.latent_mean.add_(mean * self.latent_scale)
        self.latent_scale.mul_(scale)

    def loss(self, batch: LatentBatch, *, noise: Noise) -> dict[str, Tensor]:
        """The flow's squared error on clean latents: total, and its part at pure noise."""
        flow = self.config.flow
        context, actions, targets = self._training_pairs(batch, noise)
        levels = draw_levels(len(targets), flow, noise)
        noisy = add_noise(targets, levels, noise.normal(targets.shape))
        context_levels = flow.context_noise * noise.uniform(len(targets))
        context = roughen(context, context_levels, noise.normal(context.shape))
        predicted = self.dit(noisy, levels, context, context_levels, actions)
        errors = F.mse_loss(predicted.float(), targets, reduction="none").mean(dim=(1, 2, 3))  # (B,)
        pure = levels == 1.0
        return {"total": errors.mean(), "pure_noise": (errors * pure).sum() / pure.sum().clamp(min=1)}

    def _training_pairs(self, batch: LatentBatch, noise: Noise) -> tuple[Tensor, Tensor, Tensor]:
        """Contexts (B, K, C, h, w), actions (B, F) and targets (B, C, h, w).

        In some clips of the batch the model has taken the first step itself, in one go from noise; the others are as
        recorded.
        """
        contexts, actions, targets = batch.context, batch.actions[:, 0], batch.targets[:, 0]
        chosen = noise.spread(len(targets), self.config.flow.own_context)
        from_noise = noise.normal(targets.shape)
        if not chosen:
            return contexts, actions, targets
        own = torch.tensor(chosen, device=contexts.device)
        with torch.no_grad():
            level = torch.zeros(len(own), device=contexts.device)
            predicted = self.dit(from_noise[own], level + 1.0, contexts[own], level, actions[own]).float()
        own_contexts = torch.cat([contexts[own, 1:], predicted[:, None]], dim=1)
        return (
            contexts.index_copy(0, own, own_contexts),
            actions.index_copy(0, own, batch.actions[own, 1]),
            targets.index_copy(0, own, batch.targets[own, 1]),
        )

    def save(self, folder: Path | str, *, metadata: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint folder."""
        return save_checkpoint(folder, "generator", self.config.to_dict(), self.state_dict(), metadata=metadata)


def load(folder: Path | str) -> VideoGenerator:
    """Reads a trained generator from its checkpoint folder, ready to sample. Raises `CheckpointError`."""
    config, tensors = load_checkpoint(folder, "generator")
    model = VideoGenerator(GeneratorConfig.from_dict(config))
    load_strictly(model, tensors, source=folder)
    return model.eval()
