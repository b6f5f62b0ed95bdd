"""Makes "MineRL's Python" for tests: a script that runs this Python with the stand-in `minerl` beside it."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
VARIABLE = "GHOSTKEYS_FAKE"
"""Names the stand-in's settings; all of its processes have it in their environment."""
FILES = ("faults", "forced", "truth", "calls")


@dataclass(frozen=True)
class StandIn:
    """A stand-in for MineRL in a folder of its own."""

    folder: Path

    @property
    def python(self) -> Path:
        """What to give as MineRL's Python."""
        return self.folder / "python"

    def force(self, *faults: Mapping[str, Any]) -> None:
        """Has these faults come, each once and in place of those that have not come yet: `op`, `at`, `kind`.

        Launches, resets and closes are counted from the start of MineRL's process, steps from the reset, each from 1;
        `at` 0 is the next of them.
        """
        (self.folder / "faults").write_text(json.dumps(faults))

    def forced(self) -> list[dict[str, Any]]:
        """The faults that came."""
        return self._lines("forced")

    def calls(self, op: str) -> list[dict[str, Any]]:
        """What MineRL was asked: `seed`, `reset` (with `seed` and `start`) or `step` (with `held` and `camera`)."""
        return [call for call in self._lines("calls") if call["op"] == op]

    def truth(self) -> set[str]:
        """Digests of all observations that the game sent."""
        return set((self.folder / "truth").read_text().split())

    def processes(self) -> list[psutil.Process]:
        """Those that live, in whatever session."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(VARIABLE) == str(self.folder / "settings"):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def _lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


def make_stand_in(folder: Path, *, faults: Iterable[Mapping[str, Any]] = (), **settings: Any) -> StandIn:
    """A stand-in with its logs in a new folder; the settings are those of `minerl.settings.Settings`."""
    folder.mkdir(parents=True)
    stand_in = StandIn(folder)
    for name in FILES:
        (folder / name).touch()
    stand_in.force(*faults)
    paths = {name: str(folder / name) for name in FILES}
    (folder / "settings").write_text(json.dumps({**paths, **settings}))
    stand_in.python.write_text(
        "#!/bin/sh\n"
        f"export PYTHONPATH='{ROOT}:{ROOT / 'tests' / 'fakes'}' {VARIABLE}='{folder / 'settings'}'\n"
        f'exec "{sys.executable}" "$@"\n'
    )
    stand_in.python.chmod(0o755)
    return stand_in
