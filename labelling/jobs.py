"""From what the user names (files, folders, patterns) to work: each video, and the label file it becomes."""

import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from env.errors import GhostkeysError

VIDEO_SUFFIXES = frozenset({".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"})
"""What is taken from a folder. A file named by itself may have any suffix."""

LABELS_SUFFIX = ".labels.parquet"


@dataclass(frozen=True)
class VideoJob:
    """One video and the label file to write."""

    video: Path
    labels: Path


def plan_jobs(videos: Iterable[Path | str], output: Path, *, recursive: bool = False) -> list[VideoJob]:
    """The videos among `videos` with their label files under `output`, each video once.

    A folder stands for the videos in it, with `recursive` also for those below it, whose label files are then in the
    same folders under `output`. A pattern such as `night/*/*.mp4` stands for what it matches, laid out likewise. A file
    that does not exist is kept: reading it fails with a reason. Raises `GhostkeysError` when two videos would have the
    same label file, or a folder or a pattern holds no video.
    """
    jobs: dict[Path, VideoJob] = {}
    for name in videos:
        for video, place in _expand(Path(name), recursive):
            job = VideoJob(video, output / place.parent / (place.stem + LABELS_SUFFIX))
            taken = jobs.setdefault(job.labels, job)
            if taken.video.resolve() != video.resolve():
                raise GhostkeysError(
                    f"{taken.video} and {video} would both be labelled in {job.labels}: rename one, "
                    "label them into two outputs, or name their common folder with --recursive."
                )
    return list(jobs.values())


def _expand(name: Path, recursive: bool) -> Iterator[tuple[Path, Path]]:
    """The videos a name stands for, each with its place under the output folder."""
    if name.is_dir():
        found = [(video, video.relative_to(name)) for video in _videos_in(name, recursive)]
        if not found:
            below = [] if recursive else list(_videos_in(name, recursive=True))
            hint = f"; {len(below)} are in folders below it: add --recursive" if below else ""
            raise GhostkeysError(f"{name} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))}){hint}.")
        yield from found
    elif glob.has_magic(str(name)) and not name.exists():
        root = _fixed_part(name)
        matches = sorted(path for path in root.glob(str(name.relative_to(root))) if _is_visible_file(path))
        if not matches:
            raise GhostkeysError(f"{name} matches no file.")
        yield from ((match, match.relative_to(root)) for match in matches)
    else:
        yield name, Path(name.name)


def _videos_in(folder: Path, recursive: bool) -> Iterator[Path]:
    paths = folder.rglob("*") if recursive else folder.glob("*")
    for path in sorted(paths):
        if path.suffix.lower() in VIDEO_SUFFIXES and _is_visible_file(path):
            yield path


def _is_visible_file(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file()


def _fixed_part(pattern: Path) -> Path:
    """The folders of a pattern before its first wildcard."""
    fixed = Path()
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed
