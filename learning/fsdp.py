"""FSDP: training processes share a model's weights, gradients and optimizer state out among them.

    trainer = Trainer(strategy=ShardedStrategy(), devices=8)  # as `--trainer.strategy fsdp` does

Each process holds its part of every weight, and gathers a layer's whole weights while it computes that layer. What is
saved is whole, in the form of a run of one process, so that a run may go on with another number of processes or with
another strategy.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from learning.nn.attention import SelfAttention
from learning.nn.impala import FanInLinear

UNITS = (SelfAttention, FanInLinear)
"""Layers whose weights are gathered for themselves; together they have nearly all weights of a large model."""
OTHER_ENTRANCES = ("infer",)
"""Methods of a model, besides `forward`, that are called from outside and use its weights."""


class ShardedStrategy(DDPStrategy):
    """FSDP2 for a training module's `model`: sharded from the start of `fit` to its last step, then whole again."""

    def __init__(self) -> None:
        super().__init__()
        self._whole: nn.Module | None = None

    def model_to_device(self) -> None:
        """Leaves a model that is to be sharded where it is: its parts are moved one by one."""
        assert self.lightning_module is not None
        if self.lightning_module.trainer.state.fn != "fit":
            super().model_to_device()

    def configure_ddp(self) -> None:
        """Shards the model, in place of wrapping it."""
        assert self.lightning_module is not None
        model = cast("nn.Module", self.lightning_module.model)
        self._whole = without_weights(model)
        shard(model, self.root_device)
        super().model_to_device()

    def on_train_end(self) -> None:
        """Gives every process the whole model, on the CPU."""
        assert self.lightning_module is not None
        assert self._whole is not None
        sharded = cast("nn.Module", self.lightning_module.model)
        self._whole.load_state_dict(whole_tensors(sharded.state_dict()), assign=True)
        self.lightning_module.model = self._whole
        self.optimizers = []  # they have parts of weights that are gone

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """The whole weights in the first process; nothing in the others, which must call it too."""
        return whole_tensors(super().lightning_module_state_dict(), keep=self.is_global_zero)

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """The optimizer's whole state in the first process; the others, which must call it too, have no tensors."""
        plain = optimizer.optimizer if isinstance(optimizer, LightningOptimizer) else optimizer
        state = plain.state_dict()
        kept = {number: whole_tensors(each, keep=self.is_global_zero) for number, each in state["state"].items()}
        return {**state, "state": kept}

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """A saved state, whole; the processes of a machine share the memory it takes."""
        state: dict[str, Any] = torch.load(Path(checkpoint_path), map_location="cpu", weights_only=True, mmap=True)
        return state

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Takes this process's part of the saved optimizer state."""
        for optimizer, saved in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            state = {
                number: {name: _shared_like(weights[number], value) for name, value in each.items()}
                for number, each in saved["state"].items()
            }
            optimizer.load_state_dict({**saved, "state": state})


def shard(model: nn.Module, device: torch.device) -> None:
    """Shares a model's weights out among all processes, in place: `UNITS` one by one, the rest together."""
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for unit in [module for module in model.modules() if isinstance(module, UNITS)]:
        fully_shard(unit, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for name in OTHER_ENTRANCES:
        if hasattr(model, name):
            register_fsdp_forward_method(model, name)


def without_weights(model: nn.Module) -> nn.Module:
    """A copy of a model whose weights take no memory, to be filled by `load_state_dict(..., assign=True)`."""
    memo: dict[int, Any] = {
        id(weight): nn.Parameter(torch.empty_like(weight, device="meta"), requires_grad=weight.requires_grad)
        for weight in model.parameters()
    }
    return copy.deepcopy(model, memo)


def whole_tensors(tensors: Mapping[str, Any], *, keep: bool = True) -> dict[str, Any]:
    """The same with sharded tensors gathered, on the CPU. All processes must call it; without `keep`, gives nothing.

    Tensors are gathered one after another, so that a process that keeps nothing needs room for one.
    """
    gathered = ((name, _whole(tensor)) for name, tensor in tensors.items())
    return {name: value for name, value in gathered if keep}


def _whole(value: Any) -> Any:
    if isinstance(value, DTensor):  # torch cannot gather what has no numbers, such as the basis of vpt.yaml's attention
        value = value.full_tensor() if value.numel() else torch.empty(value.shape, dtype=value.dtype)
    return value.detach().cpu() if isinstance(value, Tensor) else value


def _shared_like(weight: Tensor, value: Any) -> Any:
    """This process's part of a weight's saved state; numbers such as the step are the same in all."""
    if isinstance(weight, DTensor) and isinstance(value, Tensor) and value.shape == weight.shape:
        mesh = weight.device_mesh
        return distribute_tensor(value.to(mesh.device_type), mesh, weight.placements, src_data_rank=None)
    return value
