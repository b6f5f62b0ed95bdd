"""How good generated video is: close to what really happened, and obedient to the mouse.

PSNR alone ranks blur first, so it is compared with repeating the last frame, sharp and blurred, on all frames and on
those that turn, and complemented by how much fine detail there is and by a test of control: turning left must move the
picture to the right, and turning right to the left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from env.actions import Actions
from env.errors import RecordingError
from generator.actions import action_features
from generator.model import VideoGenerator
from generator.sampler import Sampler
from learning.data import Episode

HORIZONS = (1, 2, 4, 8, 16, 32)
"""Ticks after the start frame at which PSNR and detail are reported."""
BLURS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Standard deviations, in pixels, of the blurs that a copy of the last frame is tried with."""
TURNING_DEGREES = 3.0
"""A tick whose yaw is at least this is a turning one."""
TEST_TURN = Actions(np.zeros((2, 20), bool), np.array([[0.0, 5.0]] * 2, np.float32))
"""The turn to the right that tests control, two ticks of 5°; its mirror image tests the left."""
BATCH = 32


@dataclass(frozen=True)
class Start:
    """A place to start from: a tick of an episode, with enough usable frames around it."""

    episode: int
    tick: int


def psnr(generated: NDArray[np.uint8], real: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB of the mean squared error over all frames and pixels (uint8, same shape)."""
    error = float(np.mean((generated.astype(np.float32) - real.astype(np.float32)) ** 2))
    return float(10.0 * np.log10(255.0**2 / max(error, 1e-3)))


def detail(frames: NDArray[np.uint8]) -> float:
    """Mean absolute difference of neighbouring pixels over frames (..., H, W, 3): blur lowers it, noise raises it."""
    pixels = frames.astype(np.float32)
    across, down = np.diff(pixels, axis=-2), np.diff(pixels, axis=-3)
    return float(np.abs(across).mean() + np.abs(down).mean())


def blurred_copy_psnr(last: NDArray[np.uint8], real: NDArray[np.uint8]) -> float:
    """PSNR in dB of repeating the frames `last` (B, H, W, 3), blurred by that of `BLURS` which does best."""
    blurred = (np.stack([cv2.GaussianBlur(frame, (0, 0), blur) for frame in last]) for blur in BLURS)
    return max(psnr(frames.astype(np.uint8), real) for frames in blurred)


def horizontal_shift(before: NDArray[np.uint8], after: NDArray[np.uint8], *, most: int | None = None) -> float:
    """Pixels by which the picture moved to the right from `before` to `after`, both uint8 (H, W, 3).

    The shift up to `most` (a quarter of the width) at which their edges correlate best, to a fraction of a pixel. Only
    the upper two thirds count: below are the hotbar and the hand, which stay where they are.
    """
    most = before.shape[1] // 4 if most is None else most
    first, second = (_edges(frame) for frame in (before, after))
    scores = [_correlation(first, second, shift) for shift in range(-most, most + 1)]
    best = int(np.argmax(scores))
    if 0 < best < 2 * most:
        left, middle, right = scores[best - 1 : best + 2]
        curvature = left - 2 * middle + right
        return best - most + (0.5 * (left - right) / curvature if curvature < 0 else 0.0)
    return float(best - most)


def _edges(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Horizontal differences of the upper two thirds' brightness."""
    upper = frame[: frame.shape[0] * 2 // 3].astype(np.float32).mean(axis=2)
    return np.diff(upper, axis=1)


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32], shift: int) -> float:
    """Normalised correlation of the overlap when `second` is `first` moved `shift` pixels to the right."""
    width = first.shape[1]
    a = first[:, max(0, -shift) : width - max(0, shift)]
    b = second[:, max(0, shift) : width - max(0, -shift)]
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))


def evaluate_generator(
    model: VideoGenerator,
    episodes: Sequence[Episode],
    *,
    clips: int = 256,
    pairs: int = 100,
    steps: int = 4,
    seed: int = 0,
) -> dict[str, Any]:
    """Compares generated with real frames, at the model's size, on recordings that it was not trained on.

    psnr, copy_psnr, blurred_copy_psnr: one tick ahead, generated, by repeating the last frame, and by repeating it with
    the best blur, in dB; detail_ratio: the generated frames' `detail` over the real ones'; horizons: these four by
    ticks ahead; psnr_turning, copy_psnr_turning: on ticks that turn by `TURNING_DEGREES` or more; vae_psnr,
    vae_detail_ratio: the autoencoder alone; left_right_order: the share of start frames from which a turn to the left
    moves the picture further to the right than its mirror image, `TEST_TURN`, does from the same noise. At most `clips`
    start frames are used for each PSNR, and `pairs` for the order.
    """
    rng = np.random.default_rng(seed)
    sampler = Sampler(model, steps=steps)
    runs = draw_starts(episodes, context=model.context, ticks=max(HORIZONS), count=clips, rng=rng)
    turns = draw_starts(episodes, context=model.context, ticks=1, count=clips, rng=rng, turning=True)
    sides = draw_starts(episodes, context=model.context, ticks=1, count=pairs, rng=rng)
    if not runs:
        raise RecordingError(
            f"no recording has {model.context + max(HORIZONS)} usable ticks in a row, which the evaluation needs."
        )
    generated = _generate(sampler, episodes, runs, ticks=max(HORIZONS), seed=seed)
    real, last = _real(episodes, runs, ticks=max(HORIZONS))
    horizons = {str(h): _compare(generated[:, h - 1], real[:, h - 1], last) for h in HORIZONS}
    reconstructed = _reconstruct(model, real[:, 0])
    result: dict[str, Any] = {
        **horizons["1"],
        "vae_psnr": psnr(reconstructed, real[:, 0]),
        "vae_detail_ratio": detail(reconstructed) / max(detail(real[:, 0]), 1e-6),
        "left_right_order": left_right_order(sampler, episodes, sides, seed=seed),
        "horizons": horizons,
        "clips": len(runs),
        "turning_clips": len(turns),
        "pairs": len(sides),
        "steps": steps,
    }
    if turns:
        real, last = _real(episodes, turns, ticks=1)
        result["psnr_turning"] = psnr(_generate(sampler, episodes, turns, ticks=1, seed=seed), real)
        result["copy_psnr_turning"] = psnr(last, real[:, 0])
    return result


