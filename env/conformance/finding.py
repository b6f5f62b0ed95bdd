"""What a check of an environment is, and what it measures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from env.conformance.probe import Probe


class Finding(NamedTuple):
    """What a check measured."""

    found: str
    as_expected: bool = True


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is expected of an environment."""

    name: str
    expected: str
    measure: Callable[[Probe], Finding]
    needs: tuple[str, ...] = ()
    """Checks without whose success this one would tell nothing."""
    resets: bool = False
    """It starts episodes of its own. Others go on in the one that is being played."""
