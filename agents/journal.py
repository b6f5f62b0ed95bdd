"""What an evaluation has played so far, on disk, so that an interrupted one goes on where it stopped."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from agents.rollout import Action, Episode, Failure
from env.actions import no_op
from env.files import atomic_path


class Journal:
    """A folder with a file for each group of episodes that has ended, one of failures, and films.

    What it holds for another recipe, such as another agent or other weights under the same name, is not found.
    """

    def __init__(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        self.folder = folder
        self._key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]

    def read(self, seeds: Sequence[int]) -> list[Episode] | None:
        """The episodes of a group as they were written; None if they are still to be played."""
        path = self._path(seeds)
        if not path.exists():
            return None
        try:
            return [_episode(plain) for plain in json.loads(path.read_text())]
        except (ValueError, KeyError, TypeError):  # not what `write` wrote: play them again
            return None

    def write(self, episodes: Sequence[Episode]) -> None:
        """Keeps a group whose episodes have all ended."""
        path = self._path([episode.seed for episode in episodes])
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps([_plain(episode) for episode in episodes]))

    def failures(self) -> list[Failure]:
        """The episodes that failed so far, in the order in which they did."""
        try:
            return [Failure(**plain) for plain in json.loads(self._failures.read_text())]
        except (OSError, ValueError, TypeError):
            return []

    def add_failure(self, failure: Failure) -> None:
        """Keeps that an episode failed."""
        with atomic_path(self._failures) as temporary:
            temporary.write_text(json.dumps([asdict(each) for each in (*self.failures(), failure)]))

    def film(self, seed: int) -> Path:
        """Where the video of an episode is kept, if it is filmed."""
        return self.folder / f"{self._key}-{seed}.mp4"

    @property
    def _failures(self) -> Path:
        return self.folder / f"{self._key}-failures.json"

    def _path(self, seeds: Sequence[int]) -> Path:
        return self.folder / f"{self._key}-{'-'.join(map(str, seeds))}.json"


def _plain(episode: Episode) -> dict[str, Any]:
    """What JSON holds; a float32 comes back from it to the last bit."""
    keys = [[name for name, value in action.items() if name != "camera" and value] for action in episode.taken]
    camera = [np.asarray(action["camera"], np.float32).tolist() for action in episode.taken]
    facts = {"seed": episode.seed, "milestones": episode.milestones, "reward": episode.reward}
    return {**facts, "keys": keys, "camera": camera}


def _episode(plain: dict[str, Any]) -> Episode:
    taken: list[Action] = [
        no_op() | dict.fromkeys(keys, 1) | {"camera": np.array(camera, np.float32)}
        for keys, camera in zip(plain["keys"], plain["camera"], strict=True)
    ]
    return Episode(plain["seed"], taken, plain["milestones"], plain["reward"])
