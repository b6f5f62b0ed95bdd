"""How often an agent reaches each milestone, over many episodes in many worlds.

The episodes are split into groups of fixed size; a group is stepped together with one forward pass of the policy, and
whole groups are dealt to the worker processes. So the result depends on the seed alone, never on the number of
workers.
"""

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import gymnasium
import numpy as np
from tqdm import tqdm

from agents.journal import Journal
from agents.rollout import Episode
from agents.trial import PictureSize, Trial
from agents.workers import work
from env.errors import GhostkeysError
from env.video.frames import VideoWriter
from env.video.overlay import draw_controls

Seeds = tuple[int, ...]

FREE_PLAY_TICKS = 600
"""Length of an episode, half a minute, where neither the caller nor the environment sets one."""
GROUP = 4
"""Episodes stepped together. Part of a result's recipe: another number rounds differently and samples other actions."""


VIDEO_SIZE = (180, 320)
"""Height and width at which an evaluation's video is drawn, before it is enlarged."""


class Rate(NamedTuple):
    """A success rate and its 95 % interval."""

    rate: float
    low: float
    high: float


def wilson(successes: int, trials: int, *, z: float = 1.959964) -> Rate:
    """A success rate with Wilson's score interval (1927), honest also for few trials and for rates near 0 and 1."""
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials give no rate")
    rate = successes / trials
    shrink = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / shrink
    margin = z / shrink * (rate * (1 - rate) / trials + z * z / (4 * trials * trials)) ** 0.5
    # At the ends the sum of roundings may miss the exact bound.
    low = 0.0 if successes == 0 else centre - margin
    high = 1.0 if successes == trials else centre + margin
    return Rate(rate, low, high)


@dataclass(frozen=True)
class Evaluation:
    """Every episode of a trial, in the order of its seeds."""

    trial: Trial
    episodes: list[Episode] = field(repr=False)

    def milestones(self) -> dict[str, Rate]:
        """Success rate of each milestone that was reached at all, and always of "log" and of the one waited for."""
        names = {"log", self.trial.until or "log"}.union(*(episode.milestones for episode in self.episodes))
        reached = {name: sum(name in episode.milestones for episode in self.episodes) for name in sorted(names)}
        return {name: wilson(count, len(self.episodes)) for name, count in reached.items()}

    def median_tick(self, milestone: str) -> float | None:
        """When the successful episodes reached a milestone."""
        ticks = [episode.milestones[milestone] for episode in self.episodes if milestone in episode.milestones]
        return float(np.median(ticks)) if ticks else None

    def first(self, *, reached_goal: bool) -> Episode | None:
        """The first episode that reached the goal, or the first that did not; None if there is no such.

        The goal is the trial's `until`, or a log.
        """
        goal = self.trial.until or "log"
        return next((each for each in self.episodes if (goal in each.milestones) == reached_goal), None)

    def to_json(self) -> dict[str, Any]:
        """The trial, a rate per milestone under `milestones`, an entry per episode under `results`."""
        rates = {
            name: {**rate._asdict(), "median_tick": self.median_tick(name)} for name, rate in self.milestones().items()
        }
        results = [
            {"seed": each.seed, "ticks": each.ticks, "reward": each.reward, "milestones": each.milestones}
            for each in self.episodes
        ]
        return {**asdict(self.trial), "episodes": len(self.episodes), "milestones": rates, "results": results}

    def table(self) -> str:
        """What `ghostkeys evaluate` prints."""
        head = f"{self.trial.agent} in {self.trial.env}: {len(self.episodes)} episodes, seed {self.trial.seed}"
        rows = [f"{'milestone':20}{'rate':>7}   {'95 % interval':15}{'median tick':>11}"]
        for name, rate in self.milestones().items():
            tick = self.median_tick(name)
            when = "-" if tick is None else f"{tick:.0f}"
            rows.append(f"{name:20}{rate.rate:7.1%}   {rate.low:5.1%} to {rate.high:6.1%}{when:>11}")
        return "\n".join([head, *rows])


