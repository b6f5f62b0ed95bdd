"""How often an agent reaches each milestone, over many episodes in many worlds.

The episodes are split into groups of fixed size; a group is stepped together with one forward pass of the policy, and
whole groups are dealt to the worker processes. So the result depends on the seed alone, never on the number of
workers. An environment with a process of its own plays one episode at a time, and one in which it fails is played
again.
"""

import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from agents.film import WIDTH, filmed
from agents.journal import Journal
from agents.rollout import Episode, Failure
from agents.trial import Trial, check_scripted, try_out
from agents.workers import Task, check_workers, counting, work
from env.errors import GhostkeysError
from env.files import atomic_path
from env.making import PictureSize, check_milestone, lacking_buttons, possible_action
from learning.checkpoint import weights_sha256
from learning.devices import choose_device

log = logging.getLogger(__name__)

Seeds = tuple[int, ...]

FREE_PLAY_TICKS = 600
"""Length of an episode, half a minute, where neither the caller nor the environment sets one."""
GROUP = 4
"""Episodes stepped together. Part of a result's recipe: another number rounds differently and samples other actions."""
RETRIES = 3
"""How often an episode in which the environment failed is played again."""
REASONS = 5
"""Kinds of failure that a table lists, at most."""

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
    """The episodes of a trial, in the order of their seeds, and what failed."""

    trial: Trial
    episodes: list[Episode] = field(repr=False)
    failures: list[Failure] = field(default_factory=list, repr=False)
    """Episodes in which the environment failed; they were played again and count for nothing."""
    unplayed: list[int] = field(default_factory=list)
    """Seeds of the episodes in which the environment failed every time."""
    films: Mapping[int, Path] = field(default_factory=dict, repr=False)
    """The videos that were made while episodes were played, by their seeds."""

    def milestones(self) -> dict[str, Rate]:
        """Success rate of each milestone that was reached at all, and always of "log" and of the one waited for.

        None if no episode could be played.
        """
        if not self.episodes:
            return {}
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
        """The trial, a rate per milestone under `milestones`, an entry per episode under `results`.

        `episodes` is how many were asked for; `invalid` lists the failures, `unplayed` the seeds that have no result.
        """
        rates = {
            name: {**rate._asdict(), "median_tick": self.median_tick(name)} for name, rate in self.milestones().items()
        }
        results = [
            {"seed": each.seed, "ticks": each.ticks, "reward": each.reward, "milestones": each.milestones}
            for each in self.episodes
        ]
        return {
            **recipe(self.trial),
            "episodes": len(self.episodes) + len(self.unplayed),
            "milestones": rates,
            "results": results,
            "invalid": [asdict(each) for each in self.failures],
            "unplayed": list(self.unplayed),
        }

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
    if not result["results"]:
        rows = ["There are no rates: the environment failed in every episode."]
    return "\n".join([head, *rows, *_failures(result)])


def _failures(result: Mapping[str, Any]) -> list[str]:
    """What a table says of the episodes in which the environment failed: a line on each of the two ends they had."""
    unplayed = result.get("unplayed", [])
    reasons: dict[bool, list[str]] = {False: [], True: []}
    for each in result.get("invalid", []):
        reasons[each["seed"] in unplayed].append(each["reason"])
    lines = []
    if again := reasons[False]:
        episodes = "1 episode was" if len(again) == 1 else f"{len(again)} episodes were"
        lines.append(f"{episodes} played again: {_counted(again)}")
    if unplayed:
        seeds = f"seed{'s' if len(unplayed) > 1 else ''} {', '.join(map(str, unplayed))}"
        lines.append(f"{len(unplayed)} of {result['episodes']} episodes could not be played ({seeds})")
        lines[-1] += f": {_counted(reasons[True])}"
    return lines


def _counted(reasons: Sequence[str]) -> str:
    """How often each reason was given, the commonest first."""
    counts = Counter(reasons).most_common()
    others = sum(count for _, count in counts[REASONS:])
    listed = [f"{count} x {reason}" for reason, count in counts[:REASONS]]
    return ", ".join([*listed, f"{others} x others"] if others else listed)


