"""Files from strangers: whatever is not plain data is refused by name, and nothing of it runs."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from env.errors import CheckpointError
from learning.openai_files import MAX_MODEL_BYTES, read_model_file, read_weights_file

GOLDEN = Path(__file__).parents[2] / "golden" / "vpt"


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduced = (function, args)

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize("name", ["idm", "policy"])
def test_published_form_is_read(name: str) -> None:
    file = read_model_file(GOLDEN / f"{name}.model")
    assert file.is_idm == (name == "idm")
    assert file.network["hidsize"] in {32, 64}
    assert "temperature" in file.head


@pytest.mark.parametrize("protocol", range(2, 6))
def test_gym3_objects_are_inert_in_every_protocol(
    protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("DictType", "TensorType", "Discrete")
    classes = {name: type(name, (), {"__module__": "gym3.types"}) for name in names}
    module = types.ModuleType("gym3.types")
    vars(module).update(classes)
    space: Any = classes["DictType"]()
    space.inner = [classes["TensorType"](), classes["Discrete"]()]
    content = {"model": {"args": {"net": {"args": {"hidsize": 3}}, "pi_head_opts": {}}}, "extra_args": {"ac": space}}
    monkeypatch.setitem(sys.modules, "gym3", types.ModuleType("gym3"))
    monkeypatch.setitem(sys.modules, "gym3.types", module)
    (tmp_path / "real.model").write_bytes(pickle.dumps(content, protocol))
    monkeypatch.undo()
    assert read_model_file(tmp_path / "real.model").network == {"hidsize": 3}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "args", "named"),
    [
        (Path.touch, (Path("was-here"),), "pathlib|getattr"),
        (eval, ("open('was-here', 'w')",), r"builtins\.eval|__builtin__\.eval"),
        (exec, ("open('was-here', 'w')",), r"builtins\.exec|__builtin__\.exec"),
        (torch.load, ("was-here",), r"torch\.serialization\.load"),
    ],
)
def test_hostile_model_file_is_refused_by_name(
    function: Any, args: Any, named: str, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = {"model": {"args": {"net": {"args": {}}, "pi_head_opts": Calls(function, *args)}}}
    Path("hostile.model").write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(CheckpointError, match=named):
        read_model_file("hostile.model")
    assert not Path("was-here").exists()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"cgym3.types\nDictType.__init__\n.", r"gym3\.types\.DictType\.__init__"),
        (b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x00.", "expected"),  # a bytearray of 2^56 bytes
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "memo of 2147483647"),
        (b"\x80\x02\x8a\x7f.", "expected"),  # a number cut off
        (b"\x82\x01.", "EXT1"),
        (b"Pname\n.", "PERSID"),
        (b"", "expected"),
        (b"hello", "expected"),
        (b"\x80\x02}q\x00.", "lacks"),
        (b"\x80\x02K\x01.", "lacks"),
    ],
)
def test_malformed_model_file_is_refused(data: bytes, named: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.model"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=named) as refused:
        read_model_file(path)
    assert "odd.model" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_large_model_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large.model").write_bytes(b"\0" * (MAX_MODEL_BYTES + 1))
    with pytest.raises(CheckpointError, match="larger than"):
        read_model_file(tmp_path / "large.model")


def test_missing_files_are_named(tmp_path: Path) -> None:
    for read in (read_model_file, read_weights_file):
        with pytest.raises(CheckpointError, match=r"nothing-here cannot be read \(No such file"):
            read(tmp_path / "nothing-here")


def test_weights_are_read_whole() -> None:
    expected = torch.load(GOLDEN / "policy.weights", weights_only=True)
    found = read_weights_file(GOLDEN / "policy.weights")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_weights_may_be_parameters(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.arange(3.0))
    torch.save(OrderedDict(a=parameter), tmp_path / "parameters.weights")
    found = read_weights_file(tmp_path / "parameters.weights")["a"]
    assert torch.equal(found, parameter.detach())
    assert not found.requires_grad


def test_hostile_weights_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"net.weight": Calls(exec, "open('was-here', 'w')")}, "hostile.weights")
    with pytest.raises(CheckpointError, match=r"it names (builtins\.)?exec"):
        read_weights_file("hostile.weights")
    assert not Path("was-here").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ([torch.zeros(2)], "holds list"),
        ({"a": 3}, "'a' is no dense tensor"),
        ({"a": torch.zeros(2, dtype=torch.int64)}, "'a' is no dense tensor"),
        ({"a": torch.eye(3).to_sparse()}, "'a' is no dense tensor"),
        ({"a": torch.zeros(1).expand(1 << 30)}, "claim more numbers"),
        ({1: torch.zeros(2)}, "expected tensors by name"),
    ],
)
def test_weights_that_are_no_tensors_by_name_are_refused(content: Any, named: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.weights")
    with pytest.raises(CheckpointError, match=named):
        read_weights_file(tmp_path / "odd.weights")


def test_compressed_weights_are_refused(tmp_path: Path) -> None:
    """An archive of zeros unpacks to a thousand times its size."""
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1000)}, buffer)
    with zipfile.ZipFile(buffer) as stored, zipfile.ZipFile(tmp_path / "bomb.weights", "w") as archive:
        for name in stored.namelist():
            archive.writestr(name, stored.read(name), compress_type=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="would grow"):
        read_weights_file(tmp_path / "bomb.weights")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_cut_off_weights_are_refused(share: float, tmp_path: Path) -> None:
    data = (GOLDEN / "policy.weights").read_bytes()
    (tmp_path / "short.weights").write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match=r"short\.weights"):
        read_weights_file(tmp_path / "short.weights")
