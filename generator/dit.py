"""The diffusion transformer: the next frame's latent from the last ones and the action (DiT, arXiv 2212.09748).

The context's latents join the noisy one on the channels, and the network's output is added to the last of them: a model
that has learnt nothing repeats the last frame. Noise levels and action modulate every block (adaLN-Zero).

Turning the view moves the picture, which is a linear map of the last latent that depends on the action alone. A
`Motion` layer learns it beside the transformer, in a fraction of the time that the transformer takes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from generator.blocks import MLP, Attention, grid_positions, patchify, sinusoid, unpatchify

LEVEL_FEATURES = 256


@dataclass(frozen=True, kw_only=True)
class DiTConfig:
    """Size of the diffusion transformer."""

    patch: int = 2
    """Latents along a patch."""
    width: int = 160
    """Features per token."""
    depth: int = 6
    """Transformer blocks."""
    heads: int = 4
    context: int = 3
    """Past latents that the model sees."""
    motions: int = 16
    """Kernels that the motion layer mixes; 0 leaves the layer out."""

    def __post_init__(self) -> None:
        if self.width % (4 * self.heads):
            raise ValueError(f"width {self.width} must be a multiple of 4 x heads, {4 * self.heads}")
        if self.context < 1:
            raise ValueError(f"context must be at least 1 latent, not {self.context}")


class LevelEmbedding(nn.Module):
    """Noise levels (B,) in 0..1 -> (B, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(LEVEL_FEATURES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, levels: Tensor) -> Tensor:
        """levels: (B,); 1000 ticks to the unit, as in the models with integer levels."""
        features: Tensor = self.mlp(sinusoid(1000.0 * levels, LEVEL_FEATURES))
        return features


class DiTBlock(nn.Module):
    """A transformer block whose norms and residuals are shifted, scaled and gated by the condition; zero at first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = MLP(width)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x: (B, N, D), condition: (B, D)."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition)[:, None].chunk(6, dim=-1)
        x = x + gate1 * self.attn(self.norm1(x) * (1 + scale1) + shift1)
        y: Tensor = x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)
        return y


class FinalLayer(nn.Module):
    """Tokens to patches of latents; zero at first."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.linear = nn.Linear(width, outputs)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x: (B, N, D), condition: (B, D) -> (B, N, outputs)."""
        shift, scale = self.modulation(condition)[:, None].chunk(2, dim=-1)
        patches: Tensor = self.linear(self.norm(x) * (1 + scale) + shift)
        return patches


class Motion(nn.Module):
    """Moves a latent's content by a mix of learnt kernels; the action and the place decide the mix. Zero at first."""

    positions: Tensor

    def __init__(self, kernels: int, *, channels: int, grid: tuple[int, int], action_features: int) -> None:
        super().__init__()
        self.move = nn.Conv2d(channels, kernels * channels, 3, padding=1, bias=False)
        self.mix = nn.Sequential(nn.Linear(action_features + 32, 64), nn.SiLU(), nn.Linear(64, kernels))
        self.register_buffer("positions", grid_positions(grid, 32), persistent=False)
        nn.init.zeros_(self.move.weight)

    def forward(self, latents: Tensor, actions: Tensor) -> Tensor:
        """What the action adds to the latents: (B, C, h, w), (B, F) -> (B, C, h, w)."""
        moved = self.move(latents).unflatten(1, (-1, latents.shape[1]))  # (B, kernels, C, h, w)
        cells = self.positions.expand(len(actions), -1, -1)  # (B, h * w, 32)
        condition = torch.cat([cells, actions[:, None].expand(-1, cells.shape[1], -1)], dim=-1)
        mix = self.mix(condition).transpose(1, 2).unflatten(2, latents.shape[2:])  # (B, kernels, h, w)
        added: Tensor = (moved * mix[:, :, None]).sum(dim=1)
        return added


class DiT(nn.Module):
    """Predicts the clean next latent from its noisy version, the last latents and the action between them."""

    positions: Tensor

    def __init__(
        self, config: DiTConfig, *, latent_channels: int, latent_size: tuple[int, int], action_features: int
    ) -> None:
        super().__init__()
        if any(side % config.patch for side in latent_size):
            raise ValueError(f"the latent's size {latent_size} must be a multiple of the DiT's patch, {config.patch}")
        self.config = config
        self.grid = latent_size[0] // config.patch, latent_size[1] // config.patch
        values = latent_channels * config.patch**2
        inputs = 1 + config.context + (config.motions > 0)
        self.embed = nn.Linear(inputs * values, config.width)
        self.level_embedding = LevelEmbedding(config.width)
        self.context_level_embedding = LevelEmbedding(config.width)
        self.action_embedding = nn.Sequential(
            nn.Linear(action_features, config.width), nn.SiLU(), nn.Linear(config.width, config.width)
        )
        self.blocks = nn.ModuleList(DiTBlock(config.width, config.heads) for _ in range(config.depth))
        self.final = FinalLayer(config.width, values)
        self.register_buffer("positions", grid_positions(self.grid, config.width), persistent=False)
        self._initialise()
        if config.motions:
            self.motion = Motion(
                config.motions, channels=latent_channels, grid=latent_size, action_features=action_features
            )

    def _initialise(self) -> None:
        """Xavier-uniform layers, except those that end a residual path through a gate or the output: zero."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for name, parameter in self.named_parameters():
            if name.endswith("modulation.1.weight") or name == "final.linear.weight":
                nn.init.zeros_(parameter)

    def forward(
        self, noisy: Tensor, levels: Tensor, context: Tensor, context_levels: Tensor, actions: Tensor
    ) -> Tensor:
        """The clean latent, (B, C, h, w).

        noisy: (B, C, h, w) at `levels` (B,); context: the last K latents, oldest first, (B, K, C, h, w), at
        `context_levels` (B,); actions: (B, F), features of the action that leads from the last latent to this one.
        """
        base = context[:, -1]
        x = torch.cat([noisy, context.flatten(1, 2)], dim=1)  # (B, (1 + K) * C, h, w)
        if self.config.motions:
            base = base + self.motion(base, actions)
            x = torch.cat([x, base], dim=1)  # (B, (2 + K) * C, h, w)
        x = self.embed(patchify(x, self.config.patch)) + self.positions  # (B, N, D)
        condition = (
            self.level_embedding(levels) + self.context_level_embedding(context_levels) + self.action_embedding(actions)
        )  # (B, D)
        for block in self.blocks:
            x = block(x, condition)
        return base + unpatchify(self.final(x, condition), self.config.patch, self.grid)
