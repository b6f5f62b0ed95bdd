"""Stand-in until key tables are merged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class KeyTable:
    """Keys."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads."""
        return cls()
