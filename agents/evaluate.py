"""How often an agent reaches each milestone, over many episodes in many worlds.

The episodes are split into groups of fixed size; a group is stepped together with one forward pass of the policy, and
whole groups are dealt to the worker processes. So the result depends on the seed alone, never on the number of
workers.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from agents.journal import Journal
from agents.rollout import Episode
from agents.trial import Trial, check_scripted, first_tick
from agents.workers import check_workers, counting, work
from env.errors import GhostkeysError
from env.making import PictureSize, check_milestone, lacking_buttons, possible_action
from env.video.encoding import VideoWriter
from env.video.overlay import draw_controls
from learning.checkpoint import weights_sha256
from learning.devices import choose_device

log = logging.getLogger(__name__)

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
        return {**recipe(self.trial), "episodes": len(self.episodes), "milestones": rates, "results": results}

    def table(self) -> str:
        """What `ghostkeys evaluate` prints."""
        return table(self.to_json())


def table(result: Mapping[str, Any]) -> str:
    """The rates of a result, `Evaluation.to_json`, as text."""
    head = f"{result['agent']} in {result['env']}: {result['episodes']} episodes, seed {result['seed']}"
    rows = [f"{'milestone':20}{'rate':>7}   {'95 % interval':15}{'median tick':>11}"]
    for name, rate in result["milestones"].items():
        when = "-" if rate["median_tick"] is None else f"{rate['median_tick']:.0f}"
        rows.append(f"{name:20}{rate['rate']:7.1%}   {rate['low']:5.1%} to {rate['high']:6.1%}{when:>11}")
    return "\n".join([head, *rows])


def recipe(trial: Trial) -> dict[str, Any]:
    """All that an evaluation depends on, but for the number of episodes, as JSON holds it."""
    plain = asdict(trial) | {"weights": weights_sha256(trial.agent)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def read_result(path: Path, trial: Trial, *, episodes: int) -> dict[str, Any] | None:
    """An earlier result of the same trial; None if there is none. Raises GhostkeysError for one of another trial."""
    if not path.exists():
        return None
    try:
        found = dict(json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise GhostkeysError(f"{path} is there already, and no result of an evaluation: give --json another.") from None
    wanted = recipe(trial) | {"episodes": episodes}
    other = [
        "other weights" if name == "weights" else f"{name} {found.get(name)} there, {value} here"
        for name, value in wanted.items()
        if found.get(name) != value
    ]
    if other:
        raise GhostkeysError(
            f"{path} holds another evaluation: {'; '.join(other)}. Give --json another file, or delete this one."
        )
    return found


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
    device: str = "auto",
    workers: int = 1,
    journal: Path | None = None,
) -> Evaluation:
    """Plays `episodes` episodes and returns them all; the same seed gives the same episodes with any number of workers.

    `agent` is "random", "scripted" or a policy's folder. Without `max_ticks` an episode is as long as the environment
    lets it be, and `FREE_PLAY_TICKS` where that knows no end. `journal` is a folder for what has been played: started
    again after an interruption, the evaluation goes on from there; delete it when you have the result. Raises
    `GhostkeysError` for an agent or environment that does not exist.
    """
    trial = make_trial(
        agent,
        env,
        seed=seed,
        max_ticks=max_ticks,
        until=until,
        size=size,
        temperature=temperature,
        device=device,
    )
    return play_trial(trial, episodes=episodes, workers=workers, journal=journal)


def make_trial(
    agent: str | Path,
    env: str,
    *,
    seed: int = 0,
    max_ticks: int | None = None,
    until: str | None = None,
    size: PictureSize = None,
    temperature: float = 1.0,
    device: str = "auto",
) -> Trial:
    """What `evaluate` plays, checked: agent and environment are there and fit together. Raises GhostkeysError."""
    if max_ticks is not None and max_ticks < 1:
        raise GhostkeysError(f"--max-ticks {max_ticks}: expected 1 or more.")
    if seed < 0:
        raise GhostkeysError(f"--seed {seed}: expected 0 or more.")
    if not 0 <= temperature < float("inf"):
        raise GhostkeysError(f"--temperature {temperature}: expected 0 or more.")
    trial = Trial(
        agent=str(agent),
        env=env,
        seed=seed,
        max_ticks=max_ticks or FREE_PLAY_TICKS,
        until=until,
        size=size,
        temperature=temperature,
        device=str(choose_device(device)),
    )
    own_limit = _check(trial)
    return replace(trial, max_ticks=own_limit) if max_ticks is None and own_limit is not None else trial


def play_trial(trial: Trial, *, episodes: int, workers: int = 1, journal: Path | None = None) -> Evaluation:
    """Plays a trial's episodes, but for those that the journal has; 0 workers are this process. See `evaluate`."""
    if episodes < 1:
        raise GhostkeysError(f"--episodes {episodes}: expected 1 or more.")
    check_workers(workers)
    seeds = trial.env_seeds(episodes)
    groups = [tuple(seeds[start : start + GROUP]) for start in range(0, episodes, GROUP)]
    played = _play(trial, groups, workers=workers, journal=Journal(journal, recipe(trial)) if journal else None)
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
        work(missing, workers=workers, advance=counting(progress), on_result=keep)
    return played


def _check(trial: Trial) -> int | None:
    """Fails early, in one line, where agent and environment do not work; returns the environment's own limit."""
    trial.make_player()
    env = trial.make_env()
    try:
        if trial.until is not None:
            check_milestone(trial.until, env)
        if trial.agent == "scripted":
            check_scripted(env, trial.env)
        if lacking := lacking_buttons(env):
            keys = ", ".join(lacking)
            log.warning("%s has no %s: those keys are left out of what %s does.", trial.env, keys, trial.agent)
        first_tick(env)
        general = None if env.spec is None else env.spec.max_episode_steps
        own: int | None = getattr(env.unwrapped, "max_ticks", general)
        return own
    finally:
        env.close()


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
            observation = env.step(possible_action(env, taken))[0]
    env.close()
    return path
