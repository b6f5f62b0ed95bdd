"""The commands `ghostkeys generator fit | sample | validate`."""
# ruff: noqa: T201

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from env.actions import Actions
from env.command_line import check_at_least_1, run_command
from env.errors import GhostkeysError, VideoError
from env.files import write_json
from env.recordings.keys import KeyTable
from env.recordings.labels import label_actions, read_labels
from env.recordings.recording import read_contractor_actions
from env.video.encoding import write_video
from env.video.frames import read_frames
from env.video.pictures import resize
from generator.actions import parse_actions
from generator.data import ClipsDataModule
from generator.metrics import TURNING_DEGREES, evaluate_generator
from generator.model import VideoGenerator, load
from generator.module import GeneratorModule
from generator.sampler import Sampler
from learning.data import load_episodes
from learning.devices import choose_device
from learning.frame_cache import DEFAULT_GB
from learning.training import run_training

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
ACTION_FILES = (".jsonl", ".parquet")


def fit(args: Sequence[str]) -> int:
    """Trains a generator; see `generator/configs/tiny.yaml`. `--vae-steps` is short for `--model.vae-steps`."""
    args = [re.sub(r"^--vae[-_]steps(?=$|=)", "--model.vae_steps", arg) for arg in args]
    return run_training(GeneratorModule, ClipsDataModule, args, kind="generator", program="ghostkeys generator fit")


def sample(args: Sequence[str]) -> int:
    """Generates video from a start frame and a list of actions."""
    return int(run_command(_sample, args, program="ghostkeys generator sample"))


def validate(args: Sequence[str]) -> int:
    """Scores a generator on recordings it has not seen."""
    return int(run_command(_validate, args, program="ghostkeys generator validate"))


def _sample(
    checkpoint: Path,
    start: Path,
    actions: str,
    output: Path,
    frame: int = 0,
    steps: int = 4,
    seed: int = 0,
    scale: int = 4,
    device: str = "auto",
) -> int:
    """Generates one frame for each action, from a frame of a video or from a picture, and writes an mp4.

    Args:
        checkpoint: Folder of a trained generator.
        start: Video or picture to start from.
        actions: What to do: a contractor's .jsonl, a .labels.parquet, or a script such as '20*forward+sprint 10*yaw=5'.
        output: The mp4 to write.
        frame: Frame of the video to start from, counted from 0; the frames before it show the model what is moving.
        steps: Steps from noise to picture for each frame.
        seed: Seed of the noise.
        scale: The written picture is so many times the model's, along each side.
        device: auto (a GPU if there is one), cpu, cuda, one GPU such as cuda:1, or mps.
    """
    check_at_least_1(scale=scale, steps=steps)
    _check_seed(seed)
    chosen = choose_device(device)
    model = load(checkpoint).to(chosen)
    frames = _start_frames(start, frame, model)
    generated = Sampler(model, steps=steps).sample(
        frames, _read_actions(actions), generator=torch.Generator().manual_seed(seed)
    )
    write_video(output, resize(generated, (model.size[0] * scale, model.size[1] * scale)))
    print(f"{output}: {len(generated)} frames")
    return 0


@dataclass(frozen=True)
class HeldOut:
    """Recordings to score on."""

    root: Path
    """Folder of recordings that the generator was not trained on."""
    cache: Path | None = None
    """Where decoded frames are kept; by default a folder `.frames` under root."""
    keys: Path | None = None
    """Key table of another game, a YAML file, for its recordings."""
    cache_gb: float = DEFAULT_GB
    """At most so many GB of them are kept there."""


def _validate(
    checkpoint: Path,
    data: HeldOut,
    clips: int = 256,
    pairs: int = 100,
    steps: int = 4,
    seed: int = 0,
    json: Path | None = None,
    device: str = "auto",
) -> int:
    """Compares generated with real frames and with repeating the last frame, and tests whether the mouse is obeyed.

    Args:
        checkpoint: Folder of a trained generator.
        data: Recordings to score on.
        clips: At most so many start frames for each PSNR.
        pairs: Start frames from which both a left and a right turn are generated.
        steps: Steps from noise to picture for each frame.
        seed: Seed of the choice of start frames and of the noise.
        json: File to write the figures to.
        device: auto (a GPU if there is one), cpu, cuda, one GPU such as cuda:1, or mps.
    """
    check_at_least_1(clips=clips, pairs=pairs, steps=steps)
    _check_seed(seed)
    chosen = choose_device(device)
    model = load(checkpoint).to(chosen)
    episodes = load_episodes(
        data.root,
        size=model.size,
        cache=data.cache or data.root / ".frames",
        cache_gb=data.cache_gb,
        keys=None if data.keys is None else KeyTable.read(data.keys),
    )
    scores = evaluate_generator(model, episodes, clips=clips, pairs=pairs, steps=steps, seed=seed)
    print(describe(scores))
    if json is not None:
        write_json(json, scores)
    for path, reason in episodes.skipped:
        print(f"passed over {path}: {reason}", file=sys.stderr)
    return 1 if episodes.skipped else 0


def describe(scores: Mapping[str, Any]) -> str:
    """The figures of `evaluate_generator` as a few lines of text."""
    rows = [("all", scores["psnr"], scores["copy_psnr"])]
    if "psnr_turning" in scores:
        rows.append((f"turning (yaw >= {TURNING_DEGREES:g}°)", scores["psnr_turning"], scores["copy_psnr_turning"]))
    rows += [(f"{h} ticks ahead", v["psnr"], v["copy_psnr"]) for h, v in scores["horizons"].items() if h != "1"]
    lines = [f"{'PSNR (dB)':24} {'generated':>10} {'copy':>8} {'gain':>7}"]
    lines += [f"{name:24} {ours:10.2f} {copy:8.2f} {ours - copy:+7.2f}" for name, ours, copy in rows]
    lines.append(f"{'autoencoder alone':24} {scores['vae_psnr']:10.2f}")
    lines.append(f"left and right turns in order: {scores['left_right_order']:.1%} of {scores['pairs']} pairs")
    return "\n".join(lines)


def _start_frames(path: Path, frame: int, model: VideoGenerator) -> NDArray[np.uint8]:
    """The frame and those before it that the model can use, uint8 (K, height, width, 3)."""
    if not path.is_file():
        raise VideoError(f"{path}: there is no such file; give --start a video or a picture.")
    if path.suffix.lower() in IMAGES:
        picture = cv2.imread(str(path))
        if picture is None:
            raise VideoError(f"{path} cannot be read as a picture; give a whole PNG or JPEG file.")
        return resize(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)[None].astype(np.uint8), model.size)
    first = max(0, frame + 1 - model.context)
    frames = [image for _, image in read_frames(path, size=model.size, start=first, stop=frame + 1)]
    if frame < 0 or len(frames) < frame + 1 - first:
        raise VideoError(
            f"{path} has no frame {frame}; --frame counts from 0 and must be less than the video's length."
        )
    return np.stack(frames)


def _read_actions(text: str) -> Actions:
    """Actions from a file, or from a script in short form."""
    path = Path(text)
    if path.suffix in ACTION_FILES or path.is_file():
        if not path.is_file():
            raise GhostkeysError(
                f"{path}: there is no such file; give --actions a .jsonl, a .labels.parquet or a script."
            )
        actions = label_actions(read_labels(path)) if path.suffix == ".parquet" else read_contractor_actions(path)
    else:
        actions = parse_actions(text)
    if len(actions) == 0:
        raise GhostkeysError(f"{text}: there are no actions in it.")
    return actions


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**63:
        raise GhostkeysError(f"--seed {seed}: expected 0 to {2**63 - 1}.")
