"""From what the user names (files, folders, patterns) to work: each video, and the label file it becomes."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from env.errors import GhostkeysError
from env.recordings.labels import label_name
from env.video.files import VIDEO_SUFFIXES, has_video_suffix


@dataclass(frozen=True)
class VideoJob:
    """One video and the label file to write."""

    video: Path
    labels: Path


def plan_jobs(videos: Iterable[Path | str], output: Path, *, recursive: bool = False) -> list[VideoJob]:
    """The videos among `videos` with their label files under `output`, each video once.

    A folder stands for the videos in it, with `recursive` also for those below it, whose label files are then in the
    same folders under `output`. A pattern such as `night/*/*.mp4` stands for what it matches, laid out likewise; what
    exists is never taken for a pattern. A file that does not exist is kept: reading it fails with a reason. Raises
    `GhostkeysError` when two videos would have the same label file, or a folder or a pattern holds no video.
    """
    jobs: dict[Path, VideoJob] = {}
    for name in videos:
        for video, place in _expand(Path(name), recursive):
            job = VideoJob(video, output / place.parent / label_name(place.stem))
            taken = jobs.setdefault(job.labels, job)
            if taken.video != video and os.path.realpath(taken.video) != os.path.realpath(video):
                raise GhostkeysError(
                    f"{taken.video} and {video} would both be labelled in {job.labels}: rename one, "
                    "label them into two outputs, or name their common folder with --recursive."
                )
    return list(jobs.values())


def _expand(name: Path, recursive: bool) -> Iterator[tuple[Path, Path]]:
    """The videos a name stands for, each with its place under the output folder."""
    if _is_folder(name):
        found = [(video, video.relative_to(name)) for video in _videos_in(name, recursive)]
        if not found:
            below = [] if recursive else list(_videos_in(name, recursive=True))
            hint = f"; {len(below)} are in folders below it: add --recursive" if below else ""
            raise GhostkeysError(f"{name} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))}){hint}.")
        yield from found
    elif glob.has_magic(str(name)) and not _exists(name):
        root, pattern = _split_pattern(name)
        matches = sorted(path for path in _glob(root, pattern) if _is_visible_file(path))
        if not matches and set("*?") & set(pattern):
            raise GhostkeysError(f"{name} matches no file.")
        yield from ((match, match.relative_to(root)) for match in matches)
        if not matches:  # more likely a file that is gone, such as `play [1080p].mp4`, than a pattern
            yield name, Path(name.name)
    else:
        yield name, Path(name.name)


def _videos_in(folder: Path, recursive: bool) -> Iterator[Path]:
    paths = folder.rglob("*") if recursive else folder.glob("*")
    for path in sorted(paths):
        if has_video_suffix(path) and _is_visible_file(path):
            yield path


def _is_visible_file(path: Path) -> bool:
    """Whether a folder's entry is to be read; also where it cannot be, so that it is reported."""
    return not path.name.startswith(".") and not _is_folder(path)


def _split_pattern(pattern: Path) -> tuple[Path, str]:
    """The folders before the first wildcard, and the pattern below them. A folder that exists holds no wildcard."""
    parts = pattern.parts
    fixed = Path()
    for number, part in enumerate(parts):
        if glob.has_magic(part) and not _exists(fixed / part):
            return fixed, str(Path(*parts[number:]))
        fixed /= part
    raise AssertionError(f"{pattern} exists")


def _glob(root: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from root.glob(pattern)
    except ValueError as error:
        raise GhostkeysError(f"{pattern} is no pattern: {error}.") from error


# Path's own methods raise an error for a name that is too long, or below a folder that may not be searched.
def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112


def _exists(path: Path) -> bool:
    return os.path.lexists(path)
