"""The scripted player: plays with keys and mouse as a person would, for recordings whose actions are known."""

from agents.scripted.agent import ScriptedPlayer
from agents.scripted.style import Style
from agents.scripted.styles import STYLES

__all__ = ["STYLES", "ScriptedPlayer", "Style"]