def recipe(trial: Trial) -> dict[str, Any]:
    """All that an evaluation depends on, but for the number of episodes, as JSON holds it."""
    plain = asdict(trial) | {"weights": weights_sha256(trial.agent)}
    if not plain["env_options"]:  # as in the results that were written when there were none
        del plain["env_options"]
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
        for name, value in ({"env_options": None} | wanted).items()
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
    env_options: Mapping[str, Any] | None = None,
    workers: int = 1,
    retries: int = RETRIES,
    journal: Path | None = None,
) -> Evaluation:
    """Plays `episodes` episodes and returns them all; the same seed gives the same episodes with any number of workers.

    `agent` is "random", "scripted" or a policy's folder. Without `max_ticks` an episode is as long as the environment
    lets it be, and `FREE_PLAY_TICKS` where that knows no end. `journal` is a folder for what has been played: started
    again after an interruption, the evaluation goes on from there; delete it when you have the result. `env_options`
    are keyword arguments of the environment. An episode in which the environment fails (`info["invalid"]`) is played
    again, up to `retries` times, and counts for nothing. Raises `GhostkeysError` for an agent or environment that does
    not exist.
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
        env_options=env_options,
    )
    return play_trial(trial, episodes=episodes, workers=workers, retries=retries, journal=journal)


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
    env_options: Mapping[str, Any] | None = None,
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
        env_options=_plain(env_options or {}),
    )
    own_limit = _check(trial)
    return replace(trial, max_ticks=own_limit) if max_ticks is None and own_limit is not None else trial


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON holds them, paths as text. Raises GhostkeysError for what it cannot hold."""
    try:
        return dict(json.loads(json.dumps(dict(options), default=os.fspath)))
    except TypeError as error:
        raise GhostkeysError(f"--env-options: expected what JSON holds, and paths; {error}.") from None


def play_trial(
    trial: Trial,
    *,
    episodes: int,
    workers: int = 1,
    retries: int = RETRIES,
    journal: Path | None = None,
    filming: bool = False,
) -> Evaluation:
    """Plays a trial's episodes, but for those that the journal has; 0 workers are this process. See `evaluate`.

    With `filming`, episodes that cannot be played again for `write_video` are filmed into the journal.
    """
    if episodes < 1:
        raise GhostkeysError(f"--episodes {episodes}: expected 1 or more.")
    if retries < 0:
        raise GhostkeysError(f"--retries {retries}: expected 0 or more.")
    check_workers(workers)
    kept = Journal(journal, recipe(trial)) if journal else None
    play = _Play(trial, trial.env_seeds(episodes), retries=retries, journal=kept, filming=filming)
    with tqdm(
        total=episodes, initial=len(play.played), unit="episode", desc=f"evaluating {Path(trial.agent).name}"
    ) as progress:
        work(play.missing(), workers=workers, advance=counting(progress), on_result=play.keep)
    return play.evaluation()


