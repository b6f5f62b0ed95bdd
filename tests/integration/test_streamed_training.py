"""Training on frames that are decoded while it goes on: all three models, stopped and gone on with."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
import yaml

from agents.data import PolicyDataModule
from agents.module import PolicyModule
from env.actions import BUTTONS
from generator.data import ClipsDataModule
from generator.module import GeneratorModule
from idm.datamodule import IDMDataModule
from idm.module import IDMModule
from learning.checkpoint import Kind, load_checkpoint, read_metadata
from learning.datamodule import PlayDataModule
from learning.frame_cache import FrameCache
from learning.training import run_training
from tests.integration.test_training_processes import config_of
from tests.unit.idm.clips import write_recordings

CLASSES: dict[Kind, tuple[type[lightning.LightningModule], type[PlayDataModule]]] = {
    "idm": (IDMModule, IDMDataModule),
    "policy": (PolicyModule, PolicyDataModule),
    "generator": (GeneratorModule, ClipsDataModule),
}
Start = Callable[..., int]


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Some recordings, one of which is damaged."""
    folder = write_recordings(tmp_path / "recordings", 6, length=150)
    video = folder / "noise-2.mp4"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 3])
    return folder


@pytest.fixture
def start(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a streamed training, in which nothing may be written to a frame cache."""

    def refused(*_: Any) -> None:
        raise AssertionError("a frame cache was written")

    monkeypatch.setattr(FrameCache, "reserve", refused)

    def started(kind: Kind, output: str, *more: str) -> int:
        config = tmp_path / f"{kind}.yaml"
        content: dict[str, Any] = config_of(kind, recordings)
        content["data"] |= {"frames": "stream", "workers": 2, "validation_share": 0.2}
        config.write_text(yaml.safe_dump(content))
        arguments = ["--config", str(config), "--output", str(tmp_path / output), *more]
        return run_training(*CLASSES[kind], arguments, kind=kind)

    return started


def weights(folder: Path, kind: Kind) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder, kind)[1]


AUGMENTED = ("--data.augment", "0.5", "--data.augmentation.compression", "0")
"""Without x264, which compresses equal frames a little differently from time to time."""


@pytest.mark.parametrize(("kind", "options"), [("idm", ()), ("idm", AUGMENTED), ("policy", ()), ("generator", ())])
def test_a_run_stopped_in_the_middle_equals_an_unbroken_one(
    kind: Kind, options: tuple[str, ...], start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With accumulated gradients, frames decoded in two processes, and in another number of them when it goes on."""
    more = ("--trainer.accumulate_grad_batches", "2", "--seed_everything", "1", *options)
    assert start(kind, "unbroken", *more) == 0
    module = CLASSES[kind][0]
    whole, calls = module.training_step, 0

    def interrupted(self: Any, batch: Any, index: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            signal.raise_signal(signal.SIGTERM)
        return whole(self, batch, index)

    monkeypatch.setattr(module, "training_step", interrupted)
    assert start(kind, "broken", *more) == 143
    assert read_metadata(tmp_path / "broken")["steps"] == 2
    assert start(kind, "broken", *more, "--data.workers", "1") == 0
    unbroken, broken = weights(tmp_path / "unbroken", kind), weights(tmp_path / "broken", kind)
    assert all(torch.equal(unbroken[name], broken[name]) for name in unbroken)


def test_what_is_damaged_is_named(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    assert start("idm", "run") == 0
    assert any("passed over" in record.message and "noise-2" in record.message for record in caplog.records)


def test_much_play_is_streamed_without_being_asked_for(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("learning.datamodule.STREAM_ABOVE_GB", 1e-5)
    caplog.set_level("INFO")
    assert start("policy", "run", "--data.frames", "auto") == 0
    assert any("decoded while training goes on" in record.message for record in caplog.records)


GAME = """
degrees_per_pixel: 0.15
keys: {key.keyboard.w: forward, mouse.0: use}
"""


def test_a_key_table_decides_what_is_learnt(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mouse's first button, which the recordings hold, is `use` in this game."""
    table = tmp_path / "game.yaml"
    table.write_text(GAME)
    seen: list[torch.Tensor] = []
    whole = IDMModule.training_step

    def looked_at(self: Any, batch: Any, index: int) -> Any:
        seen.append(batch.buttons.any(dim=(0, 1)))
        return whole(self, batch, index)

    monkeypatch.setattr(IDMModule, "training_step", looked_at)
    assert start("idm", "run", "--data.keys", str(table)) == 0
    pressed = torch.stack(seen).any(0)
    assert [BUTTONS[i] for i in pressed.nonzero()[:, 0].tolist()] == ["use"]


def test_the_index_lies_beside_the_recordings_if_asked_for(start: Start, recordings: Path, tmp_path: Path) -> None:
    """Moved with them, it still knows them."""
    assert start("policy", "run", "--data.index", str(recordings / ".ghostkeys")) == 0
    entries = {path.name: path.stat().st_mtime_ns for path in (recordings / ".ghostkeys").glob("*.recording")}
    assert len(entries) >= 4
    moved = recordings.rename(tmp_path / "moved")
    assert start("policy", "other", "--data.root", str(moved), "--data.index", str(moved / ".ghostkeys")) == 0
    assert {path.name: path.stat().st_mtime_ns for path in (moved / ".ghostkeys").glob("*.recording")} == entries
