"""A game in a process of its own, as it were, that fails where it is told to; what happens to it is noted in a file."""

import os
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from env.errors import GhostkeysError
from tests.unit.agents.tiny_env import RedPicture

FAILING_ID = "tests.unit.agents.failing_env:Failing-v0"


class Failing(RedPicture):
    """The red picture's game. `fails` names for a seed the tick of each failure, one after the other.

    Every attempt is drawn a little brighter than the one before, so that a picture tells which it was. Where `fails`
    says "reset", reset raises GhostkeysError; where it says "hang", it takes for ever.
    """

    metadata: dict[str, Any] = {"render_modes": [], "own_process": True}  # noqa: RUF012  # as gym.Env declares it

    def __init__(
        self, size: tuple[int, int] = (20, 32), *, notes: str, fails: dict[str, list[int | str]] | None = None
    ) -> None:
        super().__init__(size)
        self.notes, self.fails = Path(notes), fails or {}
        self.is_open = False
        self.fails_at: int | str = -1
        self.attempt = 0

    def note(self, what: str) -> None:
        with self.notes.open("a") as file:
            file.write(f"{what} {os.getpid()}\n")

    def prepare(self) -> None:
        if not self.is_open:
            self.is_open = True
            self.note("open")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.prepare()
        self.attempt = noted(self.notes, f"reset {seed} ")
        self.note(f"reset {seed}")
        failures = self.fails.get(str(seed), [])
        self.fails_at = failures[self.attempt] if self.attempt < len(failures) else -1
        if self.fails_at == "reset":
            raise GhostkeysError("the game could not be started")
        while self.fails_at == "hang":
            time.sleep(60)
        return super().reset(seed=seed)

    def step(self, action: dict[str, Any]) -> Any:
        if self.tick == self.fails_at:
            return self._observe(), 0.0, False, True, {"milestones": {}, "invalid": "the game died"}
        return super().step(action)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self.note("close")

    def _observe(self) -> dict[str, Any]:
        picture = super()._observe()["pov"]
        return {"pov": np.minimum(picture // 4 + 60 * self.attempt, 255).astype(np.uint8)}


def noted(notes: Path, start: str) -> int:
    """How many notes begin so."""
    return sum(line.startswith(start) for line in notes.read_text().splitlines()) if notes.exists() else 0


gymnasium.register("Failing-v0", entry_point=f"{__name__}:Failing", nondeterministic=True)
