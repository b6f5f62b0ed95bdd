"""Makes a trained model's probabilities honest and its decisions good, on play it was not trained on."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from idm.model import (
    AS_SURE,
    LEAST_PROBABILITY,
    ActionLogits,
    Calibration,
    InverseDynamicsModel,
    top_log_odds,
)
from idm.reliability import prediction_confidence
from learning.data import Episode
from learning.windows import TiledWindows

log = logging.getLogger(__name__)

MIN_SUPPORT = 15
"""Pressed ticks a button needs before its threshold is moved from one half."""
THRESHOLDS = np.linspace(0.15, 0.85, 29)
DOUBTFUL = 0.1
"""Share of held-out play whose ticks are called of low confidence."""
PULL = 5.0
"""How many ticks of evidence it takes to move a scale from 1 or a bias from 0: keeps rare buttons from extremes."""


def calibrate(model: InverseDynamicsModel, episodes: Sequence[Episode]) -> None:
    """Fits the model's calibrations in place: of what it says of a clip, and of the mean with its mirror image.

    Each has a scale and a bias per button, for each camera axis a scale and how sure its likeliest bin is, and the
    confidence below which `DOUBTFUL` of this play falls. Both have the thresholds per button that are best for the clip
    alone: two choices would differ by chance more than by what is best. A model with fixed motion features, whose
    mirror image costs next to nothing, then averages by default if that makes this play more likely.

    Without an episode as long as the model's window, the calibrations stay as they are, and a warning is logged.
    """
    if not any(len(episode) >= model.config.window for episode in episodes):
        log.warning("no held-out recording has the %d ticks of a window: not calibrated", model.config.window)
        return
    plain, mirrored, buttons, camera = held_out(model, episodes)
    bins = torch.from_numpy(model.camera.encode(camera.cpu().numpy())).to(camera.device)
    plain = _fit(model.calibration, plain, buttons, bins)
    mirrored = _fit(model.mirrored_calibration, mirrored, buttons, bins)
    pressed = plain.buttons[..., 1].exp().cpu().numpy()
    thresholds = torch.tensor(
        [best_threshold(each, held) for each, held in zip(pressed.T, buttons.cpu().numpy().T, strict=True)]
    )
    model.calibration.threshold.copy_(thresholds)
    model.mirrored_calibration.threshold.copy_(thresholds)
    if len(buttons) == 0:
        return
    for is_mirrored, logits in enumerate((plain, mirrored)):
        confidence = prediction_confidence(model.decide(logits, mirrored=bool(is_mirrored)))
        low = float(np.quantile(confidence, DOUBTFUL))
        model.calibration_of(mirrored=bool(is_mirrored)).low_confidence.fill_(low)
    better = _likelihood(mirrored, buttons, bins) > _likelihood(plain, buttons, bins)
    model.mirror_pays.fill_(model.config.has_motion and better)


def _fit(calibration: Calibration, logits: ActionLogits, buttons: Tensor, bins: Tensor) -> ActionLogits:
    """Fits scales and biases to uncalibrated log-probabilities and the truth of N ticks; returns calibrated ones."""
    scale, bias = fit_buttons(logits.buttons[..., 1] - logits.buttons[..., 0], buttons)
    calibration.scale.copy_(scale)
    calibration.bias.copy_(bias)
    calibration.camera_scale.copy_(fit_camera(logits.camera, bins))
    scaled = (logits.camera * calibration.camera_scale[:, None]).log_softmax(-1)
    calibration.camera_top.copy_(fit_camera_top(scaled, bins))
    with torch.inference_mode():
        calibrated: ActionLogits = calibration(logits)
    return calibrated


def _likelihood(logits: ActionLogits, buttons: Tensor, bins: Tensor) -> float:
    """Sum of the log-likelihoods of true buttons (N, 20) and camera bins (N, 2)."""
    right_buttons = logits.buttons.gather(-1, buttons[..., None].long())
    return float(right_buttons.sum() + logits.camera.gather(-1, bins[..., None]).sum())


def held_out(
    model: InverseDynamicsModel, episodes: Sequence[Episode]
) -> tuple[ActionLogits, ActionLogits, Tensor, Tensor]:
    """What the model says of the ticks in windows' middle halves, uncalibrated, and the truth.

    Log-probabilities of the clip alone and of the mean with its mirror image, buttons (N, 20), camera (N, 2) degrees.
    """
    device = model.positive_weight.device
    window = model.config.window
    middle = slice(window // 4, window - window // 4)
    parts: list[list[Tensor]] = []
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for batch in TiledWindows(episodes, window=window, stride=window // 2, batch_size=8):
            motion = None if batch.motion is None else batch.motion.to(device)
            views = model.encode_views(batch.frames.to(device), motion, mirrored=True)
            plain, mirrored = model.read_views(views[:, :, :1]), model.read_views(views)
            keep = batch.usable[:, middle].to(device)
            tensors = (*plain, *mirrored, batch.buttons.to(device), batch.camera.to(device))
            parts.append([tensor[:, middle][keep] for tensor in tensors])
    model.train(was_training)
    found = [torch.cat(tensors) for tensors in zip(*parts, strict=True)]
    return ActionLogits(*found[:2]), ActionLogits(*found[2:4]), found[4], found[5]


def fit_buttons(margins: Tensor, pressed: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and bias per button that make `sigmoid(scale * margin + bias)` a probability. margins, pressed: (N, 20)."""
    margins, target = margins.detach().clone().double(), pressed.double()
    log_scale = torch.zeros(margins.shape[1], dtype=torch.float64, device=margins.device, requires_grad=True)
    bias = torch.zeros_like(log_scale, requires_grad=True)

    def loss() -> Tensor:
        logits = margins * log_scale.exp() + bias
        nll = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
        return nll + PULL * (log_scale.square().sum() + 0.1 * bias.square().sum())

    _minimise(loss, [log_scale, bias])
    return log_scale.detach().exp().float(), bias.detach().float()


