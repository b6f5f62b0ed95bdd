"""The action-conditioned video generator: video -> low-dimensional latent -> patches -> diffusion transformer."""

from generator.dit import DiT, DiTConfig
from generator.metrics import evaluate_generator
from generator.model import GeneratorConfig, VideoGenerator, load
from generator.sampler import Sampler
from generator.vae import VAE, VAEConfig

__all__ = [
    "VAE",
    "DiT",
    "DiTConfig",
    "GeneratorConfig",
    "Sampler",
    "VAEConfig",
    "VideoGenerator",
    "evaluate_generator",
    "load",
]
