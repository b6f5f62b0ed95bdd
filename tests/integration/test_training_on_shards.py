"""Training on shards, in a folder and at an S3-compatible server on this machine."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

pytest.importorskip("litdata", reason='needs pip install "ghostkeys[shards]"')

from env.errors import GhostkeysError
from idm.datamodule import IDMDataModule
from idm.module import IDMModule
from idm.sharding import shard
from learning.checkpoint import load_checkpoint
from learning.training import run_training
from tests.unit.idm.clips import write_recordings
from tests.unit.idm.test_training import NETWORK


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small run of an IDM that reads fixed motion features."""
    content = {
        "model": {"network": NETWORK, "warmup_steps": 1},
        "data": {"batch_size": 2, "workers": 1, "validation_share": 0.2},
        "trainer": {"max_steps": 4, "val_check_interval": 2, "accelerator": "cpu"},
    }
    path = tmp_path / "idm.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    return write_recordings(tmp_path / "recordings", 5, length=100)


def fit(config: Path, root: str, output: Path, *more: str) -> int:
    arguments = ["--config", str(config), "--data.root", root, "--output", str(output), *more]
    return run_training(IDMModule, IDMDataModule, arguments, kind="idm")


def test_a_run_on_a_bucket_is_stopped_and_goes_on(
    s3: str, config: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads the motion features that lie in the shards, and keeps what it fetched."""
    bucket, cache = f"{s3}/play/run", ["--data.cache", str(tmp_path / "fetched")]
    assert shard([str(recordings), "--output", bucket, "--model", str(config), "--sample-ticks", "30"]) == 0
    seen: list[torch.Tensor] = []
    whole = IDMModule.training_step

    def interrupted(self: Any, batch: Any, index: int) -> Any:
        assert batch.motion is not None
        seen.append(batch.frames)
        if len(seen) == 6:
            signal.raise_signal(signal.SIGTERM)
        return whole(self, batch, index)

    monkeypatch.setattr(IDMModule, "training_step", interrupted)
    assert fit(config, bucket, tmp_path / "unbroken", *cache) == 0
    assert len(seen) == 4
    assert list((tmp_path / "fetched").glob("*.sample"))
    assert fit(config, bucket, tmp_path / "broken", *cache) == 143
    assert fit(config, bucket, tmp_path / "broken", *cache) == 0
    assert len(seen) == 8
    assert all(torch.equal(one, other) for one, other in zip(seen[:4], seen[4:], strict=True))
    unbroken, broken = (load_checkpoint(tmp_path / name, "idm")[1] for name in ("unbroken", "broken"))
    assert all(torch.equal(unbroken[name], broken[name]) for name in unbroken)


def test_shards_of_another_model_are_refused(config: Path, recordings: Path, tmp_path: Path) -> None:
    plain, other = str(tmp_path / "plain"), str(tmp_path / "other")
    assert shard([str(recordings), "--output", plain, "--size", "16", "16"]) == 0
    with pytest.raises(GhostkeysError, match=r"16x16.*wants 32x32"):
        fit(config, plain, tmp_path / "run")
    text = yaml.safe_load(config.read_text())
    text["model"]["network"]["motion"][0]["radius"] = [1, 2]
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(text))
    assert shard([str(recordings), "--output", other, "--model", str(changed)]) == 0
    with pytest.raises(GhostkeysError, match="motion features of another model"):
        fit(config, other, tmp_path / "run")


def test_shards_without_motion_features_train_as_well(config: Path, recordings: Path, tmp_path: Path) -> None:
    shards = str(tmp_path / "shards")
    assert shard([str(recordings), "--output", shards, "--size", "32", "32"]) == 0
    assert fit(config, shards, tmp_path / "run", "--data.validation_share", "0") == 0
