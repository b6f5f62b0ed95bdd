"""The scripted player: plays with keys and mouse as a person would, for recordings whose actions are known."""

from .player import ScriptedPlayer
from .style import STYLES, Style

__all__ = ["STYLES", "ScriptedPlayer", "Style"]
