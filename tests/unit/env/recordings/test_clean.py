"""`ghostkeys data clean`: removes what is made anew and what killed processes left, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ghostkeys import main
from learning.data import load_episodes
from tests.unit.idm.clips import write_recordings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Play with decoded frames, a temporary file of a process that runs, and one of a process that does not."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    key = "0123456789abcdef"
    for name in (
        "day/a.mp4", "day/a.jsonl", "day/features.npy", "day/.hidden", "run/model.safetensors",
        f"day/.frames/a-128x128-{key}.npy", f"elsewhere/b-16x32-linear-{key}.npy",
        f"day/.c.mp4.tmp-{ended.pid}-abc123", f"day/.d.mp4.tmp-{os.getpid()}-abc123",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(1000))
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_only_what_nobody_misses_goes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "clean", str(folder)]) == 0
    assert names(folder) == {
        "a.mp4", "a.jsonl", "features.npy", ".hidden", "model.safetensors", f".d.mp4.tmp-{os.getpid()}-abc123",
    }  # fmt: skip
    assert not (folder / "day" / ".frames").exists()
    shown = capsys.readouterr().out
    assert "a-128x128" in shown
    assert f"{folder}: 3 files, 0.00 GB removed" in shown


def test_a_dry_run_only_lists(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = names(folder)
    assert main(["data", "clean", str(folder), "--dry-run"]) == 0
    assert names(folder) == before
    assert "3 files, 0.00 GB to remove" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "clean", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"ghostkeys: error: {tmp_path / 'none'}: there is no such folder.\n"


def test_frames_that_training_has_decoded_are_found(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """They have the names that `learning.data` gives."""
    recordings = write_recordings(tmp_path_factory.mktemp("recordings"), 1)
    load_episodes(recordings, size=(16, 16), cache=folder / ".frames")
    assert main(["data", "clean", str(folder)]) == 0
    assert not (folder / ".frames").exists()
