"""Runs a model over recordings it has not seen and scores what it infers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from env.actions import Actions
from env.invisible import visible_keys
from idm.metrics import Scores, baselines, score
from idm.model import InverseDynamicsModel
from learning.data import Episode


@dataclass(frozen=True)
class Evaluation:
    """A model's scores beside those of guesses that need no video."""

    model: Scores
    baselines: dict[str, Scores]
    recordings: int
    visible: dict[str, Scores]
    """Scores of `model` and of each baseline over the keys that can show in the picture."""

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "recordings": self.recordings,
            "model": self.model.to_dict(),
            "baselines": {name: scores.to_dict() for name, scores in self.baselines.items()},
            "visible": {name: scores.to_dict() for name, scores in self.visible.items()},
        }


def evaluate(model: InverseDynamicsModel, episodes: Sequence[Episode]) -> Evaluation:
    """Predicts every episode and compares with its true actions, but for the last tick: nothing follows it."""
    predictions = [model.predict(episode.frames) for episode in tqdm(episodes, desc="inferring", unit="file")]
    runs = [_usable_actions(episode) for episode in episodes]
    known = np.concatenate([episode.usable & _has_next(len(episode)) for episode in episodes])
    visible = np.concatenate([visible_keys(run) for run in runs])
    found, true = Actions.concatenate([prediction.actions for prediction in predictions]), Actions.concatenate(runs)
    pressed = np.exp(np.concatenate([prediction.button_log_probs[..., 1] for prediction in predictions]))
    return Evaluation(
        score(found, true, button_probabilities=pressed, known=known),
        baselines(runs, known=known),
        len(episodes),
        visible={
            "model": score(found, true, button_probabilities=pressed, known=known, visible=visible),
            **baselines(runs, known=known, visible=visible),
        },
    )


def _usable_actions(episode: Episode) -> Actions:
    """The true actions, nothing done in unusable ticks: no guess may learn from what these say."""
    usable = episode.usable[:, None]
    return Actions(episode.actions.buttons & usable, np.where(usable, episode.actions.camera, np.float32(0.0)))


def _has_next(length: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.arange(length) < length - 1
