"""Makes a trained model's probabilities honest and its decisions good, on play it was not trained on."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from idm.model import ActionLogits, InverseDynamicsModel
from learning.data import Episode
from learning.windows import TiledWindows

log = logging.getLogger(__name__)

MIN_SUPPORT = 15
"""Pressed ticks a button needs before its threshold is moved from one half."""
THRESHOLDS = np.linspace(0.15, 0.85, 29)
PULL = 5.0
"""How many ticks of evidence it takes to move a scale from 1 or a bias from 0: keeps rare buttons from extremes."""


def calibrate(model: InverseDynamicsModel, episodes: Sequence[Episode]) -> None:
    """Fits the model's calibration in place: scale and bias per button, scale per camera axis, threshold per button.

    Without an episode as long as the model's window, the calibration stays as it is, and a warning is logged.
    """
    if not any(len(episode) >= model.config.window for episode in episodes):
        log.warning("no held-out recording has the %d ticks of a window: not calibrated", model.config.window)
        return
    logits, buttons, camera = held_out(model, episodes)
    scale, bias = fit_buttons(logits.buttons[..., 1] - logits.buttons[..., 0], buttons)
    model.calibration.scale.copy_(scale)
    model.calibration.bias.copy_(bias)
    bins = torch.from_numpy(model.camera.encode(camera.cpu().numpy())).to(camera.device)
    model.calibration.camera_scale.copy_(fit_camera(logits.camera, bins))
    with torch.inference_mode():
        probabilities = model.calibration(logits).buttons[..., 1].exp()
    thresholds = [
        best_threshold(probabilities[:, i].cpu().numpy(), buttons[:, i].cpu().numpy()) for i in range(len(scale))
    ]
    model.calibration.threshold.copy_(torch.tensor(thresholds))


def held_out(model: InverseDynamicsModel, episodes: Sequence[Episode]) -> tuple[ActionLogits, Tensor, Tensor]:
    """Uncalibrated log-probabilities, true buttons (N, 20) and camera (N, 2) of the ticks in windows' middle halves."""
    device = model.positive_weight.device
    window = model.config.window
    middle = slice(window // 4, window - window // 4)
    parts: list[list[Tensor]] = []
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for batch in TiledWindows(episodes, window=window, stride=window // 2, batch_size=8):
            motion = None if batch.motion is None else batch.motion.to(device)
            logits = model(batch.frames.to(device), motion)
            keep = batch.usable[:, middle].to(device)
            tensors = (logits.buttons, logits.camera, batch.buttons.to(device), batch.camera.to(device))
            parts.append([tensor[:, middle][keep] for tensor in tensors])
    model.train(was_training)
    button_logits, camera_logits, buttons, camera = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return ActionLogits(button_logits, camera_logits), buttons, camera


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
