"""OpenAI's two files, a `.model` and a `.weights`, read as what they are: pickles from a stranger.

A `.model` says how a network is built. It is a pickle that names three classes of gym3, which become empty objects
here; whatever else a pickle can name or do is refused before anything runs. A `.weights` is a file of torch.save, read
with `weights_only`.
"""

import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from env.errors import CheckpointError

MAX_MODEL_BYTES = 1 << 20
"""The published ones have 5 kB or less."""
MAX_WEIGHTS_BYTES = 16 << 30
"""The largest published one has 1.9 GB."""
MAX_WEIGHTS_INDEX_BYTES = 16 << 20
MAX_MEMO = 1 << 16
INERT_CLASSES = {("gym3.types", name) for name in ("DictType", "TensorType", "Discrete")}
PLAIN_OPCODES = (
    # Numbers, strings, tuples, lists and dictionaries; references among them; objects of the inert classes.
    "PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT UNICODE "
    "BINUNICODE SHORT_BINUNICODE STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES EMPTY_TUPLE TUPLE TUPLE1 "
    "TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS PUT BINPUT LONG_BINPUT MEMOIZE GET "
    "BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD"
)


@dataclass(frozen=True)
class ModelFile:
    """What a `.model` says."""

    path: Path
    network: Mapping[str, Any]
    """Arguments of the network."""
    head: Mapping[str, Any]
    """Arguments of the action heads."""

    @property
    def is_idm(self) -> bool:
        """Whether it is an inverse dynamics model: only they have a convolution over frames."""
        return "conv3d_params" in self.network


def read_model_file(path: Path | str) -> ModelFile:
    """Reads a `.model`. Raises CheckpointError, which names what was refused."""
    path = Path(path)
    content = _unpickle(path, _read_bounded(path, MAX_MODEL_BYTES, "a .model of OpenAI's"))
    try:
        args = content["model"]["args"]
        network, head = args["net"]["args"], args["pi_head_opts"]
    except (KeyError, TypeError, IndexError):
        network = head = None
    if not isinstance(network, dict) or not isinstance(head, dict):
        raise CheckpointError(
            f"{path} is no .model of OpenAI's: it lacks model.args.net.args or model.args.pi_head_opts."
        )
    return ModelFile(path, network, head)


def read_weights_file(path: Path | str) -> dict[str, Tensor]:
    """Reads a `.weights`: tensors by name, mapped from the file rather than read. Raises CheckpointError."""
    path = Path(path)
    _check_archive(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a damaged or hostile file can make it raise anything
        named = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it names {named[1]}" if named else str(error).strip().splitlines()[0]
        raise CheckpointError(f"{path} is refused: {reason}; expected tensors by name and nothing else.") from None
    if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded):
        raise CheckpointError(f"{path} holds {type(loaded).__name__}; expected tensors by name.")
    for name, tensor in loaded.items():
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or not tensor.is_floating_point():
            raise CheckpointError(f"{path}: {name!r} is no dense tensor of floating-point numbers.")
    if sum(tensor.numel() * tensor.element_size() for tensor in loaded.values()) > path.stat().st_size:
        raise CheckpointError(f"{path}: its tensors claim more numbers than the file holds.")
    return {name: tensor.detach() for name, tensor in loaded.items()}


class _Inert:
    """Stands for an object that nothing here needs."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


class _PlainUnpickler(pickle.Unpickler):
    """Builds plain data and inert objects."""

    def find_class(self, module: str, name: str) -> type[_Inert]:
        """Gives the inert class for gym3's three; refuses any other name."""
        if (module, name) not in INERT_CLASSES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _Inert


def _unpickle(path: Path, data: bytes) -> Any:
    allowed = set(PLAIN_OPCODES.split())
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in allowed:
                raise pickle.UnpicklingError(f"it has the opcode {opcode.name}")
            if opcode.name in {"PUT", "BINPUT", "LONG_BINPUT"} and argument not in range(MAX_MEMO):
                raise pickle.UnpicklingError(f"it has a memo of {argument} entries")
        return _PlainUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a damaged or hostile file can make it raise anything
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{path} is refused: {reason}; expected a .model of OpenAI's, plain data and three classes of gym3."
        ) from None


def _read_bounded(path: Path, limit: int, kind: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); expected {kind}.") from None
    if len(data) > limit:
        raise CheckpointError(f"{path} is larger than {limit} bytes; expected {kind}, which has a few thousand.")
    return data


def _check_archive(path: Path) -> None:
    """Nothing in the file may grow when it is read."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); expected a .weights of OpenAI's.") from None
    except Exception:  # zipfile raises more than BadZipFile on damaged archives
        raise CheckpointError(
            f"{path} is no .weights of OpenAI's, or it is cut off: expected an archive as torch.save writes it."
        ) from None
    if size > MAX_WEIGHTS_BYTES:
        raise CheckpointError(f"{path} has {size} bytes; expected at most {MAX_WEIGHTS_BYTES}.")
    index = sum(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not stored or sum(entry.file_size for entry in entries) > size or index > MAX_WEIGHTS_INDEX_BYTES:
        raise CheckpointError(f"{path} would grow when it is read: a .weights of OpenAI's is not compressed.")
