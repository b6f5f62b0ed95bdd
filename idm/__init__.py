"""Inverse dynamics model: infers the keys and the mouse behind gameplay video from past and future frames."""

from idm.metrics import Scores, score
from idm.model import IDMConfig, InverseDynamicsModel, Prediction, load

__all__ = ["IDMConfig", "InverseDynamicsModel", "Prediction", "Scores", "load", "score"]
