"""Runs a model over recordings it has not seen and scores what it infers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from env.actions import Actions
from idm.data import Episode
from idm.metrics import Scores, baselines, score
from idm.model import InverseDynamicsModel


@dataclass(frozen=True)
class Evaluation:
    """A model's scores beside those of guesses that need no video."""

    model: Scores
    baselines: dict[str, Scores]
    recordings: int

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "recordings": self.recordings,
            "model": self.model.to_dict(),
            "baselines": {name: scores.to_dict() for name, scores in self.baselines.items()},
        }


def evaluate(model: InverseDynamicsModel, episodes: Sequence[Episode]) -> Evaluation:
    """Predicts every episode and compares with its true actions, but for the last tick: nothing follows it."""
    predictions = [model.predict(episode.frames) for episode in tqdm(episodes, desc="inferring", unit="file")]
    known = np.concatenate([episode.usable & _has_next(len(episode)) for episode in episodes])
    scores = score(
        Actions.concatenate([prediction.actions for prediction in predictions]),
        Actions.concatenate([episode.actions for episode in episodes]),
        button_probabilities=np.exp(np.concatenate([p.button_log_probs[..., 1] for p in predictions])),
        known=known,
    )
    return Evaluation(scores, baselines([episode.actions for episode in episodes], known=known), len(episodes))


def _has_next(length: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.arange(length) < length - 1
