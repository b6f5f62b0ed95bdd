"""Some hundred damaged files: each is read or refused, in bounded time, and takes nobody with it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("kind", "files"), [("videos", 270), ("recordings", 400)])
def test_damaged_files_are_read_or_refused(kind: str, files: int, tmp_path: Path) -> None:
    """In a process of its own: a decoder that crashes or hangs is a failure, too."""
    command = [sys.executable, "-m", "tests.fuzz.files", kind, "--files", str(files), "--keep", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}"
    counts = {name: int(count) for count, name in (line.split(maxsplit=1) for line in done.stdout.splitlines())}
    assert counts["read"] + counts["refused"] == files
    assert min(counts.values()) > files // 50
