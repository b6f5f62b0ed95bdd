"""The autoencoder: a frame to a small grid of latents and back (video -> low-dimensional latent).

A ViT autoencoder as in Oasis (patch embedding, transformer encoder, Gaussian bottleneck, transformer decoder), plus a
linear path around the transformer that starts as the principal components of the patches. It is therefore useful from
the first step on, and the transformer learns only what a linear map cannot do.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generator.blocks import MLP, Attention, grid_positions, patchify, unpatchify
from generator.noise import Noise


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """Size of the autoencoder."""

    size: tuple[int, int] = (48, 80)
    """Height and width of a frame in pixels."""
    patch: int = 8
    """Pixels along a patch; a frame becomes height/patch x width/patch latents."""
    latent_channels: int = 16
    """Numbers per patch in the latent."""
    width: int = 128
    """Features per token."""
    heads: int = 4
    encoder_depth: int = 1
    """Transformer blocks before the bottleneck."""
    decoder_depth: int = 3
    """Transformer blocks after the bottleneck."""
    linear_path: bool = True
    """Whether a linear map of each patch runs beside the transformer, in the encoder and in the decoder."""
    kl_weight: float = 1e-5
    """Weight of the KL divergence (nats per latent number) beside the mean squared error of pixels in -1..1."""

    def __post_init__(self) -> None:
        if any(side % self.patch for side in self.size):
            raise ValueError(f"size {self.size} must be a multiple of the patch, {self.patch}")
        if self.width % (4 * self.heads):
            raise ValueError(f"width {self.width} must be a multiple of 4 x heads, {4 * self.heads}")

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches, which is the latent's height and width."""
        return self.size[0] // self.patch, self.size[1] // self.patch


def to_pixels(frames: Tensor) -> Tensor:
    """uint8 (..., H, W, 3) -> float (..., 3, H, W) in -1..1."""
    return (frames.float() / 127.5 - 1.0).movedim(-1, -3)


def to_frames(pixels: Tensor) -> Tensor:
    """float (..., 3, H, W) in about -1..1 -> uint8 (..., H, W, 3)."""
    return ((pixels.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).movedim(-3, -1)


class ViTBlock(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, N, D)."""
        x = x + self.attn(self.norm1(x))
        y: Tensor = x + self.mlp(self.norm2(x))
        return y


class VAE(nn.Module):
    """Encodes single frames, (B, 3, H, W) in -1..1, to latents (B, C, rows, columns), and decodes them."""

    positions: Tensor

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        pixels, latent, width = 3 * config.patch**2, config.latent_channels, config.width
        self.patch_embed = nn.Linear(pixels, width)
        self.encoder = nn.ModuleList(ViTBlock(width, config.heads) for _ in range(config.encoder_depth))
        self.enc_norm = nn.LayerNorm(width, eps=1e-6)
        self.quant = nn.Linear(width, 2 * latent)
        self.post_quant = nn.Linear(latent, width)
        self.decoder = nn.ModuleList(ViTBlock(width, config.heads) for _ in range(config.decoder_depth))
        self.dec_norm = nn.LayerNorm(width, eps=1e-6)
        self.predictor = nn.Linear(width, pixels)
        self.register_buffer("positions", grid_positions(config.grid, width), persistent=False)
        if config.linear_path:
            self.linear_encoder = nn.Linear(pixels, latent)
            self.linear_decoder = nn.Linear(latent, pixels)
            for layer in (self.quant, self.predictor):  # the linear path alone speaks at first
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
            nn.init.constant_(self.quant.bias[latent:], -6.0)  # a posterior of .05 standard deviations

    def posterior(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent, each (B, C, rows, columns)."""
        patches = patchify(pixels, self.config.patch)  # (B, N, 3 * patch^2)
        x = self.patch_embed(patches) + self.positions  # (B, N, D)
        for block in self.encoder:
            x = block(x)
        mean, log_variance = self.quant(self.enc_norm(x)).chunk(2, dim=-1)  # (B, N, C)
        if self.config.linear_path:
            mean = mean + self.linear_encoder(patches)
        return tuple(unpatchify(x, 1, self.config.grid) for x in (mean, log_variance.clamp(-30.0, 20.0)))  # type: ignore[return-value]

    def encode(self, pixels: Tensor) -> Tensor:
        """The posterior's mean, (B, C, rows, columns)."""
        return self.posterior(pixels)[0]

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, C, rows, columns) -> pixels (B, 3, H, W), about -1..1."""
        tokens = patchify(latents, 1)  # (B, N, C)
        x = self.post_quant(tokens) + self.positions  # (B, N, D)
        for block in self.decoder:
            x = block(x)
        patches = self.predictor(self.dec_norm(x))  # (B, N, 3 * patch^2)
        if self.config.linear_path:
            patches = patches + self.linear_decoder(tokens)
        return unpatchify(patches, self.config.patch, self.config.grid)

    def loss(self, pixels: Tensor, *, noise: Noise) -> dict[str, Tensor]:
        """Losses of one batch of pixels (B, 3, H, W): total, reconstruction (mean squared error) and kl."""
        mean, log_variance = self.posterior(pixels)
        latents = mean + (0.5 * log_variance).exp() * noise.normal(mean.shape)
        reconstruction = F.mse_loss(self.decode(latents).float(), pixels)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).float().mean()
        return {
            "total": reconstruction + self.config.kl_weight * kl,
            "reconstruction": reconstruction,
            "kl": kl,
        }

    @torch.no_grad()
    def fit_linear_path(self, pixels: Tensor) -> None:
        """Sets the linear path to the principal components of the patches of some frames (B, 3, H, W).

        A component of variance v keeps the standard deviation v^(1/4): between the plain projection, in which noise
        drowns the fine detail, and the whitened one, in which it weighs as much as the coarse.
        """
        if not self.config.linear_path:
            return
        patches = patchify(pixels, self.config.patch).flatten(0, 1)  # (B * N, 3 * patch^2)
        mean = patches.mean(0)
        variances, directions = torch.linalg.eigh(torch.cov(patches.T))  # in rising order
        latent = self.config.latent_channels
        variances, directions = variances[-latent:].flip(0).clamp(min=1e-6), directions[:, -latent:].flip(1)
        scales = variances.pow(-0.25) / variances.pow(0.5).mean().sqrt()  # (C); the latents' mean variance is 1
        self.linear_encoder.weight.copy_(directions.T * scales[:, None])
        self.linear_encoder.bias.copy_(-self.linear_encoder.weight @ mean)
        self.linear_decoder.weight.copy_(directions / scales)
        self.linear_decoder.bias.copy_(mean)
