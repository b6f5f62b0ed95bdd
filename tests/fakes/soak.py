"""Forces faults of MineRL and of the game, one after another, and counts what the bridge lets through.

python tests/fakes/soak.py --faults 1000 --seed 0
"""

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from env.minerl.client import MineRLEnv
from env.minerl.process import MineRLError
from tests.fakes.minerl.worlds import TICKS_OF_A_LOG, digest
from tests.fakes.standin import StandIn, make_stand_in

SIZE = (36, 64)
FAULTS_OF_ONE = 25
"""Faults after which a new environment is made."""
DEADLINES: dict[str, Any] = {
    "launch_deadline": 10.0,
    "reset_deadline": 4.0,
    "step_deadline": 2.0,
    "close_deadline": 2.0,
    "silence": 5.0,
}
ATTACK = {"attack": 1, "camera": (0.5, 2.0)}
LOG, MOST_LOGS = 1 / 8, 8
HARMLESS = ("noise", "child")
ERRORS = ("AttributeError", "ValueError", "JSONDecodeError", "TypeError", "RuntimeError", "SystemExit", "MemoryError")
DEATHS = ("die", "hang", "hang_gil", "stop", "kill_game", "stop_game")
MESSAGES = ("empty", "huge", "trickle", "eof")
LIES = (
    *("wrong_shape", "wrong_dtype", "no_picture", "huge_counts", "negative_counts", "fractional_counts", "nan_counts"),
    *("words_for_counts", "list_inventory", "true_counts", "huge_statistics", "words_for_statistics"),
    *("nonsense_types", "huge_damage", "nonsense_name", "nan_location", "words_for_life"),
)
KINDS = {
    "launch": ("EOFError", *ERRORS, "die", "hang", "hang_gil", "stop", "silent", "half", "dies", "childful", "loud"),
    "reset": (*ERRORS, *DEATHS, *MESSAGES, *LIES, *HARMLESS),
    "step": ("error_info", "info_text", "KeyboardInterrupt", *ERRORS, *DEATHS, *MESSAGES, *LIES, *HARMLESS),
    "close": (*ERRORS, *DEATHS, "slow", *HARMLESS),
}
STEPS = (1, 1, 2, 5, 6, 17, 60, 500)
"""Steps at which a fault comes, drawn with equal chances."""
BAD = (
    "invented observations",
    "rewards from errors",
    "wrong rewards",
    "bad episodes unmarked",
    "good episodes marked",
    "processes left",
    "episodes that did not play afterwards",
    "faults that did not come",
)


class Soak:
    """Plays environments of one stand-in after another, and counts."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.forced: Counter[str] = Counter()
        self.bad: Counter[str] = Counter(dict.fromkeys(BAD, 0))
        self.episodes = self.steps = 0
        self._folder = folder
        self._random = random.Random(seed)

    def run(self, faults: int) -> None:
        """Forces so many."""
        for first in range(0, faults, FAULTS_OF_ONE):
            game = make_stand_in(self._folder / str(first))
            env = self._make(game)
            for _ in range(min(FAULTS_OF_ONE, faults - first)):
                self._force(env, game)
            env.close()
            self.bad["processes left"] += len(game.processes())
            print(f"{sum(self.forced.values())} faults, {self.episodes} episodes, bad: {dict(+self.bad)}", flush=True)

    def _make(self, game: StandIn) -> MineRLEnv:
        return MineRLEnv(SIZE, task="diamond_shovel", python=game.python, attempts=3, backoff=0.0, **DEADLINES)

    def _force(self, env: MineRLEnv, game: StandIn) -> None:
        """One fault, and an episode after it."""
        op = self._random.choices(list(KINDS), weights=[2, 3, 6, 1])[0]
        kind, at = self._random.choice(KINDS[op]), self._random.choice(STEPS) if op == "step" else 0
        before = len(game.forced())
        if op == "launch":
            env.close()
        game.force({"op": op, "at": at, "kind": kind})
        if op == "close":
            self._close(env, game)
        else:
            void = self._play(env, game, ticks=at + 5)
            expected = op == "step" and kind not in HARMLESS
            self.bad["bad episodes unmarked"] += expected and void is False
            self.bad["good episodes marked"] += not expected and void is True
            self.bad["processes left"] += len(game.processes()) if void else 0
        self.bad["faults that did not come"] += len(game.forced()) != before + 1
        self.forced[f"{op} {kind}"] += 1
        game.force()
        self.bad["episodes that did not play afterwards"] += self._play(env, game, ticks=6) is not False

    def _close(self, env: MineRLEnv, game: StandIn) -> None:
        """Closes a game that runs."""
        self._play(env, game, ticks=2)
        env.close()
        self.bad["processes left"] += len(game.processes())

    def _play(self, env: MineRLEnv, game: StandIn, *, ticks: int) -> bool | None:
        """Whether the episode is void; None if there was none."""
        self.episodes += 1
        try:
            observation, _ = env.reset(seed=self._random.randrange(2**31))
        except MineRLError as error:
            print(f"no episode: {error}", flush=True)
            return None
        shown, void = [digest(observation)], False
        for tick in range(1, ticks + 1):
            observation, reward, terminated, truncated, info = env.step(ATTACK)
            shown.append(digest(observation))
            self.steps += 1
            if "invalid" in info:
                self.bad["rewards from errors"] += reward != 0.0 or terminated
                void = True
                break
            is_log = tick % TICKS_OF_A_LOG == 0 and tick <= MOST_LOGS * TICKS_OF_A_LOG
            self.bad["wrong rewards"] += reward != (LOG if is_log else 0.0)
            if terminated or truncated:
                self.bad["bad episodes unmarked"] += 1
                break
        self.bad["invented observations"] += len(set(shown) - game.truth())
        return void


def main() -> int:
    """0 if nothing bad was let through."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ.setdefault("DISPLAY", ":0")  # the stand-in needs no screen, and starting one takes seconds
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), seed=arguments.seed)
        soak.run(arguments.faults)
    for name, count in sorted(soak.forced.items()):
        print(f"{count:5d}  {name}")
    print(f"{sum(soak.forced.values())} faults, {soak.episodes} episodes, {soak.steps} steps, ", end="")
    print(f"{time.monotonic() - began:.0f} s")
    for name in BAD:
        print(f"{soak.bad[name]:5d}  {name}")
    return 1 if any(soak.bad.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
