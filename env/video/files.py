"""Which files are videos, by their names."""

from pathlib import Path

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".ts", ".flv", ".m4v", ".mpeg", ".mpg", ".wmv")
"""What is taken for a video in a folder, in the order in which a stem is completed."""


def has_video_suffix(path: Path) -> bool:
    """Whether a file's name ends as videos' names do, in capitals or not."""
    return path.suffix.lower() in VIDEO_SUFFIXES
