"""Runs a model over recordings it has not seen and scores what it infers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from env.actions import Actions
from idm.comparison import Comparison
from idm.intervals import Bootstrap
from idm.measurement import measure
from idm.metrics import BASELINES, Scores, score
from idm.model import InverseDynamicsModel, Prediction
from idm.reliability import reliability
from learning.data import Episode


@dataclass(frozen=True)
class Evaluation:
    """A model's scores beside those of guesses that need no video."""

    model: Scores
    baselines: dict[str, Scores]
    recordings: int
    visible: dict[str, Scores]
    """Scores of `model` and of each baseline over the keys that can show in the picture."""
    measured: dict[str, dict[str, Any]]
    """What `idm.measurement` measures of `model` and of each baseline, with intervals."""
    reliability: dict[str, Any]
    """Whether the model's probabilities can be believed (see `idm.reliability`)."""
    bootstrap: Bootstrap
    """How the intervals were made."""
    predictions: tuple[Prediction, ...]
    """What the model made of each recording."""

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "recordings": self.recordings,
            "model": self.model.to_dict(),
            "baselines": {name: scores.to_dict() for name, scores in self.baselines.items()},
            "visible": {name: scores.to_dict() for name, scores in self.visible.items()},
            "intervals": self.bootstrap.to_dict(),
            "measured": self.measured,
            "reliability": self.reliability,
        }


def evaluate(model: InverseDynamicsModel, episodes: Sequence[Episode]) -> Evaluation:
    """Predicts every episode and compares with its true actions, but for the last tick: nothing follows it."""
    predictions = tuple(model.predict(episode.frames) for episode in tqdm(episodes, desc="inferring", unit="file"))
    return compare(predictions, episodes)


def compare(predictions: Sequence[Prediction], episodes: Sequence[Episode]) -> Evaluation:
    """Compares what was predicted of each episode with its true actions."""
    comparison = Comparison.of(
        [prediction.actions for prediction in predictions],
        [usable_actions(episode) for episode in episodes],
        known=[comparable(episode) for episode in episodes],
        gui=[episode.gui for episode in episodes],
    )
    guesses = {name: comparison.with_guess(guess) for name, guess in BASELINES.items()}
    bootstrap = Bootstrap(comparison.lengths)
    whole = Prediction(
        comparison.predicted,
        np.concatenate([prediction.button_log_probs for prediction in predictions]),
        np.concatenate([prediction.camera_log_probs for prediction in predictions]),
        predictions[0].quantizer,
    )
    pressed = np.exp(whole.button_log_probs[..., 1])
    known = comparison.known
    return Evaluation(
        _score(comparison, visible=None, button_probabilities=pressed),
        {name: _score(guess, visible=None) for name, guess in guesses.items()},
        len(episodes),
        visible={
            "model": _score(comparison, visible=comparison.visible, button_probabilities=pressed),
            **{name: _score(guess, visible=guess.visible) for name, guess in guesses.items()},
        },
        measured={name: measure(column, bootstrap) for name, column in {"model": comparison, **guesses}.items()},
        reliability=reliability(
            Prediction(
                whole.actions[known], whole.button_log_probs[known], whole.camera_log_probs[known], whole.quantizer
            ),
            comparison.true[known],
        ),
        bootstrap=bootstrap,
        predictions=tuple(predictions),
    )


def comparable(episode: Episode) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(T,) the ticks of an episode that have a truth and whose result the picture shows."""
    return episode.usable & (np.arange(len(episode)) < len(episode) - 1)


def _score(comparison: Comparison, **options: Any) -> Scores:
    return score(comparison.predicted, comparison.true, known=comparison.known, **options)


def usable_actions(episode: Episode) -> Actions:
    """The true actions, nothing done in unusable ticks: no guess may learn from what these say."""
    usable = episode.usable[:, None]
    return Actions(episode.actions.buttons & usable, np.where(usable, episode.actions.camera, np.float32(0.0)))
