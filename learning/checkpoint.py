"""A checkpoint is a folder: `config.yaml` (what to build), `model.safetensors` (its weights), `format_version`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from env.errors import CheckpointError
from env.files import atomic_path, sha256_of

Kind = Literal["idm", "policy", "generator"]

FORMAT_VERSION = 1
CONFIG_FILE = "config.yaml"
WEIGHTS_FILE = "model.safetensors"
VERSION_FILE = "format_version"


def save_checkpoint(
    folder: Path | str,
    kind: Kind,
    config: Mapping[str, Any],
    state_dict: Mapping[str, Tensor],
    *,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a model into `folder`, each file by rename. `config` is plain YAML; `metadata` says how it came to be."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state_dict.items()}
    with atomic_path(folder / WEIGHTS_FILE) as temporary:
        temporary.write_bytes(save(tensors))
    document = {"kind": kind, "config": dict(config), "metadata": dict(metadata or {})}
    with atomic_path(folder / CONFIG_FILE) as temporary:
        temporary.write_text(yaml.safe_dump(document, sort_keys=False))
    with atomic_path(folder / VERSION_FILE) as temporary:
        temporary.write_text(f"{FORMAT_VERSION}\n")
    return folder


def load_checkpoint(folder: Path | str, kind: Kind) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Reads what `save_checkpoint` wrote: the config and the tensors. Raises CheckpointError."""
    folder = Path(folder)
    config = read_config(folder, kind)
    try:
        return config, load_file(str(folder / WEIGHTS_FILE))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{folder / WEIGHTS_FILE} cannot be read ({error}); copy it again or train again."
        ) from None


def read_config(folder: Path | str, kind: Kind) -> dict[str, Any]:
    """The config of a checkpoint alone. Raises CheckpointError."""
    document = _read_document(Path(folder))
    if document["kind"] != kind:
        raise CheckpointError(
            f"{folder} holds a checkpoint of kind {document['kind']!r}; one of kind {kind!r} is needed."
        )
    return dict(document["config"])


def read_metadata(folder: Path | str) -> dict[str, Any]:
    """How the checkpoint came to be (steps trained, …). Raises CheckpointError."""
    return dict(_read_document(Path(folder))["metadata"])


def weights_sha256(folder: Path | str) -> str | None:
    """The fingerprint of a checkpoint's weights; None where there are none."""
    weights = Path(folder) / WEIGHTS_FILE
    return sha256_of(weights) if weights.exists() else None


def load_strictly(model: nn.Module, tensors: Mapping[str, Tensor], *, source: Path | str) -> None:
    """Fills `model` with exactly these tensors; a CheckpointError names any missing, left over or of another shape."""
    expected = model.state_dict()
    problems = [f"{name} is missing" for name in expected if name not in tensors]
    problems += [f"{name} is left over" for name in tensors if name not in expected]
    problems += [
        f"{name} has shape {tuple(tensors[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    if problems:
        shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise CheckpointError(f"{source} does not fit the model its config describes: {shown}.")
    model.load_state_dict(dict(tensors))


def _read_document(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a checkpoint: there is no such folder.")
    for name in (VERSION_FILE, CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} is not a whole checkpoint: {name} is missing; "
                f"it needs {CONFIG_FILE}, {WEIGHTS_FILE} and {VERSION_FILE}."
            )
    found = (folder / VERSION_FILE).read_text().strip()
    if not found.isdigit() or int(found) > FORMAT_VERSION:
        raise CheckpointError(
            f"{folder} was written in format {found!r}; this version reads up to {FORMAT_VERSION}. "
            "Update ghostkeys or export it again."
        )
    try:
        document = yaml.safe_load((folder / CONFIG_FILE).read_text())
    except yaml.YAMLError as error:
        reason = str(error).replace("\n", " ")
        raise CheckpointError(f"{folder / CONFIG_FILE} is not valid YAML: {reason}") from None
    if not isinstance(document, dict) or not {"kind", "config", "metadata"} <= document.keys():
        raise CheckpointError(f"{folder / CONFIG_FILE} must hold the keys kind, config and metadata.")
    return document
