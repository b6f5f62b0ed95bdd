"""Whether the model knows what it knows: calibration errors, and the error left when doubtful ticks are dropped."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS, Actions
from idm.metrics import AXES
from idm.model import Prediction

BINS = 15
"""Bins of equal mass of the expected calibration error."""
LEAST_LIKELY = 0.01
"""Less likely buttons are left out of the calibration error `likely`: most of them are, nearly always."""
COVERAGES = (1.0, 0.9, 0.75, 0.5)
"""Shares of the ticks, the most confident first, whose error is told."""


def camera_probability(prediction: Prediction) -> NDArray[np.float32]:
    """(T,) of the view's turn lying within a bin of the one given: mass for pitch times that for yaw."""
    quantizer = prediction.quantizer
    bins = quantizer.encode(prediction.actions.camera)[..., None]  # (T, 2, 1)
    near = np.abs(np.arange(quantizer.bins) - bins) <= 1  # (T, 2, bins)
    mass: NDArray[np.float32] = (np.exp(prediction.camera_log_probs) * near).sum(axis=-1).prod(axis=-1)
    return mass


def tick_confidence(
    buttons: NDArray[np.bool_], button_probabilities: NDArray[np.float32], camera_probability: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(T,) the probability that all 20 buttons and the camera are right, were they independent.

    buttons, button_probabilities: (T, 20), the latter of being pressed; camera_probability: (T,).
    """
    right = np.where(buttons, button_probabilities, 1 - button_probabilities)
    confidence: NDArray[np.float32] = right.prod(axis=1) * camera_probability
    return confidence


def prediction_confidence(prediction: Prediction) -> NDArray[np.float32]:
    """(T,) `tick_confidence` of a prediction."""
    pressed = np.exp(prediction.button_log_probs[..., 1])
    return tick_confidence(prediction.actions.buttons, pressed, camera_probability(prediction))


def calibration_error(
    probabilities: NDArray[np.floating[Any]], happened: NDArray[np.bool_], *, bins: int = BINS
) -> float | None:
    """Expected calibration error: mean distance of what was said from how often it was so, over bins of equal mass.

    Equal probabilities stay in one bin. None without any. (Naeini et al. 2015; equal mass: Nguyen & O'Connor 2015.)
    """
    p = probabilities.astype(np.float64).ravel()
    if not p.size:
        return None
    edges = np.sort(p)[np.arange(1, bins) * p.size // bins]
    place = np.searchsorted(edges, p, side="right")
    gaps = np.bincount(place, weights=p, minlength=bins) - np.bincount(place, weights=happened.ravel(), minlength=bins)
    return float(np.abs(gaps).sum() / p.size)


def risk_coverage(
    confidence: NDArray[np.floating[Any]], errors: Mapping[str, NDArray[np.floating[Any]]]
) -> dict[str, Any]:
    """Mean of each of `errors` (T,) over the most confident ticks, at COVERAGES and as a curve in steps of 5 %.

    `gain` is the share by which leaving out the least confident quarter lowers the error of all, `best_gain` what it
    would be with the ticks in order of this error itself; None where there is no error.
    """
    order = np.argsort(-confidence, kind="stable")
    return {name: _risk(error[order].astype(np.float64)) for name, error in errors.items()}


def _risk(errors: NDArray[np.float64]) -> dict[str, Any]:
    """errors: (T,) in the order of falling confidence."""

    def at(share: float, ordered: NDArray[np.float64]) -> float:
        return float(ordered[: max(1, round(share * len(ordered)))].mean())

    whole = float(errors.mean())
    steps = [step / 20 for step in range(1, 21)]
    return {
        "at_coverage": {f"{share:.2f}": at(share, errors) for share in COVERAGES},
        "gain": 1 - at(0.75, errors) / whole if whole else None,
        "best_gain": 1 - at(0.75, np.sort(errors)) / whole if whole else None,
        "curve": {"coverage": steps, "error": [at(share, errors) for share in steps]},
    }


def reliability(prediction: Prediction, true: Actions) -> dict[str, Any]:
    """Calibration errors of buttons and camera bins, and the errors by coverage, of ticks that all have a truth."""
    pressed = np.exp(prediction.button_log_probs[..., 1])  # (T, 20)
    camera = np.exp(prediction.camera_log_probs)  # (T, 2, bins)
    likely = pressed >= LEAST_LIKELY
    right_bin = camera.argmax(axis=-1) == prediction.quantizer.encode(true.camera)  # (T, 2)
    found = prediction.actions
    wrong = found.buttons != true.buttons
    confidence = prediction_confidence(prediction)
    return {
        "buttons_ece": calibration_error(pressed, true.buttons),
        "buttons_ece_likely": calibration_error(pressed[likely], true.buttons[likely]),
        "likely_share": float(likely.mean()),
        "buttons": {name: calibration_error(pressed[:, i], true.buttons[:, i]) for i, name in enumerate(BUTTONS)},
        "camera_ece": {
            axis: calibration_error(camera[:, i].max(axis=-1), right_bin[:, i]) for i, axis in enumerate(AXES)
        },
        "camera_bin_accuracy": {axis: float(right_bin[:, i].mean()) for i, axis in enumerate(AXES)},
        "nats_per_tick": dict(zip(("buttons", "camera"), _nats(prediction, true).mean(axis=1).tolist(), strict=True)),
        "mean_confidence": float(confidence.mean()),
        "risk": risk_coverage(
            confidence,
            {
                "wrong_keys": wrong.mean(axis=1),
                "ticks_with_a_wrong_key": wrong.any(axis=1).astype(np.float64),
                "camera_mae_degrees": np.abs(found.camera - true.camera).mean(axis=1, dtype=np.float64),
            },
        ),
    }


def tick_losses(prediction: Prediction, true: Actions) -> NDArray[np.float64]:
    """(T,) negative log-likelihood of each tick's true buttons and camera bins, in nats."""
    losses: NDArray[np.float64] = _nats(prediction, true).sum(axis=0)
    return losses


def _nats(prediction: Prediction, true: Actions) -> NDArray[np.float64]:
    """(2, T) negative log-likelihood of each tick's true buttons, and of its camera bins."""
    buttons = np.where(true.buttons, prediction.button_log_probs[..., 1], prediction.button_log_probs[..., 0])
    bins = prediction.quantizer.encode(true.camera)[..., None]
    camera = np.take_along_axis(prediction.camera_log_probs, bins, axis=-1)[..., 0]
    return -np.stack([buttons.sum(axis=1, dtype=np.float64), camera.sum(axis=1, dtype=np.float64)])
