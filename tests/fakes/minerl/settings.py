"""What the stand-in plays, how large its pictures are, and where it keeps its logs."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "GHOSTKEYS_FAKE"


@dataclass(frozen=True)
class Settings:
    """Of one stand-in."""

    faults: str
    """File with the faults that are still to come."""
    forced: str
    """File to which faults that came are added, a line each."""
    truth: str
    """File to which the digests of true observations are added, a line each."""
    calls: str
    """File to which what MineRL was asked is added: JSON, a line each."""
    world: str = "cheap"
    """`cheap`: pictures that are quickly made; `embedded`: ghostkeys' embedded world."""
    height: int = 36
    width: int = 64
    die_at: int | None = None
    """Tick at which the player of the cheap world dies."""
    timeout: int = 18000
    """Steps after which MineRL's wrapper of ObtainDiamondShovel ends an episode."""
    apart: bool = True
    """Whether the game can be launched apart from the first reset."""


def read_settings() -> Settings:
    """Those of this process."""
    return Settings(**json.loads(Path(os.environ[VARIABLE]).read_text()))


def append(path: str, line: str) -> None:
    """Adds a line to a file that several processes may write."""
    with Path(path).open("a") as file:
        file.write(line + "\n")
