"""What a training run was started with, kept in its folder, and how a new start differs from it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from env.errors import CheckpointError
from env.files import write_json
from env.recordings.recording import Kind, find_recordings, videos_beside
from learning.shards import are_shards, read_manifest

RUN_FILE = "run.json"
SHOWN = 4
"""Differences that are named one by one."""
READ = 1 << 16
"""Bytes of a file's beginning and of its end that tell it from another."""
_PLACES = ("data.root", "data.cache", "data.cache_gb", "data.validation_root", "data.workers", "data.index")
"""Settings that say where things lie, or what is only validated on, and change nothing in the model."""
_OF_THE_TRAINER = (
    "precision", "accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm", "limit_train_batches",
    "overfit_batches",
)  # fmt: skip
"""The trainer's settings that change the model, besides `max_steps`."""


@dataclass(frozen=True)
class RunRecord:
    """What a run's model depends on."""

    settings: dict[str, Any]
    """By their dotted names."""
    recordings: dict[str, str]
    """Fingerprint of each recording, by its path in the folder."""
    max_steps: int
    """As asked for."""
    total_steps: int
    """Where the run ends: more than `max_steps` if it was trained on after its end."""

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What is noted in a run's folder; None if nothing is. Raises CheckpointError."""
        path = folder / RUN_FILE
        if not path.exists():
            return None
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError):
            raise CheckpointError(f"{path} does not say how the run was started: choose another --output.") from None

    def write(self, folder: Path) -> None:
        """Notes it in a run's folder."""
        write_json(folder / RUN_FILE, asdict(self))

    def differences(self, here: "RunRecord") -> list[str]:
        """How another start differs, other than in its number of steps: settings, then recordings."""
        names = [*self.settings, *(name for name in here.settings if name not in self.settings)]
        changed = [name for name in names if self.settings.get(name) != here.settings.get(name)]
        told = [f"{name} {self.settings.get(name)} there, {here.settings.get(name)} here" for name in changed]
        if len(told) > SHOWN:
            told = [*told[:SHOWN], f"and {len(told) - SHOWN} settings more"]
        return told + _recordings_differ(self.recordings, here.recordings)


def _recordings_differ(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    groups = {
        "new": [name for name in here if name not in there],
        "gone": [name for name in there if name not in here],
        "changed": [name for name in here if name in there and there[name] != here[name]],
    }
    told = [f"{len(names)} {what} ({_some(names)})" for what, names in groups.items() if names]
    return [f"of the recordings {', '.join(told)}"] if told else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def model_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a training command's settings that the model depends on, by their dotted names."""
    flat = dict(_flattened(config))
    trainer = {f"trainer.{name}" for name in _OF_THE_TRAINER}
    parts = ("model.", "data.", "optimizer", "lr_scheduler", "seed_everything", "init_from", "ema")
    return {
        name: value
        for name, value in flat.items()
        if name not in _PLACES and (name.startswith(parts) or name in trainer)
    }


def _flattened(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def fingerprint_recordings(place: str, kind: Kind | None) -> dict[str, str]:
    """A fingerprint of each recording in a folder, by its path there; or of shards as a whole.

    Raises RecordingError if there is none.
    """
    if are_shards(place):
        return {"shards": read_manifest(place)[0].index_sha256[:16]}
    root = Path(place)
    return {
        str(path.relative_to(root) if path.is_relative_to(root) else path): _fingerprint(path)
        for path in find_recordings(root, kind=kind)
    }


def _fingerprint(actions: Path) -> str:
    """Of a recording's actions and of the video beside them: their sizes, beginnings and ends."""
    digest = hashlib.sha256()
    for path in [actions, *videos_beside(actions)]:
        size = path.stat().st_size
        digest.update(f"{size} ".encode())
        with path.open("rb") as file:
            digest.update(file.read(READ))
            file.seek(max(0, size - READ))
            digest.update(file.read(READ))
    return digest.hexdigest()[:16]