def evaluate(
    agent: str | Path,
    env: str,
    *,
    episodes: int,
    seed: int = 0,
    max_ticks: int | None = None,
    until: str | None = None,
    size: PictureSize = None,
    temperature: float = 1.0,
    workers: int = 1,
    journal: Path | None = None,
) -> Evaluation:
    """Plays `episodes` episodes and returns them all; the same seed gives the same episodes with any number of workers.

    `agent` is "random", "scripted" or a policy's folder. Without `max_ticks` an episode is as long as the environment
    lets it be, and `FREE_PLAY_TICKS` where that knows no end. `journal` is a folder for what has been played: started
    again after an interruption, the evaluation goes on from there; delete it when you have the result. Raises
    `GhostkeysError` for an agent or environment that does not exist.
    """
    if min(episodes, 1 if max_ticks is None else max_ticks, workers) < 1:
        raise GhostkeysError(
            f"episodes ({episodes}), max_ticks ({max_ticks}) and workers ({workers}) must be 1 or more."
        )
    if temperature < 0:
        raise GhostkeysError(f"temperature must be 0 or more, not {temperature}.")
    trial = Trial(
        agent=str(agent),
        env=env,
        seed=seed,
        max_ticks=max_ticks or FREE_PLAY_TICKS,
        until=until,
        size=size,
        temperature=temperature,
    )
    own_limit = _check(trial)
    if max_ticks is None and own_limit is not None:
        trial = replace(trial, max_ticks=own_limit)
    seeds = trial.env_seeds(episodes)
    groups = [tuple(seeds[start : start + GROUP]) for start in range(0, episodes, GROUP)]
    played = _play(trial, groups, workers=workers, journal=Journal(journal, trial) if journal else None)
    return Evaluation(trial, [episode for group in groups for episode in played[group]])


def _play(trial: Trial, groups: list[Seeds], *, workers: int, journal: Journal | None) -> dict[Seeds, list[Episode]]:
    """The episodes of each group: those of the journal, and those it lacks."""
    kept = {seeds: journal.read(seeds) for seeds in groups} if journal else {}
    played = {seeds: episodes for seeds, episodes in kept.items() if episodes is not None}

    def keep(episodes: list[Episode]) -> None:
        played[tuple(episode.seed for episode in episodes)] = episodes
        if journal:
            journal.write(episodes)

    missing = [partial(trial.play_group, seeds) for seeds in groups if seeds not in played]
    done, total = sum(map(len, played)), sum(map(len, groups))
    with tqdm(total=total, initial=done, unit="episode", desc=f"evaluating {Path(trial.agent).name}") as progress:
        work(missing, workers=workers, advance=progress.update, on_result=keep)
    return played


def _check(trial: Trial) -> int | None:
    """Fails early and in one line when there is no such agent or environment; returns the environment's own limit."""
    try:
        env = trial.make_env()
    except gymnasium.error.Error as error:
        raise GhostkeysError(f"there is no environment {trial.env!r}: {error}") from None
    env.close()
    trial.make_player()
    general = None if env.spec is None else env.spec.max_episode_steps
    own: int | None = getattr(env.unwrapped, "max_ticks", general)
    return own


def write_video(evaluation: Evaluation, path: Path, *, episode: Episode | None = None, width: int = 640) -> Path:
    """Writes an episode as video with the keys beneath: by default the first that reached its goal, else the first.

    The episode's actions are played once more in the same world, drawn at `VIDEO_SIZE` if the trial's own picture has
    another size.
    """
    trial = evaluation.trial
    episode = episode or evaluation.first(reached_goal=True) or evaluation.episodes[0]
    env = trial.make_env(size=VIDEO_SIZE if trial.size else None)
    observation, _ = env.reset(seed=episode.seed)
    height = 2 * round(observation["pov"].shape[0] * width / observation["pov"].shape[1] / 2)
    actions = episode.actions
    strip = len(draw_controls(actions.buttons[0], actions.camera[0], width=width))
    with VideoWriter(path, (height + strip, width)) as video:
        for taken, buttons, camera in zip(episode.taken, actions.buttons, actions.camera, strict=True):
            picture = cv2.resize(observation["pov"], (width, height), interpolation=cv2.INTER_NEAREST)
            video.write(np.concatenate([picture, draw_controls(buttons, camera, width=width)]))
            observation = env.step(taken)[0]
    env.close()
    return path