def _compare(generated: NDArray[np.uint8], real: NDArray[np.uint8], last: NDArray[np.uint8]) -> dict[str, float]:
    """The figures of one horizon; all frames (B, H, W, 3)."""
    return {
        "psnr": psnr(generated, real),
        "copy_psnr": psnr(last, real),
        "blurred_copy_psnr": blurred_copy_psnr(last, real),
        "detail_ratio": detail(generated) / max(detail(real), 1e-6),
    }


def draw_starts(
    episodes: Sequence[Episode],
    *,
    context: int,
    ticks: int,
    count: int,
    rng: np.random.Generator,
    turning: bool = False,
) -> list[Start]:
    """Up to `count` places, in order, with `context` usable frames up to there and `ticks` after; or such that turn."""
    starts = []
    for number, episode in enumerate(episodes):
        if len(episode) < context + ticks:
            continue
        whole = np.asarray(sliding_window_view(episode.usable, context + ticks).all(axis=1))
        if turning:
            turns = np.abs(episode.actions.camera[:, 1]) >= TURNING_DEGREES
            whole = whole & turns[context - 1 :][: len(whole)]
        starts += [Start(number, int(first) + context - 1) for first in np.flatnonzero(whole)]
    chosen = np.sort(rng.choice(len(starts), size=min(count, len(starts)), replace=False))
    return [starts[i] for i in chosen]


def left_right_order(sampler: Sampler, episodes: Sequence[Episode], starts: Sequence[Start], *, seed: int = 0) -> float:
    """Share of starts from which a left turn moves the picture further to the right than a right turn."""
    ticks = len(TEST_TURN)
    left = Actions(TEST_TURN.buttons, -TEST_TURN.camera)
    before = [episodes[start.episode].frames[start.tick] for start in starts]
    after = [
        _generate(sampler, episodes, starts, ticks=ticks, seed=seed, actions=turn)[:, -1] for turn in (left, TEST_TURN)
    ]
    shifts = [[horizontal_shift(a, b) for a, b in zip(before, frames, strict=True)] for frames in after]
    return float(np.mean([to_left > to_right for to_left, to_right in zip(*shifts, strict=True)]))


def _generate(
    sampler: Sampler,
    episodes: Sequence[Episode],
    starts: Sequence[Start],
    *,
    ticks: int,
    seed: int,
    actions: Actions | None = None,
) -> NDArray[np.uint8]:
    """Generated frames (starts, ticks, H, W, 3), under the recorded actions or the given ones."""
    model, generator = sampler.model, torch.Generator().manual_seed(seed)
    batches = []
    for first in tqdm(range(0, len(starts), BATCH), desc=f"generating {ticks} ticks", unit="batch", leave=False):
        batch = starts[first : first + BATCH]
        context = np.stack([episodes[s.episode].frames[s.tick + 1 - model.context : s.tick + 1] for s in batch])
        taken = [actions or episodes[s.episode].actions[s.tick : s.tick + ticks] for s in batch]
        features = torch.stack([action_features(a) for a in taken])  # (B, T, F)
        latents = model.encode(torch.from_numpy(context).to(model.device))
        batches.append(model.decode(sampler.rollout(latents, features, generator=generator)).cpu().numpy())
    return np.concatenate(batches)


def _real(
    episodes: Sequence[Episode], starts: Sequence[Start], *, ticks: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What really happened (starts, ticks, H, W, 3), and the start frames (starts, H, W, 3)."""
    frames = [episodes[s.episode].frames[s.tick : s.tick + ticks + 1] for s in starts]
    stacked = np.stack(frames)
    return stacked[:, 1:], stacked[:, 0]


def _reconstruct(model: VideoGenerator, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Through the autoencoder and back."""
    batches: list[Tensor] = []
    for first in range(0, len(frames), BATCH):
        batch = torch.from_numpy(frames[first : first + BATCH]).to(model.device)
        batches.append(model.decode(model.encode(batch)).cpu())
    return torch.cat(batches).numpy()
