"""MineRL's stand-in, and environments that play it and leave nothing behind."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from env.minerl.client import MineRLEnv
from tests.fakes.standin import StandIn, make_stand_in

SIZE = (36, 64)
DEADLINES: dict[str, Any] = {
    "launch_deadline": 60.0,
    "reset_deadline": 60.0,
    "step_deadline": 60.0,
    "close_deadline": 1.0,
}
"""A busy machine that answers late is not taken for a fault."""
QUICK: dict[str, Any] = {"reset_deadline": 4.0, "step_deadline": 4.0}
"""For tests of faults that never answer; each waits as long."""

MakeStandIn = Callable[..., StandIn]
MakeEnv = Callable[..., MineRLEnv]


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files are made; its name is short, as a socket's has to be."""
    folder = Path(tempfile.mkdtemp(prefix="gk-"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("DISPLAY", ":0")  # the stand-in needs no screen, and starting one takes seconds
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make_game(tmp_path: Path, scratch: Path) -> Iterator[MakeStandIn]:
    """Makes stand-ins; whatever they leave is killed at the end."""
    made: list[StandIn] = []

    def make(**settings: Any) -> StandIn:
        made.append(make_stand_in(tmp_path / f"minerl{len(made)}", **settings))
        return made[-1]

    yield make
    for stand_in in made:
        for process in stand_in.processes():
            process.kill()


@pytest.fixture
def game(make_game: MakeStandIn) -> StandIn:
    """A stand-in with a world that is quickly drawn."""
    return make_game()


@pytest.fixture
def make_env() -> Iterator[MakeEnv]:
    """Makes environments of a stand-in; they are closed at the end."""
    made: list[MineRLEnv] = []

    def make(stand_in: StandIn, **arguments: Any) -> MineRLEnv:
        given = {"size": SIZE, "python": stand_in.python, "attempts": 1, "backoff": 0.0, **DEADLINES, **arguments}
        made.append(MineRLEnv(**given))
        return made[-1]

    yield make
    for each in made:
        each.close()
