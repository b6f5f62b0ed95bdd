"""Policies that act from frames alone, how they are cloned from recordings, and how well they play."""

from agents.evaluate import Evaluation, evaluate
from agents.openai import load_openai
from agents.policy import Policy, PolicyConfig, PolicyOutput, load
from agents.random import RandomAgent
from agents.rollout import Agent, Episode, rollout

__all__ = [
    "Agent",
    "Episode",
    "Evaluation",
    "Policy",
    "PolicyConfig",
    "PolicyOutput",
    "RandomAgent",
    "evaluate",
    "load",
    "load_openai",
    "rollout",
]
