"""Playing episodes: one or several side by side, each with its own environment and its own seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import gymnasium

from agents.policy import Policy
from agents.policy_player import PolicyPlayer
from env.actions import Actions
from env.making import possible_action

Env = gymnasium.Env[Any, Any]
Observation = dict[str, Any]
Action = dict[str, Any]


class Agent(Protocol):
    """Plays one episode at a time."""

    def reset(self, env: Env, *, seed: int) -> None:
        """Starts an episode in an environment that has just been reset."""

    def act(self, observation: Observation) -> Action:
        """The MineRL action for this observation."""


class Player(Protocol):
    """Plays several episodes side by side, so that a network sees them as one batch."""

    def reset(self, envs: Sequence[Env], seeds: Sequence[int]) -> None:
        """Starts one episode per environment."""

    def act(self, observations: Mapping[int, Observation]) -> dict[int, Action]:
        """Actions for the episodes that still run, by their position in `reset`."""


class Separately:
    """A player made of agents that know nothing of one another."""

    def __init__(self, make_agent: Callable[[], Agent]) -> None:
        self.make_agent = make_agent
        self.agents: list[Agent] = []

    def reset(self, envs: Sequence[Env], seeds: Sequence[int]) -> None:
        """One agent per environment."""
        self.agents = [self.make_agent() for _ in envs]
        for agent, env, seed in zip(self.agents, envs, seeds, strict=True):
            agent.reset(env, seed=seed)

    def act(self, observations: Mapping[int, Observation]) -> dict[int, Action]:
        """Asks each agent in turn."""
        return {slot: self.agents[slot].act(observation) for slot, observation in observations.items()}


@dataclass
class Episode:
    """What happened in one episode. Tick t counts the actions taken before it, as in the environment."""

    seed: int
    """`env.reset(seed=seed)` gives the same world again."""
    taken: list[Action] = field(default_factory=list)
    milestones: dict[str, int] = field(default_factory=dict)
    """Name of each milestone and the tick at which it was reached."""
    reward: float = 0.0
    invalid: str | None = None
    """Why the environment failed, which ended the episode (its `info["invalid"]`); it counts for nothing then."""

    @property
    def ticks(self) -> int:
        """Length in ticks of 1/20 s."""
        return len(self.taken)

    @property
    def actions(self) -> Actions:
        """Everything the agent did; played again in the same world, it gives the same episode."""
        return Actions.from_minerl(self.taken) if self.taken else Actions.none(0)


@dataclass(frozen=True)
class Failure:
    """An episode that counts for nothing, because its environment failed."""

    seed: int
    reason: str
    tick: int
    """Actions taken before it failed."""


def rollout(agent: Agent | Policy, env: Env, *, seed: int, max_ticks: int = 600, until: str | None = None) -> Episode:
    """Plays one episode, until the environment ends it, `max_ticks` pass, or the milestone `until` is reached."""
    player = PolicyPlayer(agent) if isinstance(agent, Policy) else Separately(lambda: agent)
    return play(player, [env], [seed], max_ticks=max_ticks, until=until)[0]


def play(
    player: Player,
    envs: Sequence[Env],
    seeds: Sequence[int],
    *,
    max_ticks: int = 600,
    until: str | None = None,
    on_end: Callable[[Episode], object] | None = None,
    stopped: Callable[[], bool] | None = None,
) -> list[Episode]:
    """Plays one episode per environment side by side.

    `on_end` sees each episode as it ends; `stopped` is asked on every tick, and ends the play with
    KeyboardInterrupt.
    """
    episodes = [Episode(seed) for seed in seeds]
    running = {slot: env.reset(seed=seed)[0] for slot, (env, seed) in enumerate(zip(envs, seeds, strict=True))}
    player.reset(envs, seeds)
    while running:
        if stopped and stopped():
            raise KeyboardInterrupt
        actions = player.act(running)
        for slot, action in actions.items():
            episode = episodes[slot]
            observation, ended = _step(envs[slot], action, episode)
            if ended or episode.ticks >= max_ticks or until in episode.milestones:
                del running[slot]
                if on_end:
                    on_end(episode)
            else:
                running[slot] = observation
    return episodes


def _step(env: Env, action: Action, episode: Episode) -> tuple[Observation, bool]:
    """Takes one action, as far as the environment has its keys, and adds it to the episode, unless the step failed."""
    action = possible_action(env, action)
    observation, reward, terminated, truncated, info = env.step(action)
    if info.get("invalid"):
        episode.invalid = str(info["invalid"])
        return observation, True
    episode.taken.append(action)
    episode.reward += float(reward)
    episode.milestones = dict(info.get("milestones", {}))
    return observation, terminated or truncated
