"""Reads damaged files, thousands by hand:

    python -m tests.fuzz.files videos --files 5000 --seed 1
    python -m tests.fuzz.files recordings --files 5000

Whatever the damage, a reader gives good frames and raises nothing but its own error. Files that do otherwise are kept
in `runs/fuzz`, by seed.
"""

import argparse
import faulthandler
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from env.actions import Actions
from env.errors import GhostkeysError, RecordingError, VideoError
from env.recordings.contractor import contractor_tick, to_json
from env.recordings.labels import read_labels, write_labels
from env.recordings.play import read_contractor_actions
from env.video.frames import FrameReader, probe, read_ticks
from env.video.table import frame_table
from env.video.ticks import MAX_HOLD, TICKS_PER_SECOND
from tests.fuzz.damage import damaged
from tests.unit.env.video.clips import steady, write_clip

FRAMES = 40
SECONDS = 60
"""A file that takes longer is given up, with a trace of where it was."""
VIDEOS = {
    "mp4": "h264-b",
    "mov": "mpeg4-b",
    "mkv": "h264-open",
    "webm": "vp9",
    "avi": "h264-b",
    "ts": "h264-b",
    "flv": "flv1",
    "wmv": "wmv2",
    "mpg": "mpeg2-b",
}


def write_videos(folder: Path) -> list[Path]:
    """A clip in each kind of container."""
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 255, (48, 64 + FRAMES, 3), np.uint8)
    frames = [scene[:, number : number + 64].copy() for number in range(FRAMES)]
    return [write_clip(folder / f"clip.{kind}", frames, steady(FRAMES, 25), VIDEOS[kind], rate=25) for kind in VIDEOS]


def read_video(path: Path) -> None:
    """Reads a video in each way there is; raises only `VideoError`, unless something is wrong."""
    probe(path)
    table = frame_table(path)
    most = len(table) * (round(MAX_HOLD * TICKS_PER_SECOND) + 2)
    ticks = 0
    try:
        for tick in read_ticks(path, size=(16, 16)):
            ticks += 1
            assert tick.picture.shape == (16, 16, 3)
            assert ticks <= most, f"{path}: more ticks than {len(table)} frames can be"
    finally:
        reader = FrameReader(path)
        reader.frame(len(table) - 1, size=(16, 16))


def write_recordings(folder: Path) -> list[Path]:
    """The actions of a contractor, and a label table."""
    tick, lines = None, []
    for number in range(60):
        action = {"forward": 1, "camera": np.array([0.3, -1.5]), "attack": number % 3 == 0}
        tick = contractor_tick(number, action, {"hotbar": number // 10}, tick)
        lines.append(to_json(tick))
    (folder / "play.jsonl").write_text("\n".join(lines) + "\n")
    probabilities = np.zeros((60, 20), np.float32)
    write_labels(
        folder / "clip.labels.parquet",
        Actions.none(60),
        times=np.arange(60) / 20,
        button_probabilities=probabilities,
        camera_probability=np.ones(60, np.float32),
        metadata={"video": "clip.mp4", "resampling": "20 Hz"},
    )
    return [folder / "play.jsonl", folder / "clip.labels.parquet"]


def read_recording(path: Path) -> None:
    """Reads a file of actions; raises only `RecordingError`, unless something is wrong."""
    if path.suffix == ".jsonl":
        assert np.isfinite(read_contractor_actions(path).camera).all()
    else:
        read_labels(path)


Kind = tuple[Callable[[Path], list[Path]], Callable[[Path], None], type[GhostkeysError]]
KINDS: dict[str, Kind] = {
    "videos": (write_videos, read_video, VideoError),
    "recordings": (write_recordings, read_recording, RecordingError),
}


def run(kind: str, *, files: int, seed: int, keep: Path) -> Counter[str]:
    """Damages and reads so many files: how many were read, refused, or did something else (these are kept)."""
    write, read, expected = KINDS[kind]
    outcomes: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        sources = [(path, path.read_bytes()) for path in write(Path(folder))]
        for number in range(seed, seed + files):
            source, content = sources[number % len(sources)]
            path = Path(folder) / f"{number}{''.join(source.suffixes)}"
            path.write_bytes(damaged(content, number))
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            print(path.name, file=sys.stderr, flush=True)  # the last line tells which file ended the process
            try:
                read(path)
                outcomes["read"] += 1
            except expected:
                outcomes["refused"] += 1
            except Exception as error:
                outcomes[f"{type(error).__name__}: {str(error)[:80]}"] += 1
                keep.mkdir(parents=True, exist_ok=True)
                (keep / path.name).write_bytes(path.read_bytes())
            finally:
                faulthandler.cancel_dump_traceback_later()
                path.unlink()
    return outcomes


def main(arguments: list[str] | None = None) -> Any:
    """Exit status 1 when a file did anything but be read or refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("runs/fuzz"))
    options = parser.parse_args(arguments)
    outcomes = run(options.kind, files=options.files, seed=options.seed, keep=options.keep)
    for outcome, count in outcomes.most_common():
        print(f"{count:6d} {outcome}")
    return int(bool(outcomes.keys() - {"read", "refused"}))


if __name__ == "__main__":
    sys.exit(main())
