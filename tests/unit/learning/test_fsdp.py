from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from env.errors import UsageError
from generator.data import ClipsDataModule
from generator.module import GeneratorModule
from idm.datamodule import IDMDataModule
from idm.module import IDMModule
from learning.fsdp import UNITS, shard, whole_tensors, without_weights
from learning.nn.attention import Transformer
from learning.training import run_training


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A run of one process that takes itself for several."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture(params=[2, None])
def model(request: pytest.FixtureRequest) -> nn.Module:
    """With relative positions, and with VPT's, of which there are none: weights of shape (10, 0)."""
    return Transformer(width=16, depth=1, heads=2, reach=request.param)


@pytest.mark.usefixtures("alone")
def test_every_weight_is_sharded_and_comes_back_whole(model: nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    whole = without_weights(model)
    shard(model, torch.device("cpu"))
    assert all(isinstance(weight, DTensor) for weight in model.parameters())
    assert all(isinstance(unit, FSDPModule) for unit in model.modules() if isinstance(unit, UNITS))
    whole.load_state_dict(whole_tensors(model.state_dict()), assign=True)
    after = whole.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(isinstance(module, FSDPModule) for module in whole.modules())


@pytest.mark.usefixtures("alone")
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view tensor")
def test_a_sharded_model_computes_what_a_whole_one_does(model: nn.Module) -> None:
    frames = torch.randn(2, 5, 16)
    expected = model(frames)[0].detach()
    shard(model, torch.device("cpu"))
    assert torch.allclose(model(frames)[0], expected, atol=1e-6)


def test_a_copy_without_weights_keeps_the_original_and_what_is_frozen(model: nn.Module) -> None:
    next(model.parameters()).requires_grad_(False)
    copied = without_weights(model)
    assert all(weight.is_meta for weight in copied.parameters())
    assert not any(weight.is_meta for weight in model.parameters())
    pairs = zip(model.parameters(), copied.parameters(), strict=True)
    assert all(one.requires_grad == other.requires_grad for one, other in pairs)


def test_who_keeps_nothing_gets_nothing(model: nn.Module) -> None:
    assert whole_tensors(model.state_dict(), keep=False) == {}


@pytest.mark.parametrize(
    ("model", "data", "kind", "more", "told"),
    [
        (GeneratorModule, ClipsDataModule, "generator", [], "expected ddp for the generator"),
        (IDMModule, IDMDataModule, "idm", ["--ema", "0.9"], "--ema averages whole weights"),
    ],
)
def test_what_cannot_be_sharded_is_refused(
    model: type, data: type, kind: str, more: list[str], told: str, tmp_path: Path
) -> None:
    arguments = ["--config", "tiny", "--data.root", str(tmp_path), "--output", str(tmp_path / "run"), *more]
    with pytest.raises(UsageError, match=told):
        run_training(model, data, [*arguments, "--trainer.strategy", "fsdp"], kind=kind)  # type: ignore[arg-type]
