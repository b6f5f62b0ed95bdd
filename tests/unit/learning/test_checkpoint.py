"""Checkpoint folders: what is wrong with one is said in a line."""

from pathlib import Path

import pytest
import torch

from env.errors import CheckpointError
from idm.model import load
from learning.checkpoint import load_checkpoint, load_strictly, read_metadata, save_checkpoint

WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.ones(1)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "model", "policy", {"width": 3, "layers": [1, 2]}, WEIGHTS, metadata={"steps": 7})


def test_round_trip(folder: Path) -> None:
    config, tensors = load_checkpoint(folder, "policy")
    assert config == {"width": 3, "layers": [1, 2]}
    assert tensors.keys() == WEIGHTS.keys()
    assert all(torch.equal(tensors[name], WEIGHTS[name]) for name in WEIGHTS)
    assert read_metadata(folder) == {"steps": 7}


def test_nothing_else_is_left_in_the_folder(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "model.safetensors", "format_version"}


def test_another_kind(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'policy'.*'idm'"):
        load(folder)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such folder"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors", "format_version"])
def test_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_checkpoint(folder, "policy")


def test_newer_format(folder: Path) -> None:
    (folder / "format_version").write_text("99\n")
    with pytest.raises(CheckpointError, match="'99'; this version reads up to 1"):
        load_checkpoint(folder, "policy")


def test_cut_off_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        load_checkpoint(folder, "policy")


@pytest.mark.parametrize("text", ["kind: [", "just text", "kind: policy\n"])
def test_broken_config(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.yaml"):
        load_checkpoint(folder, "policy")


def test_every_tensor_that_does_not_fit_is_named() -> None:
    model = torch.nn.Linear(3, 2)
    tensors = {"weight": torch.zeros(2, 4), "gain": torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r"bias is missing; gain is left over; weight has shape \(2, 4\) instead"):
        load_strictly(model, tensors, source="here")
