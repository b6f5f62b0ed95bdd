"""How good inferred actions are, and how good the simplest guesses would have been."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS, Actions

MACRO_BUTTONS = ("forward", "back", "left", "right", "jump", "sneak", "sprint", "attack", "use")
"""The buttons whose F1 is averaged: those that are pressed often enough to be judged."""
AXES = ("pitch", "yaw")
CLIP = 64
"""Ticks a labeller sees at once without knowing true actions, for the baseline `repeat_last`."""


@dataclass(frozen=True)
class ButtonScore:
    """How well one button is found."""

    precision: float
    recall: float
    f1: float
    support: int
    """Ticks it was truly pressed."""


@dataclass(frozen=True)
class Scores:
    """How well actions are found. Ratios lie between 0 and 1, R² at most 1; a ratio without cases is 0."""

    ticks: int
    keypress_accuracy: float
    """Mean over ticks and the 20 buttons of whether pressed or not is right."""
    macro_f1: float
    """Mean F1 over those of MACRO_BUTTONS that were pressed or predicted at all."""
    buttons: dict[str, ButtonScore]
    camera_r2: dict[str, float]
    """Share of the variance explained, for pitch and yaw."""
    camera_mae_degrees: dict[str, float]
    button_log_loss: float | None = None
    """Mean negative log-likelihood of the buttons, in nats; None without probabilities."""
    left_out: int = 0
    """Ticks that could not be compared, as there is no truth for them; not among `ticks`."""

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


def score(
    predicted: Actions,
    true: Actions,
    *,
    button_probabilities: NDArray[np.floating[Any]] | None = None,
    known: NDArray[np.bool_] | None = None,
    visible: NDArray[np.bool_] | None = None,
) -> Scores:
    """Compares actions tick by tick.

    `button_probabilities` (T, 20) is P(pressed), `known` (T,) which ticks count, `visible` (T, 20) which buttons count
    in them (see `env.invisible`).
    """
    if len(predicted) != len(true):
        raise ValueError(f"{len(predicted)} predicted ticks cannot be compared with {len(true)} true ones")
    known = np.ones(len(true), np.bool_) if known is None else known
    if not known.any():
        raise ValueError("there are no ticks to compare")
    found, truth = predicted.buttons[known], true.buttons[known]
    counts = np.ones_like(truth) if visible is None else visible[known]
    buttons = {name: _button_score(found[counts[:, i], i], truth[counts[:, i], i]) for i, name in enumerate(BUTTONS)}
    seen = {name for i, name in enumerate(BUTTONS) if ((found | truth) & counts)[:, i].any()}
    macro = [buttons[name].f1 for name in MACRO_BUTTONS if name in seen]
    turned, turn = predicted.camera[known].astype(np.float64), true.camera[known].astype(np.float64)
    return Scores(
        ticks=int(known.sum()),
        keypress_accuracy=float((found == truth)[counts].mean()),
        macro_f1=float(np.mean(macro)) if macro else 0.0,
        buttons=buttons,
        camera_r2={axis: _r2(turned[:, i], turn[:, i]) for i, axis in enumerate(AXES)},
        camera_mae_degrees={axis: float(np.abs(turned[:, i] - turn[:, i]).mean()) for i, axis in enumerate(AXES)},
        button_log_loss=(
            None if button_probabilities is None else _log_loss(button_probabilities[known][counts], truth[counts])
        ),
    )


def baselines(
    runs: Sequence[Actions], *, known: NDArray[np.bool_] | None = None, visible: NDArray[np.bool_] | None = None
) -> dict[str, Scores]:
    """Scores of the guesses that need no video, on runs of true actions.

    `always_off` never presses and never turns. `repeat_last` goes on through each clip of CLIP ticks with the last
    action before it. `previous_tick` repeats the true action one tick earlier, which no labeller knows: for
    reference only.
    """
    true = Actions.concatenate(list(runs))
    return {
        name: score(Actions.concatenate([guess(run) for run in runs]), true, known=known, visible=visible)
        for name, guess in BASELINES.items()
    }


def always_off(true: Actions) -> Actions:
    """Nothing pressed, no turn."""
    return Actions.none(len(true))


def repeat_last(true: Actions, *, clip: int = CLIP) -> Actions:
    """Each clip of `clip` ticks repeats the last true action before it; the first does nothing."""
    start = np.arange(len(true)) // clip * clip
    return _shown_before(true, start)


def previous_tick(true: Actions) -> Actions:
    """Each tick repeats the true action of the one before; the first does nothing."""
    return _shown_before(true, np.arange(len(true)))


BASELINES: Mapping[str, Callable[[Actions], Actions]] = MappingProxyType(
    {"always_off": always_off, "repeat_last": repeat_last, "previous_tick": previous_tick}
)
"""Guesses that need no video, by name: one recording's true actions -> what is guessed."""


def _shown_before(true: Actions, ticks: NDArray[np.int64]) -> Actions:
    """The action just before each of `ticks`, nothing before the first."""
    padded = Actions.concatenate([Actions.none(1), true])
    return Actions(padded.buttons[ticks], padded.camera[ticks])


def _button_score(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> ButtonScore:
    right = float((found & truth).sum())
    precision = right / max(float(found.sum()), 1.0)
    recall = right / max(float(truth.sum()), 1.0)
    f1 = 2.0 * right / max(float(found.sum() + truth.sum()), 1.0)
    return ButtonScore(precision, recall, f1, int(truth.sum()))


def _r2(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """Share of the variance explained. Where nothing varies: 1 if all is right, else 0."""
    error, spread = float(np.square(predicted - true).sum()), float(np.square(true - true.mean()).sum())
    if spread == 0.0:
        return 1.0 if error == 0.0 else 0.0
    return 1.0 - error / spread


def _log_loss(probabilities: NDArray[np.floating[Any]], truth: NDArray[np.bool_]) -> float:
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1.0 - 1e-7)
    return float(-np.where(truth, np.log(p), np.log1p(-p)).mean())
