import pytest
import torch

from generator import VAE, VAEConfig
from generator.blocks import patchify, unpatchify
from generator.noise import Noise
from generator.vae import to_frames, to_pixels
from learning.data import Episode

CONFIG = VAEConfig(size=(16, 32), patch=4, latent_channels=8, width=32, heads=2, encoder_depth=1, decoder_depth=1)


def test_patches_are_cut_and_put_back() -> None:
    x = torch.randn(2, 3, 8, 12)
    tokens = patchify(x, 4)
    assert tokens.shape == (2, 6, 48)
    assert torch.equal(unpatchify(tokens, 4, (2, 3)), x)


def test_frames_survive_the_conversion_to_pixels() -> None:
    frames = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 16, 16, 3)
    assert torch.equal(to_frames(to_pixels(frames)), frames)


def test_shapes() -> None:
    vae = VAE(CONFIG)
    latents = vae.encode(torch.rand(2, 3, 16, 32))
    assert latents.shape == (2, 8, 4, 8)
    assert vae.decode(latents).shape == (2, 3, 16, 32)


def test_before_training_it_is_as_good_as_principal_components() -> None:
    """The linear path starts as the best linear map of the patches: the error is the variance that was left out."""
    pixels = torch.rand(20, 3, *CONFIG.size)
    vae = VAE(CONFIG)
    vae.fit_linear_path(pixels)
    patches = patchify(pixels, CONFIG.patch).flatten(0, 1)
    left_out = torch.linalg.eigvalsh(torch.cov(patches.T, correction=0))[: -CONFIG.latent_channels].sum()
    with torch.no_grad():
        error = (vae.decode(vae.encode(pixels)) - pixels).square().mean() * patches.shape[1]
    assert float(error) == pytest.approx(float(left_out), rel=1e-2)


def test_training_beats_principal_components(episode: Episode) -> None:
    pixels = to_pixels(torch.from_numpy(episode.frames))
    torch.manual_seed(0)
    vae = VAE(CONFIG)
    vae.fit_linear_path(pixels)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=3e-3)
    noise = Noise(torch.Generator().manual_seed(0))
    first = float(vae.loss(pixels, noise=noise)["reconstruction"].detach())
    for _ in range(40):
        loss = vae.loss(pixels, noise=noise)
        optimizer.zero_grad()
        loss["total"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(loss["reconstruction"].detach()) < 0.7 * first


def test_a_size_that_does_not_fit_the_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of the patch"):
        VAEConfig(size=(45, 80), patch=8)
