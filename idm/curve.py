"""How good the inverse dynamics model gets with more minutes of labelled play: the figures of one model for each."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from env.errors import GhostkeysError
from env.files import write_json
from idm.extrapolation import Extrapolation, extrapolate
from learning.runs import RunRecord

FIGURES: dict[str, tuple[str, ...]] = {
    "macro_f1": ("keys", "macro_f1"),
    "macro_f1_common": ("keys", "macro_f1_common"),
    "event_f1": ("events", "1", "micro", "f1"),
    "r2_pitch": ("camera", "pitch", "all", "r2"),
    "r2_yaw": ("camera", "yaw", "all", "r2"),
}
"""What is kept of each model's measurement, and where `idm.measurement` has it."""
BOTH, PAST, CLONING = "both directions", "past only", "cloning"
ARMS: dict[str, dict[str, Any]] = {BOTH: {}, PAST: {"causal": True}, CLONING: {"causal": True, "cloning": True}}
"""What of the future a model sees: all, the next frame, nothing; and what of `IDMConfig` says so."""
MORE_MINUTES = 20.0
"""Of labelled play, whose use is told."""


@dataclass(frozen=True)
class Model:
    """Which model of the curve."""

    arm: str
    """One of ARMS."""
    minutes: float
    seed: int

    @property
    def folder(self) -> str:
        """Its name below the curve's folder."""
        arm = "" if self.arm == BOTH else f"{self.arm.replace(' ', '-')}-"
        return f"{arm}minutes-{self.minutes:03g}-seed-{self.seed}"


@dataclass(frozen=True)
class Point:
    """A model and its figures on the held-out recordings."""

    model: Model
    steps: int
    figures: dict[str, dict[str, float | None]]
    """By the names of FIGURES: `value`, and its interval from `low` to `high`."""


@dataclass(frozen=True)
class Curve:
    """The points measured so far."""

    settings: dict[str, Any]
    """What all models have in common, by their dotted names."""
    recordings: dict[str, str]
    """Fingerprint of each recording that there is to train on."""
    heldout: dict[str, str]
    """Fingerprint of each recording that is measured on."""
    intervals: str = ""
    """How the intervals of the points were made."""
    points: tuple[Point, ...] = field(default=())

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What is noted in a file; None without one. Raises GhostkeysError."""
        if not path.exists():
            return None
        try:
            noted = json.loads(path.read_text(encoding="utf-8"))
            del noted["extrapolated"]  # follows from the points
            return cls(**{**noted, "points": tuple(_point(point) for point in noted["points"])})
        except (ValueError, TypeError, KeyError):
            raise GhostkeysError(f"{path} holds no curve of this version: choose another --output.") from None

    def write(self, path: Path) -> None:
        """Notes it in a file, with what it comes to."""
        extrapolated = {
            arm: {name: found and asdict(found) for name, found in outlook(self, arm).items()} for arm in self.arms
        }
        write_json(path, {**asdict(self), "extrapolated": extrapolated})

    @property
    def arms(self) -> list[str]:
        """Those of ARMS that there are models of, in their order."""
        there = {point.model.arm for point in self.points}
        return [arm for arm in ARMS if arm in there]

    def differences(self, here: "Curve") -> list[str]:
        """How the models of another curve differ from these, other than in what they are measured on."""
        there, other = (RunRecord(c.settings, c.recordings, max_steps=0, total_steps=0) for c in (self, here))
        return there.differences(other)


def outlook(curve: Curve, arm: str) -> dict[str, Extrapolation | None]:
    """Each figure with MORE_MINUTES more than were tried; None where too little was tried to tell."""
    points = [point for point in curve.points if point.model.arm == arm]
    most = max(point.model.minutes for point in points)
    told: dict[str, Extrapolation | None] = {}
    for name in FIGURES:
        known = [(p.model.minutes, value) for p in points if (value := p.figures[name]["value"]) is not None]
        told[name] = extrapolate([m for m, _ in known], [value for _, value in known], now=most, more=MORE_MINUTES)
    return told


def _point(noted: Mapping[str, Any]) -> Point:
    model = dict(noted["model"])
    if "causal" in model:  # as it was noted before there was a third arm
        model["arm"] = PAST if model.pop("causal") else BOTH
    return Point(**{**noted, "model": Model(**model)})
