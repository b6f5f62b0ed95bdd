"""The commands `ghostkeys idm fit`, `idm curve`, `idm validate` and `idm predict`."""
# ruff: noqa: T201

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from env.actions import BUTTONS
from env.command_line import run_command
from env.errors import GhostkeysError
from env.files import atomic_path, write_json
from env.invisible import note
from env.recordings.keys import KeyTable
from env.recordings.recording import find_recordings
from env.video.frames import read_ticks
from env.video.ticks import FrameRate
from idm.evaluation import evaluate
from idm.model import Prediction, load
from idm.strips import check_template_engine, write_page
from idm.tables import table
from learning.data import load_episodes
from learning.devices import choose_device
from learning.frame_cache import DEFAULT_GB


def fit(args: list[str]) -> int:
    """Trains an inverse dynamics model; the arguments are Lightning's, with `--config` and `--output`."""
    from idm.datamodule import IDMDataModule
    from idm.module import IDMModule
    from learning.training import run_training

    return run_training(IDMModule, IDMDataModule, args, kind="idm", program="ghostkeys idm fit")


def curve(args: list[str]) -> int:
    """Trains on more and more minutes of play, and tells how good each model is and what more play would bring."""
    from idm.curve_run import measure_curve
    from idm.curve_table import table as curve_table

    measured, status = measure_curve(args)
    print(curve_table(measured))
    return status


@dataclass(frozen=True)
class RecordingsToScore:
    """Where the recordings are."""

    root: Path
    """Folder of recordings."""
    kind: Literal["contractor", "labels"] = "contractor"
    """Recordings with a player's actions, or with inferred labels."""
    keys: Path | None = None
    """Key table of another game, a YAML file, for its recordings."""
    cache: Path | None = None
    """Folder for decoded frames; by default `.frames` under root."""
    cache_gb: float = DEFAULT_GB
    """At most so many GB of them are kept there."""


def validate(args: list[str]) -> int:
    """Scores a model on recordings it has not seen."""
    return int(run_command(_validate, args, program="ghostkeys idm validate"))


def _validate(
    checkpoint: Path,
    data: RecordingsToScore,
    *,
    json: Path | None = None,
    page: Path | None = None,
    windows: int = 12,
    mirror: bool | None = None,
    device: str = "auto",
) -> int:
    """Scores an inverse dynamics model on recordings it has not seen, beside guesses that need no video.

    Args:
        checkpoint: Folder of the trained model.
        data: The recordings.
        json: File to write all figures to, those that are not printed included.
        page: HTML file to write the worst windows to, as strips of frames; needs the extra `report`.
        windows: How many windows that page shows.
        mirror: Average with what the model says of the mirrored video; null does where its calibration found it better.
        device: auto (a GPU if there is one), cpu, cuda, one GPU such as cuda:1, or mps.
    """
    if windows < 1:
        raise GhostkeysError(f"--windows {windows}: expected 1 or more.")
    if page is not None:
        check_template_engine()
    chosen = choose_device(device)
    model = load(checkpoint).to(chosen)
    episodes = load_episodes(
        data.root,
        size=model.config.frame_size,
        interpolation=model.config.interpolation,
        cache=data.cache or data.root / ".frames",
        cache_gb=data.cache_gb,
        kind=data.kind,
        keys=None if data.keys is None else KeyTable.read(data.keys),
    )
    evaluation = evaluate(model, episodes, mirrored=mirror)
    print(table(evaluation))
    print(note())
    if json is not None:
        skipped = [{"path": str(path), "reason": reason} for path, reason in episodes.skipped]
        write_json(json, {**evaluation.to_dict(), "skipped": skipped})
    if page is not None:
        unread = {path for path, _ in episodes.skipped}
        read = [path for path in find_recordings(data.root, kind=data.kind) if path not in unread]
        write_page(page, evaluation, episodes, read, count=windows)
        print(f"worst windows: {page}")
    for path, reason in episodes.skipped:
        print(f"passed over {path}: {reason}", file=sys.stderr)
    return 1 if episodes.skipped else 0


def predict(args: list[str]) -> int:
    """Infers the keys and the mouse behind one video."""
    return int(run_command(_predict, args, program="ghostkeys idm predict", positional=True))


def _predict(
    video: Path,
    *,
    checkpoint: Path,
    output: Path | None = None,
    fps: FrameRate = "auto",
    mirror: bool | None = None,
    device: str = "auto",
) -> int:
    """Infers the keys and the mouse behind one video: a JSON line per tick, with its buttons and turn in degrees.

    Args:
        video: The video.
        checkpoint: Folder of the trained model.
        output: File for the lines; without it they are printed.
        fps: "auto" follows the time stamps, "native" takes each frame for a tick, a number is the frames' true rate.
        mirror: Average with what the model says of the mirrored video; null does where its calibration found it better.
        device: auto (a GPU if there is one), cpu, cuda, one GPU such as cuda:1, or mps.
    """
    chosen = choose_device(device)
    model = load(checkpoint).to(chosen)
    size, interpolation = model.config.frame_size, model.config.interpolation
    ticks = read_ticks(video, fps=fps, size=size, interpolation=interpolation)
    frames = np.stack([tick.picture for tick in ticks])
    lines = tick_lines(model.predict(frames, mirrored=mirror))
    if output is None:
        print("\n".join(lines))
        return 0
    with atomic_path(output) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
    print(f"{output}: {len(lines)} ticks")
    return 0


def tick_lines(prediction: Prediction) -> list[str]:
    """A JSON object per tick."""
    probability = np.exp(prediction.button_log_probs[..., 1])  # (T, 20)
    return [
        json.dumps(
            {
                "tick": tick,
                "buttons": [name for name, held in zip(BUTTONS, pressed, strict=True) if held],
                "camera": [round(float(degrees), 3) for degrees in camera],
                "probability": {name: round(float(p), 4) for name, p in zip(BUTTONS, chances, strict=True)},
            }
        )
        for tick, (pressed, camera, chances) in enumerate(
            zip(prediction.actions.buttons, prediction.actions.camera, probability, strict=True)
        )
    ]
