"""What all models here are trained with: data, the training loop, checkpoints, devices, network blocks."""

from learning.checkpoint import load_checkpoint, save_checkpoint
from learning.data import Episode, EpisodeSet, load_episodes
from learning.devices import choose_device

__all__ = ["Episode", "EpisodeSet", "choose_device", "load_checkpoint", "load_episodes", "save_checkpoint"]