def fit_camera(logits: Tensor, bins: Tensor) -> Tensor:
    """Scale per axis of the camera's log-probabilities (an inverse temperature). logits: (N, 2, 11), bins: (N, 2)."""
    logits = logits.detach().clone().double()
    log_scale = torch.zeros(2, dtype=torch.float64, device=logits.device, requires_grad=True)

    def loss() -> Tensor:
        scaled = logits * log_scale.exp()[:, None]
        return F.cross_entropy(scaled.flatten(0, 1), bins.flatten(), reduction="sum") + PULL * log_scale.square().sum()

    _minimise(loss, [log_scale])
    return log_scale.detach().exp().float()


def fit_camera_top(log_probs: Tensor, bins: Tensor) -> Tensor:
    """Weights by axis (2, 3) for `sure_as`, which make the likeliest bin as likely as it is often the true one.

    log_probs: (N, 2, bins) after the scale of `fit_camera`; bins: (N, 2), the true ones.
    """
    found = log_probs.detach().clone().double().max(-1)
    right = (found.indices == bins).double()
    p = found.values.exp().clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    change = torch.zeros(2, len(AS_SURE), dtype=torch.float64, device=p.device, requires_grad=True)
    start = torch.tensor(AS_SURE, dtype=torch.float64, device=p.device)

    def loss() -> Tensor:
        nll = F.binary_cross_entropy_with_logits(top_log_odds(p, start + change), right, reduction="sum")
        return nll + PULL * change.square().sum()

    _minimise(loss, [change])
    return (start + change).detach().float()


def best_threshold(probability: NDArray[np.floating[Any]], pressed: NDArray[np.bool_]) -> float:
    """The threshold with the best F1; one half for a button too rare to tell."""
    if pressed.sum() < MIN_SUPPORT:
        return 0.5
    found = probability[None, :] > THRESHOLDS[:, None]  # (thresholds, N)
    f1 = 2.0 * (found & pressed).sum(1) / np.maximum(found.sum(1) + pressed.sum(), 1)
    near = np.flatnonzero(f1 >= f1.max() - 0.002)
    return float(THRESHOLDS[near].mean())  # the middle of the best ones: a single peak is noise


def _minimise(loss: Callable[[], Tensor], parameters: list[Tensor]) -> None:
    optimizer = torch.optim.LBFGS(parameters, max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
