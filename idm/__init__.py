"""Inverse dynamics model: infers the keys and the mouse behind gameplay video from past and future frames."""

from idm.config import IDMConfig
from idm.metrics import Scores, score
from idm.model import InverseDynamicsModel, Prediction, load
from idm.openai import load_openai

__all__ = ["IDMConfig", "InverseDynamicsModel", "Prediction", "Scores", "load", "load_openai", "score"]
