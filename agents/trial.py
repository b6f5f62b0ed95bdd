"""What an evaluation plays, in a form that a worker process can be handed."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.film import filmed
from agents.policy import load
from agents.policy_player import PolicyPlayer
from agents.random import RandomAgent
from agents.rollout import Episode, Player, Separately, play
from agents.workers import interruptible, kept
from env.actions import no_op
from env.errors import GhostkeysError
from env.making import Env, EnvTraits, PictureSize, make_env, possible_action
from env.waiting import announced
from learning.devices import choose_device

PREPARING = "starting the environment's own process …"
COMPILING = "starting the environment; the embedded world is compiled once for this machine, which takes 10 to 30 s …"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An agent, an environment, and the rules of an episode."""

    agent: str
    """`random`, `scripted` or a policy's folder."""
    env: str
    """A gymnasium id."""
    seed: int = 0
    max_ticks: int = 600
    """Length of an episode, in ticks of 1/20 s."""
    until: str | None = None
    """End an episode when this milestone is reached."""
    size: PictureSize = None
    """Height and width of the environment's picture, or "vpt" for what OpenAI's agents see (see `Voxel-v0`).

    None leaves the environment's own.
    """
    temperature: float = 1.0
    """Of the policy's sampling."""
    device: str = "cpu"
    """That the policy runs on, as `learning.devices.choose_device` knows them."""

    env_options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the environment, as JSON holds them."""

    @cached_property
    def traits(self) -> EnvTraits:
        """How the environment's episodes are played. Raises GhostkeysError."""
        env = self.make_env()
        try:
            return EnvTraits.of(env)
        finally:
            env.close()

    def env_seeds(self, episodes: int) -> list[int]:
        """One world per episode, drawn so as not to fall among those that somebody recorded with small seeds."""
        return [int(word) >> 1 for word in np.random.SeedSequence(self.seed).generate_state(episodes)]  # 31 bits

    def make_env(self, *, size: PictureSize = None) -> Env:
        """One environment; its picture has the trial's size unless another is given. Raises GhostkeysError."""
        return make_env(self.env, size=size or self.size, options=self.env_options)

    def make_player(self) -> Player:
        """The agent, ready to play several episodes side by side. Raises GhostkeysError."""
        if self.agent == "random":
            return Separately(RandomAgent)
        if self.agent == "scripted":
            from agents.scripted import ScriptedPlayer

            return Separately(ScriptedPlayer)
        if not Path(self.agent).exists():
            near = difflib.get_close_matches(self.agent, ("random", "scripted"), n=1)
            hint = f"did you mean {near[0]}?" if near else "expected random, scripted, or the folder of a policy."
            raise GhostkeysError(f"--agent {self.agent}: there is no such agent and no such folder; {hint}")
        policy = load(self.agent).to(choose_device(self.device))
        return PolicyPlayer(policy, temperature=self.temperature)

    def play_group(
        self,
        seeds: Sequence[int],
        *,
        advance: Callable[[int], object],
        stopped: Callable[[], bool],
        films: Mapping[int, Path] | None = None,
    ) -> list[Episode]:
        """Plays one episode per seed side by side, on one torch thread: more could round differently.

        In an environment with a process of its own one after the other. `advance(1)` is called as each ends;
        KeyboardInterrupt is raised when `stopped` says so. `films` tells for each seed where its video is to be
        written, if they are to be filmed.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            if self.traits.own_process:
                return self._play_kept(seeds, advance=advance, stopped=stopped, films=films or {})
            with ExitStack() as stack:
                envs = [self.make_env() for _ in seeds]
                for each in envs:
                    stack.callback(each.close)
                return self._play(self.make_player(), envs, seeds, advance=advance, stopped=stopped, films=films or {})
        finally:
            torch.set_num_threads(threads)

    def _play_kept(self, seeds: Sequence[int], **rest: Any) -> list[Episode]:
        """Plays one episode after the other in an environment that stays open."""
        with interruptible():  # a reset may take minutes
            game = kept(self, lambda: _Game(self.make_env(), self.make_player()))
            return [episode for seed in seeds for episode in self._play(game.player, [game.env], [seed], **rest)]

    def _play(
        self,
        player: Player,
        envs: Sequence[Env],
        seeds: Sequence[int],
        *,
        advance: Callable[[int], object],
        stopped: Callable[[], bool],
        films: Mapping[int, Path],
    ) -> list[Episode]:
        with ExitStack() as stack:
            shown = [
                stack.enter_context(filmed(env, films[seed])) if seed in films else env
                for env, seed in zip(envs, seeds, strict=True)
            ]
            episodes = play(
                player,
                shown,
                seeds,
                max_ticks=self.max_ticks,
                until=self.until,
                on_end=lambda episode: advance(0 if episode.invalid else 1),
                stopped=stopped,
            )
        for episode in episodes:
            if episode.invalid and episode.seed in films:
                films[episode.seed].unlink(missing_ok=True)
        return episodes


@dataclass(frozen=True)
class _Game:
    """An environment and who plays in it, kept from one episode to the next."""

    env: Env
    player: Player

    def close(self) -> None:
        self.env.close()


def check_scripted(env: Env, name: str) -> None:
    """Raises GhostkeysError for an environment that the scripted player cannot play: it looks behind the picture."""
    from env.voxel.environment import VoxelEnv

    if not isinstance(env.unwrapped, VoxelEnv):
        raise GhostkeysError(
            f"--env {name}: the scripted player plays the embedded world alone, such as ghostkeys/Voxel-v0."
        )


def try_out(env: Env) -> None:
    """Fails early where the environment does not work, as far as seconds tell: starts its process, or plays a tick.

    For the tick the embedded world compiles itself where it has not been compiled yet. Raises GhostkeysError.
    """
    if EnvTraits.of(env).own_process:
        with announced(PREPARING):
            env.unwrapped.prepare()  # type: ignore[attr-defined]
        return
    with announced(COMPILING):
        env.reset(seed=0)
        env.step(possible_action(env, no_op()))