class _Play:
    """The episodes of a trial while they are played: those there are, and those that are still to come."""

    def __init__(
        self, trial: Trial, seeds: Sequence[int], *, retries: int, journal: Journal | None, filming: bool
    ) -> None:
        self._trial, self._seeds, self._retries, self._journal = trial, seeds, retries, journal
        self._filming = filming and not trial.traits.repeats
        self._failed: Counter[int] = Counter()  # in this run
        self._failures = journal.failures() if journal else []
        size = 1 if trial.traits.own_process else GROUP
        self._groups = [tuple(seeds[start : start + size]) for start in range(0, len(seeds), size)]
        self.played: dict[int, Episode] = {}
        for group in self._groups:
            self.played |= {episode.seed: episode for episode in self._read(group)}

    def missing(self) -> list[Task[list[Episode]]]:
        """The groups that are to be played, and the episodes of those that were played in part."""
        lacking = [(group, tuple(seed for seed in group if seed not in self.played)) for group in self._groups]
        tasks = [[seeds] if seeds == group else [(seed,) for seed in seeds] for group, seeds in lacking if seeds]
        return [self._task(seeds) for each in tasks for seeds in each]

    def keep(self, episodes: Sequence[Episode]) -> list[Task[list[Episode]]]:
        """Keeps what was played; returns what is to be played again."""
        failed = [episode for episode in episodes if episode.invalid is not None]
        valid = [episode for episode in episodes if episode.invalid is None]
        self.played |= {episode.seed: episode for episode in valid}
        if self._journal:
            for group in [[each] for each in valid] if failed else [episodes]:
                self._journal.write(group)
        for episode in failed:
            self._note(episode)
        self._remove_films()
        return [self._task((each.seed,)) for each in failed if self._failed[each.seed] <= self._retries]

    def evaluation(self) -> Evaluation:
        """All that was played."""
        return Evaluation(
            self._trial,
            [self.played[seed] for seed in self._seeds if seed in self.played],
            self._failures,
            [seed for seed in self._seeds if seed not in self.played],
            self._films(self._seeds) if self._filming else {},
        )

    def _read(self, group: Seeds) -> list[Episode]:
        """Those of a group that the journal has."""
        if self._journal is None:
            return []
        singles = [self._journal.read((seed,)) or [] for seed in group]
        return self._journal.read(group) or [episode for each in singles for episode in each]

    def _task(self, seeds: Seeds) -> Task[list[Episode]]:
        films = self._films(seeds) if self._filming else {}
        return partial(self._trial.play_group, seeds, films=films) if films else partial(self._trial.play_group, seeds)

    def _note(self, episode: Episode) -> None:
        """Notes a failure."""
        failure = Failure(episode.seed, str(episode.invalid), episode.ticks)
        self._failed[episode.seed] += 1
        self._failures.append(failure)
        if self._journal:
            self._journal.add_failure(failure)

    def _films(self, seeds: Sequence[int]) -> dict[int, Path]:
        return {seed: self._journal.film(seed) for seed in seeds} if self._journal else {}

    def _remove_films(self) -> None:
        """Removes what cannot be the first success or the first failure any more: films are large."""
        if self._filming:
            so_far = self.evaluation()
            wanted = [so_far.first(reached_goal=reached) for reached in (True, False)]
            seeds = {episode.seed for episode in wanted if episode is not None}
            for seed, film in self._films([*self.played]).items():
                if seed not in seeds:
                    film.unlink(missing_ok=True)


def _check(trial: Trial) -> int | None:
    """Fails early, in one line, where agent and environment do not work; returns the environment's own limit."""
    trial.make_player()
    env = trial.make_env()
    try:
        if trial.agent == "scripted":
            check_scripted(env, trial.env)
        if lacking := lacking_buttons(env):
            keys = ", ".join(lacking)
            log.warning("%s has no %s: those keys are left out of what %s does.", trial.env, keys, trial.agent)
        try_out(env)
        if trial.until is not None:
            check_milestone(trial.until, env)
        general = None if env.spec is None else env.spec.max_episode_steps
        own: int | None = getattr(env.unwrapped, "max_ticks", general)
        return own
    finally:
        env.close()


def write_video(evaluation: Evaluation, path: Path, *, episode: Episode | None = None, width: int = WIDTH) -> Path:
    """Writes an episode as video with the keys beneath: by default the first that reached its goal, else the first.

    The episode's actions are played once more in the same world, drawn at `VIDEO_SIZE` if the trial's own picture has
    another size. Where that would give another episode, it is the film that was made while it was played. Raises
    GhostkeysError if there is neither.
    """
    trial = evaluation.trial
    episode = episode or evaluation.first(reached_goal=True) or next(iter(evaluation.episodes), None)
    if episode is None:
        raise GhostkeysError(f"{path} is not written: no episode could be played.")
    if not trial.traits.repeats:
        film = evaluation.films.get(episode.seed)
        if film is None or not film.exists():
            raise GhostkeysError(
                f"{path} is not written: that episode was not filmed while it was played, and {trial.env} does not "
                "repeat itself."
            )
        with atomic_path(path) as temporary:
            shutil.copyfile(film, temporary)
        return path
    with ExitStack() as stack:
        env = trial.make_env(size=VIDEO_SIZE if trial.size else None)
        stack.callback(env.close)
        replayed = stack.enter_context(filmed(env, path, width=width))
        replayed.reset(seed=episode.seed)
        for taken in episode.taken:
            replayed.step(possible_action(env, taken))
    return path
