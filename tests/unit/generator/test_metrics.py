import numpy as np
import pytest
import torch

from env.actions import Actions
from generator import VideoGenerator, evaluate_generator
from generator.metrics import HORIZONS, blurred_copy_psnr, detail, draw_starts, horizontal_shift, left_right_order, psnr
from generator.sampler import Sampler
from generator.vae import to_pixels
from learning.data import Episode


@pytest.mark.parametrize("shift", [-5, -1, 0, 2, 7])
def test_a_known_shift_is_measured(shift: int) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (48, 80, 3), np.uint8)
    assert horizontal_shift(picture, np.roll(picture, shift, axis=1)) == pytest.approx(shift, abs=0.3)


def test_the_hotbar_does_not_hide_a_shift() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (48, 80, 3), np.uint8)
    moved = np.roll(picture, 3, axis=1)
    moved[36:] = picture[36:]
    assert horizontal_shift(picture, moved) == pytest.approx(3, abs=0.3)


def test_psnr_of_a_known_error() -> None:
    black = np.zeros((2, 4, 4, 3), np.uint8)
    assert psnr(black, black + 51) == pytest.approx(20 * np.log10(5.0))


def test_detail_of_a_checkerboard_and_of_a_plain_picture() -> None:
    """Every pixel of a checkerboard differs from its neighbours by 100, across and down."""
    board = np.indices((6, 8)).sum(axis=0) % 2 * 100
    picture = np.repeat(board[None, ..., None], 3, axis=-1).astype(np.uint8)
    assert detail(picture) == 200.0
    assert detail(np.full_like(picture, 50)) == 0.0


def test_a_blurred_copy_is_better_where_everything_changed_and_worse_where_nothing_did() -> None:
    """Of two unrelated noises, the mean is the better guess: about 3 dB less error than the other noise."""
    rng = np.random.default_rng(0)
    last, other = rng.integers(0, 256, (2, 8, 48, 80, 3), dtype=np.uint8)
    assert blurred_copy_psnr(last, other) == pytest.approx(psnr(last, other) + 3.0, abs=0.1)
    assert blurred_copy_psnr(last, last) < psnr(last, last)


class Panning(Sampler):
    """Generates what a perfect (or, mirrored, a perfectly wrong) generator would: the picture moves with the mouse."""

    def __init__(self, model: VideoGenerator, *, pixels_per_degree: float) -> None:
        super().__init__(model, steps=1)
        self.pixels_per_degree = pixels_per_degree

    def next_latent(self, context: torch.Tensor, actions: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
        """One latent is 4 pixels: whole latents only."""
        yaw = 10.0 * actions[:, 21]
        shifts = (-yaw * self.pixels_per_degree / 4).round().int().tolist()
        return torch.stack([latent.roll(s, dims=-1) for latent, s in zip(context[:, -1], shifts, strict=True)])


@pytest.mark.parametrize(("pixels_per_degree", "expected"), [(0.8, 1.0), (-0.8, 0.0)])
def test_left_and_right_are_told_apart(
    model: VideoGenerator, episode: Episode, pixels_per_degree: float, expected: float
) -> None:
    model.vae.fit_linear_path(to_pixels(torch.from_numpy(episode.frames)))
    starts = draw_starts([episode], context=2, ticks=1, count=8, rng=np.random.default_rng(0))
    sampler = Panning(model, pixels_per_degree=pixels_per_degree)
    assert left_right_order(sampler, [episode], starts) == expected


def test_evaluation_of_a_generator_that_copies(model: VideoGenerator, episode: Episode) -> None:
    """An untrained generator repeats the last frame and knows no left or right."""
    model.vae.fit_linear_path(to_pixels(torch.from_numpy(episode.frames)))
    scores = evaluate_generator(model, [episode], clips=10, pairs=4, steps=1)
    assert set(scores["horizons"]) == {str(h) for h in HORIZONS}
    assert scores["psnr"] <= scores["vae_psnr"]
    assert scores["left_right_order"] == 0.0
    assert scores["copy_psnr"] == scores["horizons"]["1"]["copy_psnr"]
    ratios = [figures["detail_ratio"] for figures in scores["horizons"].values()]
    assert all(0.5 < ratio < 1.1 for ratio in ratios)  # the autoencoder's loss, again and again


def test_turning_starts_turn(episode: Episode) -> None:
    starts = draw_starts([episode], context=2, ticks=1, count=100, rng=np.random.default_rng(0), turning=True)
    assert starts
    assert all(abs(episode.actions.camera[start.tick, 1]) >= 3.0 for start in starts)


def test_no_turning_ticks_leave_that_figure_out(model: VideoGenerator, episode: Episode) -> None:
    still = Episode(episode.frames, Actions.none(60), episode.usable, "still")
    assert "psnr_turning" not in evaluate_generator(model, [still], clips=4, pairs=2, steps=1)
